//! mise tasks: tables in its configuration files, included files, and scripts in task folders.

mod scripts;
mod usage;

use std::collections::{HashMap, HashSet};

use super::scan::{argv, first_line};
use super::{Place, Scan};
use crate::document::{Entry, Node, Value};
use crate::files;
use crate::task::{FoundTask, Program};

/// Configuration files, the strongest first. Those of `MISE_ENV` are not read: listing does not look at
/// the environment.
const CONFIG_FILES: [&str; 15] = [
    ".mise.local.toml",
    "mise.local.toml",
    "mise/config.local.toml",
    ".mise/config.local.toml",
    ".config/mise.local.toml",
    ".config/mise/mise.local.toml",
    ".config/mise/config.local.toml",
    ".mise.toml",
    "mise.toml",
    "mise/config.toml",
    ".mise/config.toml",
    ".config/mise.toml",
    ".config/mise/mise.toml",
    ".config/mise/config.toml",
    ".rtx.toml",
];

/// Folders with configuration fragments.
const FRAGMENT_FOLDERS: [&str; 2] = [".mise/conf.d", ".config/mise/conf.d"];

/// Folders whose scripts are tasks unless `[task_config] includes` names others.
const TASK_FOLDERS: [&str; 5] =
    ["mise-tasks", ".mise-tasks", ".mise/tasks", ".config/mise/tasks", "mise/tasks"];

/// Most folders of one monorepo.
const MAX_PROJECTS: usize = 500;

pub(super) fn discover(scan: &mut Scan<'_>) {
    if !may_be_present(scan) {
        return;
    }
    let dir = scan.dir.to_owned();
    let configs = configs(scan, &dir);
    let root = configs.iter().find(|config| is_monorepo_root(&config.root));
    let mut projects = vec![(dir.clone(), String::new())];
    if let Some(root) = root {
        projects[0].1 = "//:".to_owned();
        let roots = root.root.path(&["monorepo", "config_roots"]);
        let patterns: Vec<String> = roots
            .map(|roots| roots.strings().into_iter().map(str::to_owned).collect())
            .unwrap_or_default();
        if patterns.is_empty() {
            let reason = "a monorepo without [monorepo] config_roots: only its root is listed";
            scan.dynamic(&root.file.clone(), None, reason);
        }
        for path in expand_roots(scan, &dir, &patterns) {
            let prefix = format!("//{}:", path.strip_prefix(&format!("{dir}/")).unwrap_or(&path));
            projects.push((path, prefix));
        }
    }
    for (index, (path, prefix)) in projects.iter().enumerate() {
        let configs = if index == 0 { configs.clone() } else { self::configs(scan, path) };
        list_folder(scan, path, prefix, &configs);
    }
}

/// A look at the names of the folder only, so that other repositories pay nothing.
fn may_be_present(scan: &Scan<'_>) -> bool {
    let first = |path: &str| {
        let name = path.split('/').next().unwrap_or(path);
        scan.has(name)
    };
    CONFIG_FILES.iter().any(|path| first(path)) || TASK_FOLDERS.iter().any(|path| first(path))
}

/// A configuration file.
#[derive(Clone)]
struct Config {
    file: String,
    root: Node,
}

/// The configuration files of a folder, the strongest first.
fn configs(scan: &mut Scan<'_>, dir: &str) -> Vec<Config> {
    let at = |path: &str| files::join(dir, path).unwrap_or_default();
    let mut paths: Vec<String> = CONFIG_FILES.iter().map(|path| at(path)).collect();
    for folder in FRAGMENT_FOLDERS {
        let folder = at(folder);
        let mut fragments = scan.files.list(&folder);
        fragments.retain(|name| name.ends_with(".toml") && !name.starts_with('.'));
        paths.extend(fragments.iter().rev().map(|name| format!("{folder}/{name}")));
    }
    let mut configs = Vec::new();
    for file in paths {
        if scan.files.is_file(&file)
            && let Some(root) = scan.toml(&file)
        {
            configs.push(Config { file, root });
        }
    }
    configs
}

fn is_monorepo_root(root: &Node) -> bool {
    let set = |key: &str| root.get(key).and_then(Node::as_bool) == Some(true);
    set("experimental_monorepo_root") || set("monorepo_root")
}

/// Folders named by `config_roots`; `*` stands for one folder.
fn expand_roots(scan: &mut Scan<'_>, dir: &str, patterns: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for pattern in patterns {
        let mut heads = vec![dir.to_owned()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for head in &heads {
                let names = if part == "*" { scan.files.list(head) } else { vec![part.to_owned()] };
                next.extend(names.iter().filter_map(|name| files::join(head, name)));
            }
            next.truncate(MAX_PROJECTS);
            heads = next;
        }
        heads.retain(|path| scan.files.is_dir(path) && path != dir);
        found.extend(heads);
    }
    found
}

/// A task before it is put together.
struct Declared {
    name: String,
    file: String,
    line: u32,
    node: Node,
    usage: String,
    script: Option<String>,
}

fn list_folder(scan: &mut Scan<'_>, dir: &str, prefix: &str, configs: &[Config]) {
    let mut declared = Vec::new();
    for config in configs {
        for entry in config.root.get("tasks").map_or(&[][..], Node::entries) {
            declared.push(from_entry(&config.file, entry, configs));
        }
    }
    for include in includes(scan, dir, configs) {
        include_tasks(scan, &include, &mut declared);
    }
    let mut seen = HashSet::new();
    declared.retain(|task| seen.insert(task.name.clone()));
    let names: HashSet<String> = declared.iter().map(|task| task.name.clone()).collect();
    for task in declared {
        if task.node.get("hide").and_then(Node::as_bool) == Some(true) {
            continue;
        }
        let shown = format!("{prefix}{}", shown_name(&task.name, &names));
        let found = found(scan, &shown, dir, task);
        scan.push(found);
    }
}

