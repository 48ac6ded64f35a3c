//! Turborepo: the tasks of `turbo.json` (`tasks`, before version 2 `pipeline`) and of the packages that
//! extend it.

use super::npm::{self, Package, Workspace};
use super::{Place, Scan};
use crate::document::{Entry, Node};
use crate::task::Program;

const FILES: [&str; 2] = ["turbo.json", "turbo.jsonc"];

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(file) = scan.first_of(&FILES) else {
        return;
    };
    let Some(config) = scan.jsonc(&file) else {
        return;
    };
    let workspace = Workspace::read(scan.files, scan.dir);
    let starter = npm::starter(workspace.as_ref(), "turbo", "turbo");
    for task in declared(&config) {
        let words = [&starter[..], &["run".to_owned(), task.key.clone()]].concat();
        let found = scan.declare(&task.key, Place::new(&file, task.line), program(words));
        push(scan, found, task);
    }
    let Some(workspace) = workspace else {
        return;
    };
    for member in &workspace.members {
        package_tasks(scan, member, &starter);
    }
}

/// The tasks that a package declares or changes in its own file.
fn package_tasks(scan: &mut Scan<'_>, member: &Package, starter: &[String]) {
    let paths = FILES.map(|name| format!("{}/{name}", member.dir));
    let Some(file) = paths.iter().find(|path| scan.files.is_file(path)) else {
        return;
    };
    let Some(config) = scan.jsonc(file) else {
        return;
    };
    let filter = match member.name() {
        Some(name) => format!("--filter={name}"),
        None => format!("--filter=./{}", member.dir),
    };
    for task in declared(&config) {
        // `extends: false` without anything else takes an inherited task away.
        let taken_away = task.value.get("extends").and_then(Node::as_bool) == Some(false)
            && task.value.entries().len() == 1;
        if taken_away {
            continue;
        }
        let own = ["run".to_owned(), task.key.clone(), filter.clone()];
        let words = [starter, &own].concat();
        let place = Place::new(file, task.line);
        let mut found = scan.declare_in(Some(&member.dir), &task.key, place, program(words));
        found.invocation.dir = scan.dir.to_owned();
        found.task.group = member.name().map(str::to_owned);
        push(scan, found, task);
    }
}

fn push(scan: &mut Scan<'_>, mut found: crate::task::FoundTask, task: &Entry) {
    let description = task.value.get("description").and_then(Node::as_str);
    found.task.description = description.and_then(super::scan::first_line);
    scan.push(found);
}

fn declared(config: &Node) -> &[Entry] {
    let tasks = config.get("tasks").or_else(|| config.get("pipeline"));
    tasks.map(Node::entries).unwrap_or_default()
}

fn program(argv: Vec<String>) -> Program {
    Program::Argv { argv, separator: Some("--") }
}
