//! invoke: tasks of `tasks.py` or the package `tasks/`, with namespaces as far as they are literal.

mod module;

use std::collections::HashSet;

use super::Scan;
use super::scan::{Place, first_line};
use crate::document::Node;
use crate::task::Program;
use module::{Collection, Loader, TaskDefinition};

/// Deepest nesting of namespaces.
const MAX_DEPTH: usize = 16;
/// Most tasks of one root collection.
const MAX_TASKS: usize = 10_000;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let config = Config::load(scan);
    let name = config.collection.as_str();
    let candidates = [format!("{name}.py"), format!("{name}/__init__.py")];
    let Some(first) = name.split('/').next() else {
        return;
    };
    if !scan.has(&candidates[0]) && !scan.has(first) {
        return;
    }
    // A package wins over a module of the same name, as in Python's import.
    let Some(file) =
        candidates.iter().rev().map(|file| scan.path(file)).find(|file| scan.files.is_file(file))
    else {
        return;
    };
    let mut loader = Loader::new(scan);
    let Some(root) = loader.root_collection(&file) else {
        return;
    };
    let mut listing = Listing { dashes: config.dashes, names: HashSet::new() };
    listing.collection(scan, &root, "", 0);
}

/// What `invoke.yaml` (or `.yml`, `.json`) says about names.
struct Config {
    collection: String,
    dashes: bool,
}

impl Config {
    fn load(scan: &mut Scan<'_>) -> Self {
        let mut config = Self { collection: "tasks".into(), dashes: true };
        let Some(file) = scan.first_of(&["invoke.yaml", "invoke.yml", "invoke.json"]) else {
            return config;
        };
        let document = if file.ends_with(".json") { scan.json(&file) } else { scan.yaml(&file) };
        let tasks = document.as_ref().and_then(|document| document.get("tasks"));
        let setting = |key: &str| tasks.and_then(|tasks| tasks.get(key));
        if let Some(name) = setting("collection_name").and_then(Node::as_str) {
            config.collection = name.replace('.', "/");
        }
        if setting("auto_dash_names").and_then(Node::as_bool) == Some(false) {
            config.dashes = false;
        }
        config
    }
}

struct Listing {
    dashes: bool,
    names: HashSet<String>,
}

impl Listing {
    fn collection(
        &mut self,
        scan: &mut Scan<'_>,
        collection: &Collection,
        prefix: &str,
        depth: usize,
    ) {
        if depth > MAX_DEPTH {
            return;
        }
        for (name, task) in &collection.tasks {
            let name = format!("{prefix}{}", self.transform(name));
            if self.names.len() < MAX_TASKS && self.names.insert(name.clone()) {
                self.push(scan, &name, prefix, task);
            }
        }
        for (name, inner) in &collection.collections {
            let prefix = format!("{prefix}{}.", self.transform(name));
            self.collection(scan, inner, &prefix, depth + 1);
        }
    }

    fn push(&self, scan: &mut Scan<'_>, name: &str, prefix: &str, task: &TaskDefinition) {
        let argv = ["invoke", name].map(str::to_owned).to_vec();
        let program = Program::Argv { argv, separator: None };
        let mut found = scan.declare(name, Place::new(&task.file, task.line), program);
        found.task.description = task.docstring.as_deref().and_then(first_line);
        found.task.args.clone_from(&task.arguments);
        let group = prefix.trim_end_matches('.');
        found.task.group = (!group.is_empty()).then(|| group.to_owned());
        let alias = |alias: &String| format!("{prefix}{}", self.transform(alias));
        found.task.aliases = task.aliases.iter().map(alias).collect();
        scan.push(found);
    }

    /// Inner single underscores become dashes.
    fn transform(&self, name: &str) -> String {
        if !self.dashes {
            return name.to_owned();
        }
        let chars: Vec<char> = name.chars().collect();
        let dash = |at: usize| {
            let inner = at > 0 && at + 1 < chars.len();
            inner && chars[at] == '_' && chars[at - 1] != '_' && chars[at + 1] != '_'
        };
        (0..chars.len()).map(|at| if dash(at) { '-' } else { chars[at] }).collect()
    }
}
