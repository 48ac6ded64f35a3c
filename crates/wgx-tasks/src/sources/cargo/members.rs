//! Which packages a workspace has, by cargo's rules: `members` with globs, `exclude`, and path
//! dependencies below the root.

use std::collections::{HashMap, HashSet};

use crate::document::{Node, Value};
use crate::files;
use crate::sources::Scan;

/// Most folders that one `members` pattern may visit.
const MAX_VISITED: usize = 20_000;

/// A package's manifest.
pub(super) struct Package {
    /// Folder relative to the repository root; empty for the root.
    pub(super) dir: String,
    /// The manifest, relative to the repository root.
    pub(super) file: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) manifest: Node,
}

impl Package {
    /// The `[package]` table.
    pub(super) fn section(&self) -> Option<&Node> {
        self.manifest.get("package")
    }

    /// The edition, inherited from the workspace where the manifest says so.
    pub(super) fn edition<'a>(&'a self, workspace: &'a Workspace) -> Option<&'a str> {
        match self.section()?.get("edition") {
            Some(edition) if edition.is_mapping() => workspace.edition.as_deref(),
            Some(edition) => edition.as_str(),
            None => Some("2015"),
        }
    }
}

/// The packages of a workspace (or a single package).
#[derive(Default)]
pub(super) struct Workspace {
    /// The root package first, then members as they are found.
    pub(super) packages: Vec<Package>,
    edition: Option<String>,
}

impl Workspace {
    /// The package of a folder.
    pub(super) fn package_in(&self, dir: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.dir == dir)
    }
}

/// Loads the package or workspace of the scanned folder.
pub(super) fn load(scan: &mut Scan<'_>) -> Workspace {
    let Some(root) = scan.toml(&scan.path("Cargo.toml")) else {
        return Workspace::default();
    };
    let dir = scan.dir.to_owned();
    let Some(table) = root.get("workspace").cloned() else {
        let packages = package(scan, &dir, root).into_iter().collect();
        return Workspace { packages, edition: None };
    };
    let mut walk = Walk::new(&dir, &table);
    walk.visit(scan, dir.clone(), Some(root));
    for (pattern, dirs) in member_dirs(scan, &dir, &table) {
        let glob = has_wildcard(&pattern);
        for member in dirs {
            let file = join(&member, "Cargo.toml");
            if !glob || scan.files.is_file(&file) {
                walk.visit(scan, member, None);
            }
        }
    }
    let edition = table.path(&["package", "edition"]).and_then(Node::as_str);
    Workspace { packages: walk.packages, edition: edition.map(str::to_owned) }
}

/// Loads the package of a folder.
pub(super) fn load_package(scan: &mut Scan<'_>, dir: &str) -> Option<Package> {
    let manifest = scan.toml(&join(dir, "Cargo.toml"))?;
    package(scan, dir, manifest)
}

fn package(scan: &mut Scan<'_>, dir: &str, manifest: Node) -> Option<Package> {
    let section = manifest.get("package")?;
    let file = join(dir, "Cargo.toml");
    let Some(name) = section.get("name").and_then(Node::as_str) else {
        let line = manifest.entry("package").map(|entry| entry.line);
        scan.broken(&file, line, "the package has no name", "add `name` to [package]");
        return None;
    };
    let description = section.get("description").and_then(Node::as_str);
    Some(Package {
        dir: dir.to_owned(),
        name: name.to_owned(),
        description: description.and_then(crate::sources::scan::first_line),
        file,
        manifest,
    })
}

/// Adds packages and follows their path dependencies.
struct Walk {
    root: String,
    excluded: Vec<String>,
    explicit: Vec<String>,
    /// Paths of `[workspace.dependencies]`, by name.
    shared_paths: HashMap<String, String>,
    seen: HashSet<String>,
    packages: Vec<Package>,
}

impl Walk {
    fn new(root: &str, table: &Node) -> Self {
        let paths = |key: &str| -> Vec<String> {
            let list = table.get(key).map(Node::strings).unwrap_or_default();
            list.into_iter().filter_map(|path| files::join(root, path)).collect()
        };
        let shared = table.get("dependencies").map(Node::entries).unwrap_or_default();
        let shared_paths = shared.iter().filter_map(|entry| {
            let path = entry.value.get("path")?.as_str()?;
            Some((entry.key.clone(), files::join(root, path)?))
        });
        Self {
            root: root.to_owned(),
            excluded: paths("exclude"),
            explicit: paths("members"),
            shared_paths: shared_paths.collect(),
            seen: HashSet::new(),
            packages: Vec::new(),
        }
    }

    fn visit(&mut self, scan: &mut Scan<'_>, dir: String, root: Option<Node>) {
        let mut open = vec![(dir, root)];
        while let Some((dir, manifest)) = open.pop() {
            if self.is_excluded(&dir) || !self.seen.insert(dir.clone()) {
                continue;
            }
            let manifest = match manifest {
                Some(manifest) => Some(manifest),
                None => self.member_manifest(scan, &dir),
            };
            let Some(manifest) = manifest else {
                continue;
            };
            let dependencies = self.path_dependencies(&dir, &manifest);
            open.extend(dependencies.into_iter().rev().map(|dir| (dir, None)));
            self.packages.extend(package(scan, &dir, manifest));
        }
    }

