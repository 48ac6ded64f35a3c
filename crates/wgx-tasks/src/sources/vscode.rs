//! VS Code: the tasks of `.vscode/tasks.json` and of `*.code-workspace` files in the root.

mod command;

use command::Variables;

use super::{Place, Scan};
use crate::document::Node;
use crate::task::Program;

pub(super) fn discover(scan: &mut Scan<'_>) {
    if scan.has(".vscode") {
        let file = scan.path(".vscode/tasks.json");
        if scan.files.is_file(&file)
            && let Some(config) = scan.jsonc(&file)
        {
            tasks(scan, &file, &config);
        }
    }
    let workspaces = scan.entries().into_iter().filter(|name| name.ends_with(".code-workspace"));
    for name in workspaces {
        let file = scan.path(&name);
        let Some(config) = scan.jsonc(&file) else {
            continue;
        };
        if let Some(config) = config.get("tasks") {
            tasks(scan, &file, config);
        }
    }
}

fn tasks(scan: &mut Scan<'_>, file: &str, config: &Node) {
    let old = config.get("version").and_then(Node::scalar) == Some("0.1.0");
    if old && config.get("tasks").is_none() {
        scan.dynamic(file, None, "a task file of version 0.1.0 names one command without tasks");
        return;
    }
    let root = scan.files.resolve(scan.dir).unwrap_or_else(|_| scan.files.root().to_owned());
    let variables = Variables { root: &root, dir: scan.dir };
    let tasks = config.get("tasks").map(Node::items).unwrap_or_default();
    for task in tasks {
        if task.get("hide").and_then(Node::as_bool) == Some(true) {
            continue;
        }
        let Some(name) = name(task) else {
            let hint = "give it a `label`";
            scan.broken(file, Some(task.line), "a task has no label", hint);
            continue;
        };
        let line = ["label", "taskName"].iter().find_map(|key| Some(task.entry(key)?.line));
        let place = Place::new(file, line.unwrap_or(task.line));
        let task = own(task, config, old);
        let started = command::started(&task, tasks, &variables);
        let (program, dir, env) = match started {
            Ok(start) => (start.program, start.dir, start.env),
            Err(why) => (Program::Shown(why), scan.dir.to_owned(), Vec::new()),
        };
        let mut found = scan.declare(&name, place, program);
        found.invocation.dir = dir;
        found.invocation.env = env;
        found.task.description = text(&task, "detail");
        found.task.group = group(&task);
        found.commands = command::shown(&task);
        found.needs = command::needs(&task, found.task.member.as_deref());
        scan.push(found);
    }
}

/// A task with what the file says for all of them and for this platform.
fn own(task: &Node, config: &Node, old: bool) -> Node {
    let platform = match std::env::consts::OS {
        "macos" => "osx",
        "windows" => "windows",
        _ => "linux",
    };
    let mut task = task.clone();
    let layers = [task.get(platform).cloned(), config.get(platform).cloned()];
    if let Some(special) = &layers[0] {
        command::overlay(&mut task, special);
    }
    for shared in layers[1].iter().chain([config]) {
        command::inherit(&mut task, shared, old);
    }
    task
}

/// The label, or the name that VS Code makes for a task of a provider.
fn name(task: &Node) -> Option<String> {
    let label = text(task, "label").or_else(|| text(task, "taskName"));
    if label.is_some() {
        return label;
    }
    let folder = |name: String| match text(task, "path") {
        Some(path) => format!("{name} - {}", path.trim_end_matches('/')),
        None => name,
    };
    match text(task, "type")?.as_str() {
        "npm" => text(task, "script").map(|script| folder(format!("npm: {script}"))),
        "typescript" => text(task, "tsconfig").map(|config| match text(task, "option") {
            Some(option) => format!("tsc: {option} - {config}"),
            None => format!("tsc: build - {config}"),
        }),
        "shell" | "process" => text(task, "command"),
        provider => {
            let action = ["task", "script", "command", "target"];
            let action = action.iter().find_map(|key| text(task, key))?;
            Some(format!("{provider}: {action}"))
        }
    }
}

/// `build` and `test`, as a word or as a map.
fn group(task: &Node) -> Option<String> {
    let group = task.get("group")?;
    let kind = group.get("kind").unwrap_or(group).as_str()?;
    (kind != "none").then(|| kind.to_owned())
}

fn text(task: &Node, key: &str) -> Option<String> {
    let text = task.get(key)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
