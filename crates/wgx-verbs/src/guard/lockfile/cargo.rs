//! Cargo.lock against the manifests of its workspace.

use std::collections::HashMap;

use globset::Glob;
use semver::{Version, VersionReq};
use wgx_tasks::document::{Node, parse_toml};
use wgx_tasks::files::parent;

use super::super::Found;
use super::super::tree::Tree;
use super::in_dir;

/// Locked versions by package name.
type Locked = HashMap<String, Vec<Version>>;

pub(super) fn drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let read = |path: &str| parse_toml(&tree.text_of(path)?).ok();
    let root_path = in_dir(dir, "Cargo.toml");
    let Some(lock) = read(&in_dir(dir, "Cargo.lock")) else { return Vec::new() };
    let Some(root) = read(&root_path) else { return Vec::new() };
    let workspace =
        Workspace { locked: locked(&lock), root: &root, lock: in_dir(dir, "Cargo.lock") };
    let members = members(tree, dir, &root);
    let others = members.iter().filter_map(|path| Some((path.as_str(), read(path)?)));
    let mut found = workspace.judge(&root_path, &root);
    for (path, manifest) in others.collect::<Vec<_>>() {
        found.extend(workspace.judge(path, &manifest));
    }
    found
}

fn locked(lock: &Node) -> Locked {
    let mut locked = Locked::new();
    for package in lock.get("package").map(Node::items).unwrap_or_default() {
        let text = |key: &str| package.get(key).and_then(Node::as_str);
        if let (Some(name), Some(version)) = (text("name"), text("version")) {
            locked.entry(name.to_owned()).or_default().extend(Version::parse(version).ok());
        }
    }
    locked
}

/// Manifests of the members below the folder, the root's own aside.
fn members(tree: &Tree, dir: &str, root: &Node) -> Vec<String> {
    let patterns = |key: &str| -> Vec<globset::GlobMatcher> {
        let list = root.path(&["workspace", key]).map(Node::strings).unwrap_or_default();
        let globs = list.iter().filter_map(|glob| Glob::new(glob.trim_start_matches("./")).ok());
        globs.map(|glob| glob.compile_matcher()).collect()
    };
    let (included, excluded) = (patterns("members"), patterns("exclude"));
    let manifests = tree.named("Cargo.toml");
    let member = |path: &str| -> bool {
        let below = if dir.is_empty() { Some(path) } else { path.strip_prefix(&format!("{dir}/")) };
        let Some(folder) = below.map(parent).filter(|folder| !folder.is_empty()) else {
            return false;
        };
        included.iter().any(|glob| glob.is_match(folder))
            && !excluded.iter().any(|glob| glob.is_match(folder))
    };
    manifests.filter(|file| member(&file.path)).map(|file| file.path.clone()).collect()
}

struct Workspace<'a> {
    locked: Locked,
    root: &'a Node,
    lock: String,
}

impl Workspace<'_> {
    fn judge(&self, path: &str, manifest: &Node) -> Vec<Found> {
        let mut found: Vec<Found> = self.own_package(path, manifest).into_iter().collect();
        for (name, spec, line) in dependencies(manifest) {
            found.extend(
                self.dependency(name, spec).map(|message| Found::new(path, Some(line), message)),
            );
        }
        found
    }

    fn own_package(&self, path: &str, manifest: &Node) -> Option<Found> {
        let name = manifest.path(&["package", "name"])?;
        let text = name.as_str()?;
        let missing = !self.locked.contains_key(text);
        let message = format!("the package `{text}` is not in {}", self.lock);
        missing.then(|| Found::new(path, Some(name.line), message))
    }

    /// What is wrong with a dependency, if anything.
    fn dependency(&self, key: &str, spec: &Node) -> Option<String> {
        let inherited = spec.get("workspace").and_then(Node::as_bool) == Some(true);
        let spec =
            if inherited { self.root.path(&["workspace", "dependencies", key])? } else { spec };
        let name = spec.get("package").and_then(Node::as_str).unwrap_or(key);
        let Some(versions) = self.locked.get(name) else {
            return Some(format!("`{name}` is not in {}", self.lock));
        };
        let wanted = spec.as_str().or_else(|| spec.get("version").and_then(Node::as_str))?;
        let requirement = VersionReq::parse(wanted).ok()?;
        let fits =
            versions.is_empty() || versions.iter().any(|version| fits(&requirement, version));
        (!fits).then(|| {
            let locked = versions.iter().map(Version::to_string).collect::<Vec<_>>().join(", ");
            format!("`{name}` is wanted as `{wanted}`, but {} has {locked}", self.lock)
        })
    }
}

/// Cargo takes a pre-release of a git or path dependency that plain requirements would refuse.
fn fits(requirement: &VersionReq, version: &Version) -> bool {
    let release = Version::new(version.major, version.minor, version.patch);
    requirement.matches(version) || !version.pre.is_empty() && requirement.matches(&release)
}

/// Every dependency of a manifest: key, specification, line.
fn dependencies(manifest: &Node) -> Vec<(&str, &Node, u32)> {
    const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").map(Node::entries).unwrap_or_default();
    let owners = std::iter::once(manifest).chain(targets.iter().map(|target| &target.value));
    let tables = owners.flat_map(|owner| TABLES.iter().filter_map(|table| owner.get(table)));
    let entries = tables.flat_map(Node::entries);
    entries.map(|entry| (entry.key.as_str(), &entry.value, entry.line)).collect()
}
