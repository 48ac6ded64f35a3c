//! Task runners that live in `pyproject.toml`: poe, taskipy, pdm, hatch, rye and pixi.
//!
//! Entry points (`[project.scripts]`, `[tool.poetry.scripts]`) are programs, not tasks; poetry and uv
//! have no tasks of their own. The group of a task names its runner.

mod hatch;
mod poe;

use contracts::wgx::TaskArg;

use super::Scan;
use super::scan::{Place, argv, first_line};
use crate::document::{Entry, Node};
use crate::task::FoundTask;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let file = scan.path("pyproject.toml");
    let project = if scan.has("pyproject.toml") { scan.toml(&file) } else { None };
    let tool = project.as_ref().and_then(|project| project.get("tool"));
    poe::discover(scan, project.as_ref());
    hatch::discover(scan, tool);
    let Some(tool) = tool else {
        return;
    };
    for runner in RUNNERS {
        let Some(tasks) = tool.path(runner.table) else {
            continue;
        };
        for entry in tasks.entries().iter().filter(|entry| runner.lists(&entry.key)) {
            push(scan, &file, &runner, entry);
        }
    }
}

/// A runner whose table maps names to commands.
struct Runner {
    name: &'static str,
    table: &'static [&'static str],
    /// What starts a task; its name is appended.
    command: &'static [&'static str],
    /// Whether names that begin with `_` are private.
    has_private: bool,
    /// Whether it is a program of the project's environment.
    in_environment: bool,
}

impl Runner {
    fn lists(&self, name: &str) -> bool {
        !(self.has_private && name.starts_with('_'))
    }
}

const RUNNERS: [Runner; 4] = [
    Runner {
        name: "taskipy",
        table: &["taskipy", "tasks"],
        command: &["task"],
        has_private: false,
        in_environment: true,
    },
    Runner {
        name: "pdm",
        table: &["pdm", "scripts"],
        command: &["pdm", "run"],
        has_private: true,
        in_environment: false,
    },
    Runner {
        name: "rye",
        table: &["rye", "scripts"],
        command: &["rye", "run"],
        has_private: false,
        in_environment: false,
    },
    Runner {
        name: "pixi",
        table: &["pixi", "tasks"],
        command: &["pixi", "run"],
        has_private: true,
        in_environment: false,
    },
];

fn push(scan: &mut Scan<'_>, file: &str, runner: &Runner, entry: &Entry) {
    let mut words = if runner.in_environment { launcher(scan) } else { Vec::new() };
    words.extend(runner.command);
    words.push(&entry.key);
    let mut found = scan.declare(&entry.key, Place::new(file, entry.line), argv(&words));
    describe(&mut found, runner.name, &entry.value);
    if found.commands.iter().any(|command| command.contains("{args")) {
        found.task.args.push(rest_of_arguments());
    }
    scan.push(found);
}

/// Group, description and commands.
fn describe(found: &mut FoundTask, group: &str, task: &Node) {
    found.task.group = Some(group.to_owned());
    let help = task.get("help").or_else(|| task.get("description"));
    found.task.description = help.and_then(Node::as_str).and_then(first_line);
    collect_commands(task, &mut found.commands);
}

/// What a task does, from whichever key holds it.
fn collect_commands(task: &Node, commands: &mut Vec<String>) {
    const KEYS: [&str; 11] = [
        "cmd",
        "shell",
        "script",
        "expr",
        "ref",
        "sequence",
        "parallel",
        "call",
        "composite",
        "chain",
        "switch",
    ];
    if let Some(text) = task.as_str() {
        commands.push(text.to_owned());
    }
    for item in task.items() {
        collect_commands(item, commands);
    }
    for key in KEYS {
        if let Some(value) = task.get(key) {
            collect_commands(value, commands);
        }
    }
}

fn rest_of_arguments() -> TaskArg {
    TaskArg { name: "args".into(), required: false, default: None, variadic: true }
}

/// How a program of the project's environment is reached, by the lock file that is there.
fn launcher(scan: &Scan<'_>) -> Vec<&'static str> {
    for (lock, words) in [
        ("uv.lock", ["uv", "run"]),
        ("poetry.lock", ["poetry", "run"]),
        ("pdm.lock", ["pdm", "run"]),
        ("Pipfile.lock", ["pipenv", "run"]),
    ] {
        if scan.has(lock) {
            return words.to_vec();
        }
    }
    Vec::new()
}
