//! Joining a Taskfile with what it includes, as task itself merges them.

use super::FILE_NAMES;
use super::template::{self, Variables};
use crate::document::{Entry, Node};
use crate::files;
use crate::sources::Scan;

/// Most Taskfiles of one repository, each inclusion counted.
const MAX_FILES: usize = 1_000;

/// A task under its full name.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) internal: bool,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) node: Node,
    pub(super) variables: Variables,
}

/// One entry of `includes`.
struct Include<'n> {
    namespace: &'n str,
    taskfile: &'n str,
    line: u32,
    optional: bool,
    internal: bool,
    flatten: bool,
    aliases: Vec<&'n str>,
    excludes: Vec<&'n str>,
}

/// Reads Taskfiles.
pub(super) struct Loader<'s, 'a> {
    scan: &'s mut Scan<'a>,
    chain: Vec<String>,
    loaded: usize,
}

impl<'s, 'a> Loader<'s, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'a>) -> Self {
        Self { scan, chain: Vec::new(), loaded: 0 }
    }

    /// The tasks of a file, then those of its includes.
    pub(super) fn taskfile(&mut self, file: &str) -> Vec<Listed> {
        self.loaded += 1;
        if self.loaded > MAX_FILES {
            let reason = format!("more than {MAX_FILES} included Taskfiles");
            self.scan.broken(file, None, &reason, "include fewer files");
            return Vec::new();
        }
        let Some(root) = self.scan.yaml(file) else {
            return Vec::new();
        };
        let variables = plain_variables(root.get("vars"));
        let mut listed = own_tasks(file, &root, &variables);
        self.note_faults(file, &root);
        self.chain.push(file.to_owned());
        for entry in root.get("includes").map_or(&[][..], Node::entries) {
            let include = Include::new(entry);
            let Some(path) = self.path(file, &include, &variables) else {
                continue;
            };
            let included = self.taskfile(&path);
            self.merge(&mut listed, included, &include, file);
        }
        self.chain.pop();
        listed
    }

    fn note_faults(&mut self, file: &str, root: &Node) {
        let hint = "see the schema of Taskfiles";
        if !root.is_mapping() {
            let reason = "a Taskfile has to be a map with `version` and `tasks`";
            self.scan.broken(file, Some(root.line), reason, hint);
        }
        for key in ["tasks", "includes"] {
            if let Some(node) = root.get(key)
                && !node.is_mapping()
                && !node.is_null()
            {
                let reason = format!("`{key}` has to be a map, not {}", node.kind());
                self.scan.broken(file, Some(node.line), &reason, hint);
            }
        }
    }

    /// The file that an include means; `None` when it is not followed, which is then noted.
    fn path(&mut self, file: &str, include: &Include<'_>, variables: &Variables) -> Option<String> {
        let line = Some(include.line);
        let written = include.taskfile;
        let remote = written.contains("://") || written.starts_with("git@");
        let Some(path) = template::render(written, variables).filter(|path| !path.contains('$'))
        else {
            let reason = format!("the path of the include {written} can only be computed by task");
            self.scan.dynamic(file, line, &reason);
            return None;
        };
        if remote {
            let reason = format!("the remote include {written} is not followed");
            self.scan.dynamic(file, line, &reason);
            return None;
        }
        let inside = files::join(files::parent(file), &path).filter(|_| !path.starts_with('~'));
        let Some(inside) = inside else {
            let reason = format!("the include {path} lies outside of the repository");
            self.scan.dynamic(file, line, &reason);
            return None;
        };
        let Some(found) = self.existing(&inside) else {
            if !include.optional {
                let reason = format!("the included Taskfile {path} is not there");
                let hint = "add the file, or set `optional: true`";
                self.scan.broken(file, line, &reason, hint);
            }
            return None;
        };
        if self.chain.contains(&found) {
            let reason = format!("{found} is included in a circle");
            self.scan.broken(file, line, &reason, "remove one of the includes");
            return None;
        }
        Some(found)
    }

    /// A file, or the Taskfile of a folder.
    fn existing(&self, path: &str) -> Option<String> {
        if self.scan.files.is_file(path) {
            return Some(path.to_owned());
        }
        let inside = FILE_NAMES.iter().filter_map(|name| files::join(path, name));
        inside.into_iter().find(|path| self.scan.files.is_file(path))
    }

    fn merge(
        &mut self,
        into: &mut Vec<Listed>,
        included: Vec<Listed>,
        include: &Include<'_>,
        file: &str,
    ) {
        let has_default = included.iter().any(|task| task.name == "default");
        for mut task in included {
            if include.excludes(&task.name) {
                continue;
            }
            task.internal |= include.internal;
            if !include.flatten {
                include.qualify(&mut task);
            }
            if into.iter().any(|known| known.name == task.name) {
                let reason =
                    format!("the include {} declares {} again", include.namespace, task.name);
                self.scan.broken(
                    file,
                    Some(include.line),
                    &reason,
                    "exclude or rename one of the two",
                );
                continue;
            }
            into.push(task);
        }
        let taken = into.iter().any(|task| task.name == include.namespace);
        if has_default && !taken && !include.flatten {
            let default = format!("{}:default", include.namespace);
            if let Some(task) = into.iter_mut().find(|task| task.name == default) {
                let names = std::iter::once(&include.namespace).chain(&include.aliases);
                task.aliases.extend(names.map(|name| (*name).to_owned()));
            }
        }
    }
}

