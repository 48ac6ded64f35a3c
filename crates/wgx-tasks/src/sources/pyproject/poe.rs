//! poe (poethepoet): tasks, task groups and included files.

use std::collections::HashSet;

use contracts::wgx::TaskArg;

use crate::document::{Entry, Node};
use crate::files;
use crate::sources::Scan;
use crate::sources::scan::{Place, argv};

use super::{describe, launcher};

/// Most files that are read through `include`.
const MAX_INCLUDES: usize = 64;
const OWN_FILES: [&str; 4] =
    ["poe_tasks.toml", "poe_tasks.yaml", "poe_tasks.yml", "poe_tasks.json"];

/// `pyproject.toml` counts where it has `[tool.poe]`, else the first file of poe's own.
pub(super) fn discover(scan: &mut Scan<'_>, project: Option<&Node>) {
    let in_project = project
        .and_then(|project| project.path(&["tool", "poe"]))
        .filter(|poe| !poe.entries().is_empty());
    let mut reader = Reader { seen: HashSet::new(), names: HashSet::new() };
    if let Some(config) = in_project {
        return reader.read(scan, &scan.path("pyproject.toml"), config, true);
    }
    let Some(file) = scan.first_of(&OWN_FILES) else {
        return;
    };
    if let Some(document) = load(scan, &file) {
        reader.read(scan, &file, own_table(&document), true);
    }
}

fn load(scan: &mut Scan<'_>, file: &str) -> Option<Node> {
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("yaml" | "yml") => scan.yaml(file),
        Some("json") => scan.json(file),
        _ => scan.toml(file),
    }
}

/// The options may stand at `tool.poe`, at a key of that name, or at the top.
fn own_table(document: &Node) -> &Node {
    let nested = document.path(&["tool", "poe"]).filter(|poe| !poe.entries().is_empty());
    nested.or_else(|| document.get("tool.poe")).unwrap_or(document)
}

struct Reader {
    seen: HashSet<String>,
    names: HashSet<String>,
}

impl Reader {
    /// Of two tasks with one name the first counts: the project's own, then includes in their order.
    fn read(&mut self, scan: &mut Scan<'_>, file: &str, config: &Node, follow: bool) {
        if self.seen.len() >= MAX_INCLUDES || !self.seen.insert(file.to_owned()) {
            return;
        }
        for entry in config.get("tasks").map(Node::entries).unwrap_or_default() {
            self.push(scan, file, "poe", entry);
        }
        for group in config.get("groups").map(Node::entries).unwrap_or_default() {
            let heading = group.value.get("heading").and_then(Node::as_str);
            for entry in group.value.get("tasks").map(Node::entries).unwrap_or_default() {
                self.push(scan, file, heading.unwrap_or(&group.key), entry);
            }
        }
        if let Some(script) = config.entry("include_script") {
            let reason = "poe tasks come from a Python function (include_script)";
            scan.dynamic(file, Some(script.line), reason);
        }
        if let Some(include) = config.get("include").filter(|_| follow) {
            self.include(scan, file, include);
        }
    }

    fn push(&mut self, scan: &mut Scan<'_>, file: &str, group: &str, entry: &Entry) {
        let name = entry.key.as_str();
        if name.starts_with('_') || !self.names.insert(name.to_owned()) {
            return;
        }
        let mut words = launcher(scan);
        words.extend(["poe", name]);
        let mut found = scan.declare(name, Place::new(file, entry.line), argv(&words));
        describe(&mut found, group, &entry.value);
        found.task.args = arguments(entry.value.get("args"));
        scan.push(found);
    }

    fn include(&mut self, scan: &mut Scan<'_>, file: &str, include: &Node) {
        let items =
            if include.is_sequence() { include.items() } else { std::slice::from_ref(include) };
        for item in items {
            let Some(path) = item.as_str().or_else(|| item.get("path")?.as_str()) else {
                continue;
            };
            let Some(target) = resolve(scan, file, path) else {
                let reason =
                    format!("the include {path} was not followed: it leads out of the repository");
                scan.dynamic(file, Some(item.line), &reason);
                continue;
            };
            if !scan.files.is_file(&target) {
                let reason = format!("the included file {target} does not exist");
                scan.broken(file, Some(item.line), &reason, "correct or remove the include");
                continue;
            }
            if let Some(document) = load(scan, &target) {
                let recursive = item.get("recursive").and_then(Node::as_bool) != Some(false);
                self.read(scan, &target, own_table(&document), recursive);
            }
        }
    }
}

/// An included path is relative to the including file; poe's own variables are known.
fn resolve(scan: &Scan<'_>, file: &str, path: &str) -> Option<String> {
    let variables = [
        ("${POE_ROOT}/", scan.dir),
        ("${POE_CONF_DIR}/", files::parent(file)),
        ("${POE_GIT_DIR}/", ""),
        ("${POE_GIT_ROOT}/", ""),
    ];
    for (variable, dir) in variables {
        if let Some(rest) = path.strip_prefix(variable) {
            return files::join(dir, rest);
        }
    }
    if path.contains("${") { None } else { files::join(files::parent(file), path) }
}

/// `args` is a list of names or tables, or a map of tables.
fn arguments(args: Option<&Node>) -> Vec<TaskArg> {
    let Some(args) = args else {
        return Vec::new();
    };
    let named = args.entries().iter().map(|entry| (entry.key.as_str(), &entry.value));
    let listed = args.items().iter().filter_map(|item| {
        let name = item.as_str().or_else(|| item.get("name")?.as_str())?;
        Some((name, item))
    });
    named.chain(listed).map(|(name, spec)| argument(name, spec)).collect()
}

fn argument(name: &str, spec: &Node) -> TaskArg {
    let flag = |key: &str| spec.get(key).and_then(Node::as_bool) == Some(true);
    let many = spec.get("multiple").is_some_and(|many| many.as_bool() != Some(false));
    TaskArg {
        name: name.to_owned(),
        required: flag("required"),
        default: spec.get("default").and_then(Node::scalar).map(str::to_owned),
        variadic: many,
    }
}
