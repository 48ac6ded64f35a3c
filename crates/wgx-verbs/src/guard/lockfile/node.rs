//! The lock files of npm, pnpm and yarn against package.json.

use std::collections::HashSet;

use wgx_tasks::document::{Entry, Node, parse_json, parse_yaml};

use super::super::Found;
use super::super::tree::Tree;
use super::in_dir;

const TABLES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// Dependencies of a manifest, those of a later table replacing those of `dependencies`, as npm
/// does.
fn dependencies(manifest: &Node) -> Vec<&Entry> {
    let entries = |table: &str| manifest.get(table).map(Node::entries).unwrap_or_default();
    let optional = entries("optionalDependencies");
    let is_optional = |entry: &&Entry| !optional.iter().any(|other| other.key == entry.key);
    let plain = entries("dependencies").iter().filter(is_optional);
    plain.chain(entries("devDependencies")).chain(optional).collect()
}

fn manifest(tree: &Tree, dir: &str) -> Option<(String, Node)> {
    let path = in_dir(dir, "package.json");
    let node = parse_json(&tree.text_of(&path)?).ok()?;
    Some((path, node))
}

/// `package-lock.json`: the block of the root repeats the manifest word for word.
pub(super) fn npm_drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let lock =
        tree.text_of(&in_dir(dir, "package-lock.json")).and_then(|text| parse_json(&text).ok());
    let (Some(lock), Some((path, manifest))) = (lock, manifest(tree, dir)) else {
        return Vec::new();
    };
    let Some(root) = lock.get("packages").and_then(|packages| packages.get("")) else {
        return Vec::new();
    };
    let wanted = dependencies(&manifest);
    let locked = dependencies(root);
    let mut found = compare(&path, "package-lock.json", &wanted, |name| {
        locked.iter().find(|entry| entry.key == name)?.value.as_str().map(str::to_owned)
    });
    let stale = locked.iter().filter(|entry| !wanted.iter().any(|other| other.key == entry.key));
    let lock_path = in_dir(dir, "package-lock.json");
    found.extend(stale.map(|entry| {
        let message = format!("`{}` is locked, but package.json does not name it", entry.key);
        Found::new(&lock_path, Some(entry.line), message)
    }));
    found
}

fn compare(
    path: &str,
    lock: &str,
    wanted: &[&Entry],
    locked: impl Fn(&str) -> Option<String>,
) -> Vec<Found> {
    let differing = wanted.iter().filter_map(|entry| {
        let range = entry.value.as_str()?;
        let message = match locked(&entry.key) {
            Some(other) if other == range => return None,
            Some(other) => {
                format!("`{}` is wanted as `{range}`, but {lock} has `{other}`", entry.key)
            }
            None => format!("`{}` is not in {lock}", entry.key),
        };
        Some(Found::new(path, Some(entry.line), message))
    });
    differing.collect()
}

/// `pnpm-lock.yaml` from version 6 on: each importer repeats the ranges of its manifest.
pub(super) fn pnpm_drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let lock = tree.text_of(&in_dir(dir, "pnpm-lock.yaml")).and_then(|text| parse_yaml(&text).ok());
    let Some(lock) = lock else { return Vec::new() };
    if let Some(importers) = lock.get("importers") {
        let judged = importers.entries().iter().flat_map(|importer| {
            let folder =
                if importer.key == "." { dir.to_owned() } else { in_dir(dir, &importer.key) };
            pnpm_importer(tree, &folder, &importer.value, &lock)
        });
        return judged.collect();
    }
    pnpm_importer(tree, dir, &lock, &lock)
}

fn pnpm_importer(tree: &Tree, dir: &str, importer: &Node, lock: &Node) -> Vec<Found> {
    let Some((path, manifest)) = manifest(tree, dir) else { return Vec::new() };
    let overridden = lock.get("overrides").is_some();
    let locked = |name: &str| -> Option<&Node> {
        TABLES
            .iter()
            .find_map(|table| importer.get(table)?.get(name))
            .or_else(|| importer.get("specifiers").and_then(|specifiers| specifiers.get(name)))
    };
    let wanted = dependencies(&manifest);
    compare(&path, "pnpm-lock.yaml", &wanted, |name| {
        let entry = locked(name)?;
        let range = entry.get("specifier").and_then(Node::scalar);
        let range = range.or_else(|| importer.get("specifiers")?.get(name)?.scalar());
        let own = || wanted.iter().find(|other| other.key == name)?.value.as_str();
        match range {
            // Overrides rewrite ranges, and old files keep none.
            Some(range) if !overridden => Some(range.to_owned()),
            _ => own().map(str::to_owned),
        }
    })
}

/// `yarn.lock` of both generations: an entry's head lists the ranges that it answers.
pub(super) fn yarn_drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let Some(lock) = tree.text_of(&in_dir(dir, "yarn.lock")) else { return Vec::new() };
    let Some((path, manifest)) = manifest(tree, dir) else { return Vec::new() };
    let decidable = manifest.get("resolutions").is_none();
    let heads = lock.lines().filter(|line| line.ends_with(':') && !line.starts_with([' ', '#']));
    let answered: HashSet<&str> = heads
        .flat_map(|head| head.trim_end_matches(':').trim_matches('"').split(", "))
        .map(|range| range.trim_matches('"'))
        .collect();
    let names: HashSet<&str> = answered.iter().filter_map(|range| name_of(range)).collect();
    let members = member_names(tree);
    let wanted = dependencies(&manifest);
    let outside = wanted.iter().filter(|entry| !members.contains(&entry.key));
    outside
        .filter_map(|entry| {
            let range = entry.value.as_str()?;
            let local = ["file:", "link:", "portal:", "workspace:", "patch:", "catalog:", "."];
            if local.iter().any(|start| range.starts_with(start)) {
                return None;
            }
            let answer = |range: String| answered.contains(range.as_str());
            let name = &entry.key;
            let exact = answer(format!("{name}@{range}")) || answer(format!("{name}@npm:{range}"));
            let message = match names.contains(name.as_str()) {
                _ if exact => return None,
                true if !decidable => return None,
                true => format!("`{name}` is wanted as `{range}`, which yarn.lock does not answer"),
                false => format!("`{name}` is not in yarn.lock"),
            };
            Some(Found::new(&path, Some(entry.line), message))
        })
        .collect()
}

/// `@scope/name@range` → `@scope/name`.
fn name_of(range: &str) -> Option<&str> {
    let at = range.get(1..)?.find('@')? + 1;
    Some(&range[..at])
}

/// Names of the packages of this repository, which yarn links instead of locking.
fn member_names(tree: &Tree) -> HashSet<String> {
    let manifests = tree.named("package.json");
    let names = manifests.filter_map(|file| {
        let node = parse_json(&tree.text_of(&file.path)?).ok()?;
        node.get("name")?.as_str().map(str::to_owned)
    });
    names.collect()
}
