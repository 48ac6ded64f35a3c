//! The packages of a JavaScript workspace: manifests and the members that they declare.

use std::collections::HashSet;

use super::manager::Manager;
use crate::document::{self, DocumentError, Node};
use crate::files::{self, RepoFiles};
use crate::sources::member_glob;

/// Most members of one workspace.
const MAX_MEMBERS: usize = 5_000;

/// A manifest and where it lies.
#[derive(Debug)]
pub(crate) struct Package {
    /// Folder relative to the root; empty for the root.
    pub(crate) dir: String,
    /// The manifest, relative to the root.
    pub(crate) file: String,
    /// Its content.
    pub(crate) manifest: Node,
}

impl Package {
    /// The package's name, where it has one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.manifest.get("name").and_then(Node::as_str)
    }
}

/// Something that could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
    pub(crate) reason: String,
}

/// A folder's package, the manager that it uses, and its members.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) manager: Manager,
    /// The package of the folder itself.
    pub(crate) root: Option<Package>,
    /// The members, by path.
    pub(crate) members: Vec<Package>,
    pub(crate) faults: Vec<Fault>,
}

impl Workspace {
    /// Reads the workspace of a folder; `None` when there is no manifest.
    pub(crate) fn read(files: &RepoFiles, dir: &str) -> Option<Self> {
        let mut faults = Vec::new();
        let present = manifest_path(files, dir);
        let pnpm = exists(files, dir, "pnpm-workspace.yaml");
        if present.is_none() && !pnpm {
            return None;
        }
        let root = package(files, dir, &mut faults);
        let manager = Manager::detect(files, dir, root.as_ref().map(|root| &root.manifest));
        let mut workspace = Self { manager, root, members: Vec::new(), faults };
        workspace.read_members(files, dir);
        Some(workspace)
    }

    /// The root's package and the members.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.root.iter().chain(&self.members)
    }

    fn read_members(&mut self, files: &RepoFiles, dir: &str) {
        let mut seen = HashSet::from([dir.to_owned()]);
        let mut open = vec![self.declared(files, dir)];
        while let Some((file, line, patterns)) = open.pop().flatten() {
            let folders = member_glob::folders(files, files::parent(&file), &patterns);
            self.note_limits(&file, line, &folders);
            for path in folders.paths {
                if self.members.len() >= MAX_MEMBERS || !seen.insert(path.clone()) {
                    continue;
                }
                let Some(member) = package(files, &path, &mut self.faults) else {
                    continue;
                };
                // Only later versions of Yarn have workspaces inside of workspaces.
                if self.manager == Manager::Berry {
                    open.push(workspaces_field(&member));
                }
                self.members.push(member);
            }
            open.retain(Option::is_some);
        }
        self.members.sort_by(|a, b| a.dir.cmp(&b.dir));
    }

    /// File, line and patterns of the declaration of members.
    fn declared(&mut self, files: &RepoFiles, dir: &str) -> Option<Patterns> {
        let field = match self.manager {
            Manager::Pnpm => self.pnpm_packages(files, dir),
            _ => self.root.as_ref().and_then(workspaces_field),
        };
        let (file, line, mut patterns) = field.or_else(|| self.lerna_packages(files, dir))?;
        if self.manager != Manager::Npm {
            // Only npm lets a later pattern bring back what an earlier one removed.
            patterns.sort_by_key(|pattern| pattern.starts_with('!'));
        }
        Some((file, line, patterns))
    }

    fn pnpm_packages(&mut self, files: &RepoFiles, dir: &str) -> Option<Patterns> {
        let file = within(dir, "pnpm-workspace.yaml");
        let node = read(files, &file, document::parse_yaml, &mut self.faults)?;
        let packages = node.entry("packages")?;
        Some((file, packages.line, owned(&packages.value)))
    }

    /// Lerna's own list counts where the manager declares none.
    fn lerna_packages(&mut self, files: &RepoFiles, dir: &str) -> Option<Patterns> {
        if !exists(files, dir, "lerna.json") {
            return None;
        }
        let file = within(dir, "lerna.json");
        let node = read(files, &file, document::parse_json5, &mut self.faults)?;
        let patterns = match node.get("packages") {
            Some(packages) => owned(packages),
            None => vec!["packages/*".to_owned()],
        };
        let line = node.entry("packages").map_or(1, |entry| entry.line);
        Some((file, line, patterns))
    }

    fn note_limits(&mut self, file: &str, line: u32, folders: &member_glob::Folders) {
        let mut note = |reason: String| {
            self.faults.push(Fault { file: file.to_owned(), line: Some(line), reason });
        };
        for pattern in &folders.outside {
            note(format!("the workspace `{pattern}` lies outside of the repository"));
        }
        if folders.cut || folders.paths.len() > MAX_MEMBERS {
            note("the workspace patterns name too many folders; the rest is left out".to_owned());
        }
    }
}

/// File, line and patterns.
type Patterns = (String, u32, Vec<String>);

/// `workspaces`: a list, or a map with `packages`.
fn workspaces_field(package: &Package) -> Option<Patterns> {
    let entry = package.manifest.entry("workspaces")?;
    let list = entry.value.get("packages").unwrap_or(&entry.value);
    Some((package.file.clone(), entry.line, owned(list)))
}

fn owned(node: &Node) -> Vec<String> {
    node.strings().into_iter().map(str::to_owned).collect()
}

/// The package of a folder, from `package.json`, `package.json5` or `package.yaml`.
pub(crate) fn package(files: &RepoFiles, dir: &str, faults: &mut Vec<Fault>) -> Option<Package> {
    let file = manifest_path(files, dir)?;
    let parse = match file.rsplit_once('.') {
        Some((_, "json5")) => document::parse_json5,
        Some((_, "yaml")) => document::parse_yaml,
        _ => document::parse_json,
    };
    let manifest = read(files, &file, parse, faults)?;
    Some(Package { dir: dir.to_owned(), file, manifest })
}

fn manifest_path(files: &RepoFiles, dir: &str) -> Option<String> {
    ["package.json", "package.json5", "package.yaml"]
        .into_iter()
        .find(|name| exists(files, dir, name))
        .map(|name| within(dir, name))
}

fn exists(files: &RepoFiles, dir: &str, name: &str) -> bool {
    match dir {
        "" => files.has(name),
        dir => files.exists(&within(dir, name)),
    }
}

fn within(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        dir => format!("{dir}/{name}"),
    }
}

fn read(
    files: &RepoFiles,
    file: &str,
    parse: fn(&str) -> Result<Node, DocumentError>,
    faults: &mut Vec<Fault>,
) -> Option<Node> {
    let (line, reason) = match files.read(file) {
        Ok(text) => match parse(&text?) {
            Ok(node) => return Some(node),
            Err(error) => (Some(error.line), error.message),
        },
        Err(error) => (None, error.to_string()),
    };
    faults.push(Fault { file: file.to_owned(), line, reason });
    None
}