    fn member_manifest(&self, scan: &mut Scan<'_>, dir: &str) -> Option<Node> {
        let file = join(dir, "Cargo.toml");
        if !scan.files.is_file(&file) {
            let reason = format!("the workspace member {dir} has no Cargo.toml");
            let root = join(&self.root, "Cargo.toml");
            scan.broken(&root, None, &reason, "correct the path or remove the member");
            return None;
        }
        scan.toml(&file)
    }

    fn is_excluded(&self, dir: &str) -> bool {
        let inside = |prefix: &String| is_inside(dir, prefix);
        self.excluded.iter().any(inside) && !self.explicit.iter().any(inside)
    }

    /// Folders below the workspace root that this manifest depends on by path.
    fn path_dependencies(&self, dir: &str, manifest: &Node) -> Vec<String> {
        let targets = manifest.get("target").map(Node::entries).unwrap_or_default();
        let tables = std::iter::once(manifest).chain(targets.iter().map(|entry| &entry.value));
        let kinds = [
            "dependencies",
            "dev-dependencies",
            "dev_dependencies",
            "build-dependencies",
            "build_dependencies",
        ];
        let entries = tables.flat_map(|table| {
            let lists = kinds.iter().filter_map(|kind| table.get(kind));
            lists.flat_map(Node::entries)
        });
        let path = |entry: &crate::document::Entry| {
            if entry.value.get("workspace").is_some() {
                return self.shared_paths.get(&entry.key).cloned();
            }
            files::join(dir, entry.value.get("path")?.as_str()?)
        };
        entries.filter_map(path).filter(|target| is_inside(target, &self.root)).collect()
    }
}

fn is_inside(dir: &str, prefix: &str) -> bool {
    prefix.is_empty()
        || dir == prefix
        || dir.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// The folders of each entry of `members`.
fn member_dirs(scan: &mut Scan<'_>, root: &str, table: &Node) -> Vec<(String, Vec<String>)> {
    let Some(Value::Sequence(members)) = table.get("members").map(|node| &node.value) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for member in members {
        let Some(pattern) = member.as_str() else {
            continue;
        };
        let mut dirs = Vec::new();
        match files::join(root, pattern) {
            Some(path) if has_wildcard(pattern) => expand(scan, &path, &mut dirs),
            Some(path) => dirs.push(path),
            None => {
                let file = join(root, "Cargo.toml");
                let reason = format!("the workspace member {pattern} lies outside the repository");
                scan.dynamic(&file, Some(member.line), &reason);
            }
        }
        found.push((pattern.to_owned(), dirs));
    }
    found
}

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// All folders that match a pattern of path components.
fn expand(scan: &Scan<'_>, pattern: &str, dirs: &mut Vec<String>) {
    let parts: Vec<&str> = pattern.split('/').collect();
    let mut open = vec![(String::new(), 0)];
    let mut visited = 0;
    while let Some((dir, depth)) = open.pop() {
        visited += 1;
        if visited > MAX_VISITED {
            return;
        }
        let Some(part) = parts.get(depth) else {
            dirs.push(dir);
            continue;
        };
        if !has_wildcard(part) {
            open.push((join(&dir, part), depth + 1));
            continue;
        }
        if *part == "**" {
            open.push((dir.clone(), depth + 1));
        }
        for name in scan.files.list(&dir).into_iter().rev() {
            let path = join(&dir, &name);
            if *part == "**" {
                if name != "target" && name != ".git" && scan.files.is_dir(&path) {
                    open.push((path, depth));
                }
            } else if wildcard(part.as_bytes(), name.as_bytes()) {
                open.push((path, depth + 1));
            }
        }
    }
}

/// Matches one path component with `*`, `?` and `[…]`.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, n));
            p += 1;
        } else if let Some(width) = one(&pattern[p..], name[n]) {
            p += width;
            n += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// How many bytes of the pattern match this one byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', rest @ ..] => {
            let end = rest.iter().skip(1).position(|byte| *byte == b']')? + 1;
            let negated = rest[0] == b'!';
            let set = &rest[usize::from(negated)..end];
            let ranged = set
                .windows(3)
                .any(|range| range[1] == b'-' && (range[0]..=range[2]).contains(&byte));
            (negated != (ranged || set.contains(&byte))).then_some(end + 2)
        }
        [first, ..] if *first == byte => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_one_component() {
        for (pattern, name, fits) in [
            ("*", "anything", true),
            ("crate-*", "crate-a", true),
            ("crate-*", "other", false),
            ("*-sys", "a-b-sys", true),
            ("v?", "v1", true),
            ("v[0-9]", "v7", true),
            ("v[!0-9]", "v7", false),
            ("v[", "v[", false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