impl<'n> Include<'n> {
    fn new(entry: &'n Entry) -> Self {
        let node = &entry.value;
        let text = |key: &str| node.get(key).and_then(Node::scalar).unwrap_or_default();
        let flag = |key: &str| node.get(key).and_then(Node::as_bool) == Some(true);
        let list = |key: &str| node.get(key).map(Node::strings).unwrap_or_default();
        let taskfile = match text("taskfile") {
            "" => text("dir"),
            taskfile => taskfile,
        };
        Self {
            namespace: &entry.key,
            taskfile: node.scalar().unwrap_or(taskfile),
            line: entry.line,
            optional: flag("optional"),
            internal: flag("internal"),
            flatten: flag("flatten"),
            aliases: list("aliases"),
            excludes: list("excludes"),
        }
    }

    /// `NAME`, or `NAMESPACE:*` for a whole namespace.
    fn excludes(&self, name: &str) -> bool {
        self.excludes.iter().any(|exclude| match exclude.strip_suffix(":*") {
            Some(namespace) => {
                let rest = name.strip_prefix(namespace);
                !namespace.is_empty() && rest.is_some_and(|rest| rest.starts_with(':'))
            }
            None => name == *exclude,
        })
    }

    /// Puts the namespace before the name and the aliases.
    fn qualify(&self, task: &mut Listed) {
        let own = std::mem::take(&mut task.aliases);
        task.aliases = own.iter().map(|alias| joined(self.namespace, alias)).collect();
        for namespace in &self.aliases {
            task.aliases.push(joined(namespace, &task.name));
            task.aliases.extend(own.iter().map(|alias| joined(namespace, alias)));
        }
        task.name = joined(self.namespace, &task.name);
    }
}

/// A name in a namespace; one that begins with a colon belongs to the root.
fn joined(namespace: &str, name: &str) -> String {
    match name.strip_prefix(':') {
        Some(root) => root.to_owned(),
        None => format!("{namespace}:{name}"),
    }
}

fn own_tasks(file: &str, root: &Node, variables: &Variables) -> Vec<Listed> {
    let entries = root.get("tasks").map_or(&[][..], Node::entries);
    let task = |entry: &Entry| {
        let node = &entry.value;
        let mut variables = variables.clone();
        variables.push(("TASK".to_owned(), entry.key.clone()));
        variables.extend(plain_variables(node.get("vars")));
        Listed {
            name: entry.key.clone(),
            aliases: node
                .get("aliases")
                .map(|aliases| aliases.strings().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            internal: node.get("internal").and_then(Node::as_bool) == Some(true),
            file: file.to_owned(),
            line: entry.line,
            node: node.clone(),
            variables,
        }
    };
    entries.iter().map(task).collect()
}

/// Variables with a plain value, templates of earlier ones rendered.
fn plain_variables(node: Option<&Node>) -> Variables {
    let mut variables = Variables::new();
    for entry in node.map_or(&[][..], Node::entries) {
        let rendered = entry.value.scalar().and_then(|text| template::render(text, &variables));
        if let Some(value) = rendered {
            variables.push((entry.key.clone(), value));
        }
    }
    variables
}
