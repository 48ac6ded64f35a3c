//! go-task tasks: the Taskfile of a folder with its includes.

mod includes;
mod template;

use contracts::wgx::TaskArg;

use super::scan::{argv, first_line};
use super::{Place, Scan};
use crate::document::{Entry, Node, Value};
use crate::task::{FoundTask, Program};
use includes::{Listed, Loader};

/// File names in the order in which task looks for them.
const FILE_NAMES: [&str; 8] = [
    "Taskfile.yml",
    "taskfile.yml",
    "Taskfile.yaml",
    "taskfile.yaml",
    "Taskfile.dist.yml",
    "taskfile.dist.yml",
    "Taskfile.dist.yaml",
    "taskfile.dist.yaml",
];

pub(super) fn discover(scan: &mut Scan<'_>) {
    let present: Vec<String> =
        FILE_NAMES.iter().filter(|name| scan.has(name)).map(|name| scan.path(name)).collect();
    let Some(file) = present.into_iter().find(|path| scan.is_file(path)) else {
        return;
    };
    let listed = Loader::new(scan).taskfile(&file);
    for item in listed {
        if !item.internal {
            let task = found(scan, item);
            scan.push(task);
        }
    }
}

fn found(scan: &Scan<'_>, item: Listed) -> FoundTask {
    let name = item.name.as_str();
    let program = if name.contains('*') {
        Program::Shown("a name has to stand in place of the *")
    } else {
        with_separator(argv(&["task", name]))
    };
    let place = Place::new(&item.file, item.line);
    let mut found = scan.declare(name, place, program);
    let text = |key: &str| item.node.get(key).and_then(Node::scalar);
    let description = text("desc").filter(|text| !text.is_empty()).or(text("summary"));
    found.task.description = description
        .map(|text| template::render(text, &item.variables).unwrap_or_else(|| text.to_owned()))
        .and_then(|text| first_line(&text));
    found.task.aliases = item.aliases;
    found.task.args = required_variables(&item.node);
    found.commands = commands(&item.node);
    found
}

fn with_separator(program: Program) -> Program {
    match program {
        Program::Argv { argv, .. } => Program::Argv { argv, separator: Some("--") },
        other => other,
    }
}

/// `requires.vars`: names, or maps with a name.
fn required_variables(node: &Node) -> Vec<TaskArg> {
    let variables = node.path(&["requires", "vars"]).map_or(&[][..], Node::items);
    let names =
        variables.iter().filter_map(|item| item.scalar().or_else(|| item.get("name")?.scalar()));
    names
        .map(|name| TaskArg {
            name: name.to_owned(),
            required: true,
            default: None,
            variadic: false,
        })
        .collect()
}

/// The text of the commands in all their forms.
fn commands(node: &Node) -> Vec<String> {
    match &node.value {
        Value::String(command) => vec![command.clone()],
        Value::Sequence(items) => items.iter().flat_map(command).collect(),
        Value::Mapping(entries) => {
            let steps = |entry: &&Entry| matches!(entry.key.as_str(), "cmd" | "cmds");
            entries.iter().filter(steps).flat_map(|entry| commands(&entry.value)).collect()
        }
        _ => Vec::new(),
    }
}

fn command(item: &Node) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Node::scalar);
    item.scalar()
        .or_else(|| text("cmd"))
        .or_else(|| text("defer"))
        .map(str::to_owned)
        .or_else(|| text("task").map(|name| format!("task {name}")))
}
