//! moon: the tasks of every project, inherited ones included, as `PROJECT:TASK`.

mod inherit;
mod project;

use std::collections::{BTreeMap, HashSet};

use inherit::Shared;
use project::Project;

use super::npm::{self, Workspace};
use super::{Place, Scan, member_glob};
use crate::document::{Entry, Node, Value};
use crate::task::Program;

pub(super) fn discover(scan: &mut Scan<'_>) {
    if !scan.has(".moon") {
        return;
    }
    let base = scan.path(".moon");
    let Some((file, workspace)) = config(scan, &format!("{base}/workspace")) else {
        return;
    };
    if let Some(extends) = workspace.entry("extends") {
        scan.dynamic(&file, Some(extends.line), "`extends` of the workspace is not followed");
    }
    let packages = Workspace::read(scan.files, scan.dir);
    let starter = npm::starter(packages.as_ref(), "@moonrepo/cli", "moon");
    let shared = Shared::read(scan, &base);
    let mut seen = HashSet::new();
    for (name, dir) in sources(scan, &file, &workspace) {
        let project = Project::read(scan, &shared, (name, dir));
        for (task, file, inherited) in project.tasks(&shared) {
            if !is_internal(task) && seen.insert(format!("{}:{}", project.id, task.key)) {
                push(scan, (&project, &starter), (task, &file), inherited);
            }
        }
    }
}

fn push(
    scan: &mut Scan<'_>,
    (project, starter): (&Project, &[String]),
    (task, file): (&Entry, &str),
    inherited: bool,
) {
    let name = format!("{}:{}", project.id, task.key);
    let program = Program::Argv {
        argv: [starter, &["run".to_owned(), name.clone()]].concat(),
        separator: Some("--"),
    };
    let mut found = scan.declare(&name, Place::new(file, task.line), program);
    let description = task.value.get("description").and_then(Node::as_str);
    found.task.description = description.and_then(super::scan::first_line);
    if inherited && found.task.description.is_none() {
        found.task.description = Some("inherited".to_owned());
    }
    found.task.group = Some(project.id.clone());
    found.commands = commands(&task.value);
    scan.push(found);
}

/// A task that other tasks only may use.
fn is_internal(task: &Entry) -> bool {
    task.value.path(&["options", "internal"]).and_then(Node::as_bool) == Some(true)
}

fn commands(task: &Node) -> Vec<String> {
    if let Some(script) = task.get("script").and_then(Node::as_str) {
        return vec![script.to_owned()];
    }
    let words: Vec<&str> = match &task.value {
        Value::Mapping(_) => ["command", "args"]
            .iter()
            .filter_map(|key| task.get(key))
            .flat_map(Node::strings)
            .collect(),
        _ => task.strings(),
    };
    if words.is_empty() { Vec::new() } else { vec![words.join(" ")] }
}

/// A configuration file in one of the formats that moon reads.
pub(super) fn config(scan: &mut Scan<'_>, stem: &str) -> Option<(String, Node)> {
    for end in ["yml", "yaml", "json", "jsonc", "toml"] {
        let file = format!("{stem}.{end}");
        if scan.files.is_file(&file) {
            let node = read(scan, &file)?;
            return Some((file, node));
        }
    }
    None
}

fn read(scan: &mut Scan<'_>, file: &str) -> Option<Node> {
    match file.rsplit_once('.').map(|(_, end)| end) {
        Some("json" | "jsonc") => scan.jsonc(file),
        Some("toml") => scan.toml(file),
        Some("yml" | "yaml") => scan.yaml(file),
        _ => {
            scan.dynamic(file, None, "a configuration in this format is not read");
            None
        }
    }
}

/// Projects by id, each with its folder: a map, a list of globs, or both.
fn sources(scan: &mut Scan<'_>, file: &str, workspace: &Node) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let Some(projects) = workspace.get("projects") else {
        return sources;
    };
    let both = projects.get("globs").is_some() || projects.get("sources").is_some();
    let (globs, named) = match both {
        true => (projects.get("globs"), projects.get("sources")),
        false => (Some(projects).filter(|list| list.is_sequence()), Some(projects)),
    };
    let by_path = projects.get("globFormat").and_then(Node::as_str) == Some("source-path");
    for pattern in globbed(scan, file, globs) {
        let id = match by_path {
            true => pattern.as_str(),
            false => crate::files::file_name(&pattern),
        };
        sources.insert(project::clean_id(id), pattern);
    }
    for project in named.map(Node::entries).unwrap_or_default() {
        let dir = project.value.as_str().and_then(|dir| crate::files::join(scan.dir, dir));
        match dir {
            Some(dir) => {
                sources.insert(project.key.clone(), dir);
            }
            None => {
                let reason = format!("the folder of the project `{}` is outside", project.key);
                scan.broken(file, Some(project.line), &reason, "name a folder of the repository");
            }
        }
    }
    sources
}

/// The folders that a list of globs names; a glob may also name the projects' own files.
fn globbed(scan: &mut Scan<'_>, file: &str, globs: Option<&Node>) -> Vec<String> {
    let Some(globs) = globs else {
        return Vec::new();
    };
    let patterns: Vec<String> = globs
        .strings()
        .into_iter()
        .map(|glob| {
            let parent = glob.rsplit_once('/').filter(|(_, last)| last.starts_with("moon."));
            parent.map_or(glob, |(parent, _)| parent).to_owned()
        })
        .collect();
    let root_itself = patterns.iter().any(|glob| matches!(glob.as_str(), "." | "./"));
    let folders = member_glob::folders(scan.files, scan.dir, &patterns);
    if folders.cut {
        let reason = "the project globs name too many folders; the rest is left out";
        scan.broken(file, Some(globs.line), reason, "name fewer folders");
    }
    let hidden = |path: &str| crate::files::file_name(path).starts_with('.');
    let mut paths: Vec<String> = folders.paths.into_iter().filter(|path| !hidden(path)).collect();
    if root_itself {
        paths.push(scan.dir.to_owned());
    }
    paths
}
