//! cargo-make: tasks of `Makefile.toml` and of the files that it extends.
//!
//! The tool's own core tasks are inherited by every file; they are listed only where a file overrides them.

use std::collections::HashSet;

mod core;

use super::Scan;
use super::scan::{Place, first_line};
use crate::document::{Entry, Node};
use crate::files;
use crate::task::{FoundTask, Program};

/// Most files that are read through `extend`.
const MAX_FILES: usize = 64;

pub(super) fn discover(scan: &mut Scan<'_>) {
    if !scan.has("Makefile.toml") {
        return;
    }
    let file = scan.path("Makefile.toml");
    let mut makefile = Makefile::default();
    makefile.read(scan, &file);
    for task in makefile.tasks.into_iter().filter(|task| task.private != Some(true)) {
        scan.push(task.found);
    }
}

#[derive(Default)]
struct Makefile {
    seen: HashSet<String>,
    tasks: Vec<MakeTask>,
}

struct MakeTask {
    found: FoundTask,
    private: Option<bool>,
}

impl Makefile {
    /// A file's own fields win over those of the files that it extends.
    fn read(&mut self, scan: &mut Scan<'_>, file: &str) {
        if self.seen.len() >= MAX_FILES || !self.seen.insert(file.to_owned()) {
            return;
        }
        let Some(document) = scan.toml(file) else {
            return;
        };
        for entry in document.get("tasks").map(Node::entries).unwrap_or_default() {
            self.task(scan, file, entry);
        }
        if let Some(script) = document.get("config").and_then(|config| config.entry("load_script"))
        {
            let reason = "a load_script may write further makefiles before tasks are read";
            scan.dynamic(file, Some(script.line), reason);
        }
        if let Some(extend) = document.entry("extend") {
            self.extend(scan, file, extend);
        }
    }

    fn task(&mut self, scan: &Scan<'_>, file: &str, entry: &Entry) {
        let task = &entry.value;
        let private = task.get("private").and_then(Node::as_bool);
        let argv = ["cargo", "make", &entry.key].map(str::to_owned).to_vec();
        let program = Program::Argv { argv, separator: None };
        let mut found = scan.declare(&entry.key, Place::new(file, entry.line), program);
        let text = |key: &str| task.get(key).and_then(Node::as_str);
        found.task.description = text("description").and_then(first_line);
        found.task.group = text("category").map(str::to_owned);
        found.task.alias_of = alias(task).map(str::to_owned);
        found.commands = commands(task);
        let cleared = task.get("clear").and_then(Node::as_bool) == Some(true);
        match self.tasks.iter_mut().find(|known| known.found.task.name == entry.key) {
            Some(known) => known.inherit(MakeTask { found, private }),
            None => {
                // An overridden core task stays private unless the file says otherwise.
                let is_core = !cleared && core::PRIVATE.contains(&entry.key.as_str());
                let private = private.or(is_core.then_some(true));
                self.tasks.push(MakeTask { found, private });
            }
        }
    }

    fn extend(&mut self, scan: &mut Scan<'_>, file: &str, extend: &Entry) {
        let items = match extend.value.items() {
            [] => std::slice::from_ref(&extend.value),
            items => items,
        };
        // A later entry of the list wins, so it is read first.
        for item in items.iter().rev() {
            let Some(path) = item.as_str().or_else(|| item.get("path")?.as_str()) else {
                continue;
            };
            let base = match item.get("relative").and_then(Node::as_str) {
                Some("git") => "",
                Some("crate" | "workspace") => scan.dir,
                _ => files::parent(file),
            };
            let optional = item.get("optional").and_then(Node::as_bool) == Some(true);
            let line = Some(item.line);
            match files::join(base, path) {
                _ if path.contains("${") => {
                    scan.dynamic(
                        file,
                        line,
                        &format!("the extended file {path} depends on the environment"),
                    );
                }
                Some(target) if scan.files.is_file(&target) => self.read(scan, &target),
                None => scan.dynamic(file, line, &format!("{path} leads out of the repository")),
                Some(target) if !optional => {
                    let reason = format!("the extended file {target} does not exist");
                    scan.broken(file, line, &reason, "correct the path or mark it optional");
                }
                Some(_) => {}
            }
        }
    }
}

impl MakeTask {
    /// Takes over what the overriding declaration left open.
    fn inherit(&mut self, base: Self) {
        self.private = self.private.or(base.private);
        let (own, other) = (&mut self.found, base.found);
        own.task.description = own.task.description.take().or(other.task.description);
        own.task.group = own.task.group.take().or(other.task.group);
        own.task.alias_of = own.task.alias_of.take().or(other.task.alias_of);
        if own.commands.is_empty() {
            own.commands = other.commands;
        }
    }
}

/// The alias for this system, else the general one.
fn alias(task: &Node) -> Option<&str> {
    let own = match std::env::consts::OS {
        "macos" => "mac_alias",
        "windows" => "windows_alias",
        _ => "linux_alias",
    };
    task.get(own).or_else(|| task.get("alias"))?.as_str()
}

fn commands(task: &Node) -> Vec<String> {
    let mut commands = Vec::new();
    if let Some(command) = task.get("command").and_then(Node::as_str) {
        let args = task.get("args").map(Node::strings).unwrap_or_default();
        commands.push([&[command], &args[..]].concat().join(" "));
    }
    let script = task.get("script");
    let script = script.and_then(|script| script.get("content")).or(script);
    commands.extend(script.map(Node::strings).unwrap_or_default().into_iter().map(str::to_owned));
    commands
}