/// The name without what looks like the ending of a file, unless that is a task too.
fn shown_name(name: &str, names: &HashSet<String>) -> String {
    let start = name.rfind(':').map_or(0, |colon| colon + 1);
    match name[start..].rfind('.') {
        Some(dot) if !names.contains(&name[..start + dot]) => name[..start + dot].to_owned(),
        _ => name.to_owned(),
    }
}

fn from_entry(file: &str, entry: &Entry, configs: &[Config]) -> Declared {
    let mut node = entry.value.clone();
    inherit(&mut node, configs);
    let usage = node.get("usage").and_then(Node::as_str).unwrap_or_default();
    Declared {
        name: entry.key.clone(),
        file: file.to_owned(),
        line: entry.line,
        usage: usage.to_owned(),
        node,
        script: None,
    }
}

/// `extends = "NAME"`: what the task does not say comes from `[task_templates.NAME]`.
fn inherit(node: &mut Node, configs: &[Config]) {
    let Some(name) = node.get("extends").and_then(Node::as_str) else {
        return;
    };
    let template = configs.iter().find_map(|config| config.root.path(&["task_templates", name]));
    let inherited: Vec<Entry> =
        template.map(|template| template.entries().to_vec()).unwrap_or_default();
    if let Value::Mapping(entries) = &mut node.value {
        let own: HashMap<String, ()> =
            entries.iter().map(|entry| (entry.key.clone(), ())).collect();
        entries.extend(inherited.into_iter().filter(|entry| !own.contains_key(&entry.key)));
    }
}

/// Where file tasks come from: the strongest `[task_config] includes`, else the usual folders.
fn includes(scan: &mut Scan<'_>, dir: &str, configs: &[Config]) -> Vec<String> {
    let configured = configs.iter().find_map(|config| {
        let includes = config.root.path(&["task_config", "includes"])?;
        Some((config.file.clone(), includes.line, includes.clone()))
    });
    let Some((file, line, includes)) = configured else {
        return TASK_FOLDERS.iter().filter_map(|folder| files::join(dir, folder)).collect();
    };
    let mut paths = Vec::new();
    for include in includes.strings() {
        let remote = include.contains("://") || include.starts_with("git::");
        let computed = include.contains("{{") || include.contains(['*', '?', '[', '~']);
        match files::join(dir, include) {
            Some(path) if !remote && !computed => paths.push(path),
            _ => {
                let reason = format!("the task include {include} is not followed");
                scan.dynamic(&file, Some(line), &reason);
            }
        }
    }
    paths
}

fn include_tasks(scan: &mut Scan<'_>, path: &str, declared: &mut Vec<Declared>) {
    if scan.files.is_file(path) {
        if path.ends_with(".toml") {
            included_file(scan, path, declared);
        }
        return;
    }
    for file in scripts::files(scan.files, path) {
        if file.ends_with(".toml") {
            if !CONFIG_FILES.contains(&files::file_name(&file)) {
                included_file(scan, &file, declared);
            }
        } else if scripts::is_executable(scan.files, &file)
            && let Some(script) = scripts::read(scan, path, &file)
        {
            declared.push(Declared {
                name: script.name,
                file,
                line: script.line,
                node: script.header,
                usage: script.usage,
                script: Some(script.text),
            });
        }
    }
}

/// A TOML file whose tables are tasks.
fn included_file(scan: &mut Scan<'_>, path: &str, declared: &mut Vec<Declared>) {
    let Some(root) = scan.toml(path) else {
        return;
    };
    declared.extend(root.entries().iter().map(|entry| from_entry(path, entry, &[])));
}

fn found(scan: &Scan<'_>, name: &str, dir: &str, task: Declared) -> FoundTask {
    let place = Place::new(&task.file, task.line);
    let program = match argv(&["mise", "run", name]) {
        Program::Argv { argv, .. } => Program::Argv { argv, separator: Some("--") },
        other => other,
    };
    let member = (dir != scan.dir).then_some(dir);
    let mut found = match member {
        Some(member) => scan.declare_in(Some(member), name, place, program),
        None => scan.declare(name, place, program),
    };
    let node = &task.node;
    let description = node.get("description").and_then(Node::as_str);
    found.task.description = description.and_then(first_line);
    let aliases = node.get("alias").or_else(|| node.get("aliases"));
    found.task.aliases = aliases
        .map(|aliases| aliases.strings().into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    found.task.args = usage::arguments(&task.usage);
    found.commands = match task.script {
        Some(text) => text.lines().map(str::to_owned).collect(),
        None => commands(node),
    };
    found
}

/// `run` in all its forms, or the script that `file` names.
fn commands(node: &Node) -> Vec<String> {
    let run = if node.is_mapping() { node.get("run") } else { Some(node) };
    let step = |item: &Node| {
        let task = item.get("task").and_then(Node::as_str);
        item.scalar().map(str::to_owned).or_else(|| task.map(|task| format!("mise run {task}")))
    };
    let mut commands: Vec<String> = match run.map(|run| &run.value) {
        Some(Value::Sequence(items)) => items.iter().filter_map(step).collect(),
        Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let file = node.get("file").and_then(Node::as_str);
    commands.extend(file.map(str::to_owned));
    commands
}
