//! Dev containers: the lifecycle commands of every `devcontainer.json`.
//!
//! Each command is a task named after its key, in a folder below `.devcontainer` with that folder's name
//! before it (`python/postCreateCommand`). They are meant for the inside of the container and are started
//! through its command-line tool, all but `initializeCommand`, which runs on the host.

use super::{Place, Scan};
use crate::document::{Entry, Node, Value};
use crate::task::Program;

/// In the order in which they run.
const COMMANDS: [(&str, &str); 6] = [
    ("initializeCommand", "on the host, before the container is made"),
    ("onCreateCommand", "in the container, once it is made"),
    ("updateContentCommand", "in the container, when the content changes"),
    ("postCreateCommand", "in the container, after it is made"),
    ("postStartCommand", "in the container, each time it starts"),
    ("postAttachCommand", "in the container, each time a tool attaches"),
];

pub(super) fn discover(scan: &mut Scan<'_>) {
    if scan.has(".devcontainer.json") {
        let file = scan.path(".devcontainer.json");
        configuration(scan, &file, "");
    }
    if !scan.has(".devcontainer") {
        return;
    }
    let folder = scan.path(".devcontainer");
    let file = format!("{folder}/devcontainer.json");
    if scan.files.is_file(&file) {
        configuration(scan, &file, "");
    }
    if !scan.files.is_dir(&folder) {
        return;
    }
    for name in scan.files.folders(&folder, true) {
        let file = format!("{folder}/{name}/devcontainer.json");
        if scan.files.is_file(&file) {
            configuration(scan, &file, &format!("{name}/"));
        }
    }
}

fn configuration(scan: &mut Scan<'_>, file: &str, prefix: &str) {
    let Some(config) = scan.jsonc(file) else {
        return;
    };
    for (key, when) in COMMANDS {
        let Some(entry) = config.entry(key).filter(|entry| !is_empty(&entry.value)) else {
            continue;
        };
        let program = match key {
            "initializeCommand" => on_host(entry),
            _ => in_container(entry, within(scan.dir, file)),
        };
        let name = format!("{prefix}{key}");
        let mut found = scan.declare(&name, Place::new(file, entry.line), program);
        let title = config.get("name").and_then(Node::as_str);
        found.task.description = Some(match title {
            Some(title) => format!("{title}: {when}"),
            None => when.to_owned(),
        });
        found.task.group = Some("lifecycle".to_owned());
        found.commands = parts(&entry.value).iter().map(Part::text).collect();
        scan.push(found);
    }
}

/// One command: a line for a shell, or words without one.
enum Part<'a> {
    Line(&'a str),
    Words(Vec<&'a str>),
}

impl Part<'_> {
    /// As a line for a shell.
    fn text(&self) -> String {
        match self {
            Self::Line(line) => (*line).to_owned(),
            Self::Words(words) => {
                let quoted = words.iter().map(|word| shell_word(word));
                quoted.collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// A string, a list of words, or a map of commands that run side by side.
fn parts(value: &Node) -> Vec<Part<'_>> {
    match &value.value {
        Value::String(line) => vec![Part::Line(line)],
        Value::Sequence(_) => vec![Part::Words(value.strings())],
        Value::Mapping(entries) => entries
            .iter()
            .flat_map(|entry| match &entry.value.value {
                Value::Mapping(_) => Vec::new(),
                _ => parts(&entry.value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn is_empty(value: &Node) -> bool {
    parts(value).iter().all(|part| part.text().trim().is_empty())
}

fn on_host(entry: &Entry) -> Program {
    let mut lines: Vec<String> = parts(&entry.value).iter().map(Part::text).collect();
    match lines.len() {
        1 => Program::Shell(lines.remove(0)),
        _ => Program::ShellLines(lines),
    }
}

fn in_container(entry: &Entry, file: &str) -> Program {
    let lines: Vec<String> = parts(&entry.value).iter().map(Part::text).collect();
    let words = ["devcontainer", "exec", "--workspace-folder", ".", "--config", file];
    let mut argv = words.map(str::to_owned).to_vec();
    argv.extend(["sh", "-c"].map(str::to_owned));
    argv.push(match lines.as_slice() {
        [line] => line.clone(),
        lines => format!("set -e\n{}", lines.join("\n")),
    });
    Program::Argv { argv, separator: None }
}

/// A path relative to the scanned folder, where the task is started.
fn within<'a>(dir: &str, file: &'a str) -> &'a str {
    let inside = file.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'));
    inside.filter(|_| !dir.is_empty()).unwrap_or(file)
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
