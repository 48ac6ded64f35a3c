//! Nx: the targets of `project.json` files and of the workspace's packages, as `PROJECT:TARGET`.
//!
//! Targets that plugins infer from other tools' files exist only in Nx; a note says so.

use std::collections::{BTreeMap, HashSet};

use super::npm::{self, Package, Workspace};
use super::{Place, Scan};
use crate::document::{Entry, Node};
use crate::task::Program;

/// Most folders that are looked at for `project.json` files.
const MAX_FOLDERS: usize = 50_000;

/// What the projects of a workspace are collected into.
struct Projects {
    starter: Vec<String>,
    /// Names of projects by folder.
    names: BTreeMap<String, String>,
    /// Tasks that are listed already.
    seen: HashSet<String>,
    /// Targets to which `targetDefaults` give something to do.
    defaults: HashSet<String>,
    /// Plugins may give an empty target something to do.
    plugins: bool,
}

pub(super) fn discover(scan: &mut Scan<'_>) {
    let old = scan.first_of(&["workspace.json", "angular.json"]);
    let config = scan.first_of(&["nx.json"]);
    let Some(file) = config else {
        return;
    };
    let Some(config) = scan.jsonc(&file) else {
        return;
    };
    let plugins = config.entry("plugins").filter(|entry| !entry.value.items().is_empty());
    if let Some(plugins) = plugins {
        scan.dynamic(&file, Some(plugins.line), "plugins of Nx infer targets from other files");
    }
    let workspace = Workspace::read(scan.files, scan.dir);
    let mut projects = Projects {
        starter: npm::starter(workspace.as_ref(), "nx", "nx"),
        names: BTreeMap::new(),
        seen: HashSet::new(),
        defaults: defaults(&config),
        plugins: plugins.is_some(),
    };
    for dir in project_folders(scan, &file) {
        projects.project_json(scan, &dir);
    }
    if let Some(file) = old {
        projects.listed(scan, &file);
    }
    let ignored = ignored(scan);
    let packages = workspace.iter().flat_map(Workspace::packages);
    for package in packages.filter(|package| !ignored(&package.dir)) {
        projects.package(scan, package);
    }
}

/// Whether `.nxignore` takes a folder away.
fn ignored(scan: &Scan<'_>) -> impl Fn(&str) -> bool + use<> {
    let base = scan.files.resolve(scan.dir).unwrap_or_else(|_| scan.files.root().to_owned());
    let rules = scan.has(".nxignore").then(|| {
        let (rules, _) = ignore::gitignore::Gitignore::new(base.join(".nxignore"));
        rules
    });
    let root = scan.files.root().to_owned();
    move |dir| {
        let path = root.join(dir);
        let matched = |rules: &ignore::gitignore::Gitignore| {
            path.starts_with(&base) && rules.matched_path_or_any_parents(&path, true).is_ignore()
        };
        rules.as_ref().is_some_and(matched)
    }
}

/// Folders with a `project.json` that Git does not ignore, by path.
fn project_folders(scan: &mut Scan<'_>, file: &str) -> Vec<String> {
    let Ok(top) = scan.files.resolve(scan.dir) else {
        return Vec::new();
    };
    let mut walk = ignore::WalkBuilder::new(top);
    walk.require_git(false).follow_links(false).add_custom_ignore_filename(".nxignore");
    walk.filter_entry(|entry| entry.file_name() != "node_modules");
    let mut dirs = Vec::new();
    let mut folders = 0;
    for entry in walk.build().flatten() {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        folders += usize::from(is_folder);
        if folders > MAX_FOLDERS {
            let reason =
                format!("more than {MAX_FOLDERS} folders; projects in the rest are missing");
            scan.broken(file, None, &reason, "list what is generated in .gitignore");
            break;
        }
        if !is_folder && entry.file_name() == "project.json" {
            let dir =
                entry.path().parent().and_then(|dir| dir.strip_prefix(scan.files.root()).ok());
            dirs.extend(dir.and_then(|dir| dir.to_str()).map(str::to_owned));
        }
    }
    dirs.sort_unstable();
    dirs
}

impl Projects {
    fn project_json(&mut self, scan: &mut Scan<'_>, dir: &str) {
        let file = within(dir, "project.json");
        let Some(project) = scan.jsonc(&file) else {
            return;
        };
        let targets = targets(&project);
        // Other tools have files of this name; one of Nx has targets, a name or a root.
        let known = ["name", "root", "sourceRoot", "projectType", "tags"];
        if targets.is_empty() && !known.iter().any(|key| project.get(key).is_some()) {
            return;
        }
        let name = match project.get("name").and_then(Node::as_str) {
            Some(name) => name.to_owned(),
            None => package_name(scan, dir).unwrap_or_else(|| folder_name(scan, dir)),
        };
        self.names.insert(dir.to_owned(), name.clone());
        self.push_all(scan, (&name, &file), targets);
    }

