//! `[alias]` of `.cargo/config.toml`, with `include`.

use std::collections::HashSet;

use crate::document::{Entry, Node};
use crate::files;
use crate::sources::Scan;
use crate::sources::scan::{Place, argv};

/// Most configuration files that are read through `include`.
const MAX_INCLUDES: usize = 64;

pub(super) fn discover(scan: &mut Scan<'_>) {
    // Cargo prefers the old name when both exist.
    let names = [".cargo/config", ".cargo/config.toml"];
    let Some(file) =
        names.map(|name| scan.path(name)).into_iter().find(|file| scan.files.is_file(file))
    else {
        return;
    };
    let mut reader = Reader::default();
    reader.read(scan, &file);
}

#[derive(Default)]
struct Reader {
    read: HashSet<String>,
    names: HashSet<String>,
}

impl Reader {
    /// A value of the including file wins over an included one, a later include over an earlier one.
    fn read(&mut self, scan: &mut Scan<'_>, file: &str) {
        if self.read.len() >= MAX_INCLUDES || !self.read.insert(file.to_owned()) {
            return;
        }
        let Some(config) = scan.toml(file) else {
            return;
        };
        for entry in config.get("alias").map(Node::entries).unwrap_or_default() {
            if self.names.insert(entry.key.clone()) {
                push_alias(scan, file, entry);
            }
        }
        let Some(include) = config.entry("include") else {
            return;
        };
        for (path, optional) in include_paths(&include.value).into_iter().rev() {
            match files::join(files::parent(file), path) {
                Some(target) if scan.files.is_file(&target) => self.read(scan, &target),
                None => {
                    scan.dynamic(
                        file,
                        Some(include.line),
                        "an include leads out of the repository",
                    );
                }
                Some(target) if !optional => {
                    let reason = format!("the included file {target} does not exist");
                    scan.broken(file, Some(include.line), &reason, "correct or remove the include");
                }
                Some(_) => {}
            }
        }
    }
}

fn include_paths(include: &Node) -> Vec<(&str, bool)> {
    let items = match include.items() {
        [] => std::slice::from_ref(include),
        items => items,
    };
    let item =
        |node: &'_ Node| -> bool { node.get("optional").and_then(Node::as_bool) == Some(true) };
    items
        .iter()
        .filter_map(|node| {
            let path = node.as_str().or_else(|| node.get("path")?.as_str())?;
            Some((path, item(node)))
        })
        .collect()
}

fn push_alias(scan: &mut Scan<'_>, file: &str, entry: &Entry) {
    let expansion = entry.value.strings().join(" ");
    if expansion.is_empty() {
        let reason = format!("the alias {} is {}", entry.key, entry.value.kind());
        scan.broken(file, Some(entry.line), &reason, "write a string or a list of strings");
        return;
    }
    let program = argv(&["cargo", &entry.key]);
    let mut found = scan.declare(&entry.key, Place::new(file, entry.line), program);
    found.commands = vec![format!("cargo {expansion}")];
    found.task.alias_of = Some(expansion);
    scan.push(found);
}
