//! npm, pnpm, Yarn and bun: the scripts of `package.json` and of the workspace's members.

mod manager;
mod workspace;

use std::collections::HashMap;

use manager::Manager;
pub(super) use workspace::{Package, Workspace, package};

use super::{Place, Scan};
use crate::document::{Entry, Node};

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(workspace) = Workspace::read(scan.files, scan.dir) else {
        return;
    };
    for fault in &workspace.faults {
        let hint = "correct the file; until then its scripts are not listed";
        scan.broken(&fault.file, fault.line, &fault.reason, hint);
    }
    for package in workspace.packages() {
        scripts(scan, package, workspace.manager);
    }
}

fn scripts(scan: &mut Scan<'_>, package: &Package, manager: Manager) {
    let Some(scripts) = package.manifest.entry("scripts") else {
        return;
    };
    if !scripts.value.is_mapping() && !scripts.value.is_null() {
        let reason = format!("`scripts` is {}, not a map", scripts.value.kind());
        scan.broken(&package.file, Some(scripts.line), &reason, "make it a map of name to command");
    }
    let member = (!package.dir.is_empty()).then_some(package.dir.as_str());
    let comments = comments(&scripts.value);
    for script in scripts.value.entries() {
        // The managers leave out what is not a string.
        let Some(command) = script.value.as_str() else {
            continue;
        };
        let place = Place::new(&package.file, script.line);
        let mut found = scan.declare_in(member, &script.key, place, manager.run(&script.key));
        found.task.description = description(&package.manifest, &comments, script);
        found.task.group = member.and_then(|_| package.name()).map(str::to_owned);
        found.commands = vec![full_command(&package.manifest, &script.key, command)];
        scan.push(found);
    }
}

/// The words that start a tool: through the package manager where its package is one of the root's
/// dependencies, else by its plain name.
pub(super) fn starter(workspace: Option<&Workspace>, package: &str, program: &str) -> Vec<String> {
    let depends = |root: &Package| {
        ["devDependencies", "dependencies"]
            .iter()
            .any(|kind| root.manifest.path(&[kind, package]).is_some())
    };
    let words: &[&str] = match workspace {
        Some(workspace) if workspace.root.as_ref().is_some_and(depends) => workspace.manager.exec(),
        _ => &[],
    };
    let words = words.iter().copied().chain([program]);
    words.map(str::to_owned).collect()
}

/// Descriptions by the conventions that readers of `package.json` know: `scripts-info`,
/// `ntl.descriptions`, and comment keys (`"//NAME"`, `"?NAME"`).
fn description(manifest: &Node, comments: &HashMap<&str, &Node>, script: &Entry) -> Option<String> {
    let name = script.key.as_str();
    let said = manifest
        .path(&["scripts-info", name])
        .or_else(|| manifest.path(&["ntl", "descriptions", name]))
        .or_else(|| comments.get(name).copied())?;
    super::scan::first_line(said.as_str()?)
}

/// Comment keys by the name that they comment; looked up once, since manifests can have thousands of
/// scripts.
fn comments(scripts: &Node) -> HashMap<&str, &Node> {
    let mut comments = HashMap::new();
    for entry in scripts.entries() {
        if let Some(name) = entry.key.strip_prefix("//").or_else(|| entry.key.strip_prefix('?')) {
            comments.insert(name, &entry.value);
        }
    }
    comments
}

/// What a script does; wireit keeps the real command beside it.
fn full_command(manifest: &Node, name: &str, command: &str) -> String {
    let wireit = || manifest.path(&["wireit", name, "command"])?.as_str();
    match command.trim() {
        "wireit" => wireit().unwrap_or(command).to_owned(),
        _ => command.to_owned(),
    }
}