    /// `workspace.json` and `angular.json` name the projects; each is a folder or all of it.
    fn listed(&mut self, scan: &mut Scan<'_>, file: &str) {
        let Some(config) = scan.jsonc(file) else {
            return;
        };
        for project in config.get("projects").map(Node::entries).unwrap_or_default() {
            self.push_all(scan, (&project.key, file), targets(&project.value));
        }
    }

    /// Targets and scripts of a package. The root is a project only when it says so.
    fn package(&mut self, scan: &mut Scan<'_>, package: &Package) {
        let nx = package.manifest.get("nx");
        let known = self.names.get(&package.dir).cloned();
        let is_root = package.dir == scan.dir;
        if is_root && nx.is_none() && known.is_none() {
            return;
        }
        let said = nx.and_then(|nx| nx.get("name")).and_then(Node::as_str);
        let name = said.map(str::to_owned).or(known);
        let name = name.or_else(|| package.name().map(str::to_owned));
        let name = name.unwrap_or_else(|| folder_name(scan, &package.dir));
        let place = (name.as_str(), package.file.as_str());
        self.push_all(scan, place, nx.map(targets).unwrap_or_default());
        let included = nx.and_then(|nx| nx.get("includedScripts"));
        let scripts = package.manifest.get("scripts").map(Node::entries).unwrap_or_default();
        for script in scripts {
            let wanted = included.is_none_or(|list| list.strings().contains(&script.key.as_str()));
            if wanted && script.value.as_str().is_some() {
                self.push(scan, place, script);
            }
        }
    }

    fn push_all(&mut self, scan: &mut Scan<'_>, place: (&str, &str), targets: &[Entry]) {
        for target in targets {
            if self.is_target(target) {
                self.push(scan, place, target);
            }
        }
    }

    /// Nx drops a target that has nothing to do and depends on nothing; a key that begins with `//` is a
    /// comment then.
    fn is_target(&self, target: &Entry) -> bool {
        let comment = target.key.starts_with("//");
        does_something(&target.value)
            || self.defaults.contains(&target.key)
            || (self.plugins && !comment)
    }

    fn push(&mut self, scan: &mut Scan<'_>, (project, file): (&str, &str), target: &Entry) {
        let name = format!("{project}:{}", target.key);
        if !self.seen.insert(name.clone()) {
            return;
        }
        let program = Program::Argv {
            argv: [&self.starter[..], &["run".to_owned(), name.clone()]].concat(),
            separator: None,
        };
        let mut found = scan.declare(&name, Place::new(file, target.line), program);
        let description = target.value.path(&["metadata", "description"]);
        found.task.description =
            description.and_then(Node::as_str).and_then(super::scan::first_line);
        found.task.group = Some(project.to_owned());
        found.commands = commands(&target.value);
        scan.push(found);
    }
}

fn defaults(config: &Node) -> HashSet<String> {
    let entries = config.get("targetDefaults").map(Node::entries).unwrap_or_default();
    let working = entries.iter().filter(|entry| does_something(&entry.value));
    working.map(|entry| entry.key.clone()).collect()
}

fn does_something(target: &Node) -> bool {
    let depends = target.get("dependsOn").is_some_and(|depends| !depends.items().is_empty());
    depends || ["executor", "command", "builder"].iter().any(|key| target.get(key).is_some())
}

fn targets(project: &Node) -> &[Entry] {
    let targets = project.get("targets").or_else(|| project.get("architect"));
    targets.map(Node::entries).unwrap_or_default()
}

/// What a target runs, where the file shows it.
fn commands(target: &Node) -> Vec<String> {
    let options = target.get("options");
    let option = |key: &str| options.and_then(|options| options.get(key));
    let said = [target.get("command"), option("command"), option("commands"), option("script")];
    let strings = said.into_iter().flatten().flat_map(|said| match said.items() {
        [] => said.strings(),
        items => {
            items.iter().filter_map(|one| one.get("command").unwrap_or(one).as_str()).collect()
        }
    });
    let commands: Vec<String> = strings.map(str::to_owned).collect();
    let script = || target.as_str().map(str::to_owned).into_iter().collect();
    if commands.is_empty() { script() } else { commands }
}

fn package_name(scan: &Scan<'_>, dir: &str) -> Option<String> {
    npm::package(scan.files, dir, &mut Vec::new())?.name().map(str::to_owned)
}

fn folder_name(scan: &Scan<'_>, dir: &str) -> String {
    let root = || scan.files.root().file_name()?.to_str().map(str::to_owned);
    match dir {
        "" => root().unwrap_or_default(),
        dir => crate::files::file_name(dir).to_owned(),
    }
}

fn within(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        dir => format!("{dir}/{name}"),
    }
}
