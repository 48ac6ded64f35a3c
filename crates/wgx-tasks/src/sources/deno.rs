//! Deno: the tasks of `deno.json` or `deno.jsonc` and of the workspace's members.

use super::npm::Workspace;
use super::{Place, Scan, member_glob};
use crate::document::{Entry, Node};
use crate::files::{self, RepoFiles};
use crate::task::Program;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let config = scan.first_of(&["deno.json", "deno.jsonc"]);
    let Some(file) = config else {
        return;
    };
    let Some(root) = scan.jsonc(&file) else {
        return;
    };
    tasks(scan, &file, &root);
    for member in members(scan, &file, &root) {
        if let Some(config) = scan.jsonc(&member) {
            tasks(scan, &member, &config);
        }
    }
}

fn tasks(scan: &mut Scan<'_>, file: &str, config: &Node) {
    let Some(tasks) = config.entry("tasks") else {
        return;
    };
    if !tasks.value.is_mapping() {
        let reason = format!("`tasks` is {}, not a map", tasks.value.kind());
        scan.broken(file, Some(tasks.line), &reason, "make it a map of name to command");
    }
    let member = super::scan::member_of(file).map(str::to_owned);
    for task in tasks.value.entries() {
        let place = Place::new(file, task.line);
        let mut found = scan.declare_in(member.as_deref(), &task.key, place, run(&task.key));
        found.task.description =
            task.value.get("description").and_then(Node::as_str).and_then(super::scan::first_line);
        found.task.group = member.as_ref().and_then(|_| package_name(config));
        found.commands = command(task).map(str::to_owned).into_iter().collect();
        scan.push(found);
    }
}

fn package_name(config: &Node) -> Option<String> {
    Some(config.get("name")?.as_str()?.to_owned())
}

fn command(task: &Entry) -> Option<&str> {
    let text = task.value.as_str();
    text.or_else(|| task.value.get("command").and_then(Node::as_str))
}

fn run(name: &str) -> Program {
    super::scan::argv(&["deno", "task", name])
}

/// The configuration files of the members: `workspace` (a list, or a map with `members`) together with
/// the `workspaces` of a `package.json` beside it.
fn members(scan: &mut Scan<'_>, file: &str, root: &Node) -> Vec<String> {
    let dir = files::parent(file).to_owned();
    let list = root.get("workspace");
    let patterns: Vec<String> = list
        .map(|list| list.get("members").unwrap_or(list).strings())
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let folders = member_glob::folders(scan.files, &dir, &patterns);
    for pattern in &folders.outside {
        let reason = format!("the workspace `{pattern}` lies outside of the repository");
        scan.broken(file, None, &reason, "");
    }
    if folders.cut {
        let reason = "the workspace patterns name too many folders; the rest is left out";
        scan.broken(file, None, reason, "name fewer folders");
    }
    let mut paths = folders.paths;
    if let Some(workspace) = Workspace::read(scan.files, &dir) {
        paths.extend(workspace.members.into_iter().map(|member| member.dir));
    }
    paths.sort_unstable();
    paths.dedup();
    paths.iter().filter_map(|path| config_of(scan.files, path)).collect()
}

fn config_of(files: &RepoFiles, dir: &str) -> Option<String> {
    ["deno.json", "deno.jsonc"]
        .into_iter()
        .map(|name| format!("{dir}/{name}"))
        .find(|path| files.is_file(path))
}
