//! poetry.lock and uv.lock against pyproject.toml.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use wgx_tasks::document::{Node, parse_toml};

use super::super::Found;
use super::super::tree::Tree;
use super::ascii_json::escaped;
use super::in_dir;

pub(super) fn poetry_drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let Some((manifest, locked)) = read(tree, dir, "poetry.lock") else { return Vec::new() };
    let path = in_dir(dir, "pyproject.toml");
    let mut found = missing(&path, "poetry.lock", &manifest, &locked.names);
    if found.is_empty()
        && let Some(hash) = tree.text_of(&path).and_then(|text| content_hash(&text))
        && locked.hash.is_some_and(|locked| locked != hash)
    {
        let message = "the content hash is not that of pyproject.toml";
        found.push(Found::new(&in_dir(dir, "poetry.lock"), locked.hash_line, message));
    }
    found
}

pub(super) fn uv_drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let Some((manifest, locked)) = read(tree, dir, "uv.lock") else { return Vec::new() };
    missing(&in_dir(dir, "pyproject.toml"), "uv.lock", &manifest, &locked.names)
}

struct Locked {
    names: HashSet<String>,
    hash: Option<String>,
    hash_line: Option<u32>,
}

fn read(tree: &Tree, dir: &str, lock: &str) -> Option<(Node, Locked)> {
    let parse = |name: &str| parse_toml(&tree.text_of(&in_dir(dir, name))?).ok();
    let (manifest, lock) = (parse("pyproject.toml")?, parse(lock)?);
    let packages = lock.get("package").map(Node::items).unwrap_or_default();
    let names = packages.iter().filter_map(|package| package.get("name")?.as_str());
    let names = names.map(normalised).collect();
    let hash = lock.path(&["metadata", "content-hash"]);
    let hash_line = hash.map(|hash| hash.line);
    let hash = hash.and_then(Node::as_str).map(str::to_owned);
    Some((manifest, Locked { names, hash, hash_line }))
}

fn missing(path: &str, lock: &str, manifest: &Node, names: &HashSet<String>) -> Vec<Found> {
    let wanted = requirements(manifest).into_iter().filter(|(name, _)| !names.contains(name));
    wanted
        .map(|(name, line)| Found::new(path, Some(line), format!("`{name}` is not in {lock}")))
        .collect()
}

/// Names of all requirements, as PEP 503 normalises them, with their lines.
fn requirements(manifest: &Node) -> Vec<(String, u32)> {
    let own = manifest.path(&["project", "name"]).and_then(Node::as_str).map(normalised);
    let mut found = Vec::new();
    let mut strings = |list: Option<&Node>| {
        for item in list.map(Node::items).unwrap_or_default() {
            found.extend(item.as_str().and_then(name_of).map(|name| (name, item.line)));
        }
    };
    strings(manifest.path(&["project", "dependencies"]));
    for table in
        [manifest.path(&["project", "optional-dependencies"]), manifest.get("dependency-groups")]
    {
        table
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .for_each(|group| strings(Some(&group.value)));
    }
    let poetry = manifest.path(&["tool", "poetry"]);
    let groups =
        poetry.and_then(|poetry| poetry.get("group")).map(Node::entries).unwrap_or_default();
    let tables = groups.iter().filter_map(|group| group.value.get("dependencies"));
    let plain = ["dependencies", "dev-dependencies"].into_iter().filter_map(|key| poetry?.get(key));
    for entry in plain.chain(tables).flat_map(Node::entries).filter(|entry| entry.key != "python") {
        found.push((normalised(&entry.key), entry.line));
    }
    found.retain(|(name, _)| Some(name) != own.as_ref());
    found
}

/// The name of a requirement (`Name[extra]>=1; marker`).
fn name_of(requirement: &str) -> Option<String> {
    let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let name = requirement.trim().split(end).next().filter(|name| !name.is_empty())?;
    // Whether a marker ever applies is the resolver's to say.
    (!requirement.contains(';')).then(|| normalised(name))
}

fn normalised(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out
}

/// The hash that poetry keeps of a manifest without a `project` table: SHA-256 of the relevant
/// tables as Python writes sorted JSON. `None` where later versions of poetry hash more than these
/// tables.
fn content_hash(text: &str) -> Option<String> {
    let manifest: toml::Table = text.parse().ok()?;
    if manifest.contains_key("project") || manifest.contains_key("dependency-groups") {
        return None;
    }
    let poetry = manifest.get("tool")?.get("poetry")?.as_table()?;
    let mut fields = Vec::new();
    for key in ["dependencies", "dev-dependencies", "extras", "group", "source"] {
        match poetry.get(key) {
            Some(value) => fields.push(format!("\"{key}\": {}", python_json(value)?)),
            None if key == "group" => {}
            None => fields.push(format!("\"{key}\": null")),
        }
    }
    let digest = Sha256::digest(format!("{{{}}}", fields.join(", ")));
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A value as Python's `json.dumps(value, sort_keys=True)` writes it; `None` for dates and
/// fractions.
fn python_json(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => escaped(text, false),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(value) => value.to_string(),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(python_json).collect();
            format!("[{}]", items?.join(", "))
        }
        toml::Value::Table(table) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.sort_unstable();
            let field = |key: &&String| {
                Some(format!("{}: {}", escaped(key, false), python_json(&table[*key])?))
            };
            let fields: Option<Vec<String>> = keys.iter().map(field).collect();
            format!("{{{}}}", fields?.join(", "))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_writes_json_with_blanks_and_escapes() {
        let value: toml::Table = "b = [1, true]\na = { z = 'ü/\"', y = '😀' }\n".parse().unwrap();
        let text = python_json(&toml::Value::Table(value)).unwrap();
        assert_eq!(
            text,
            "{\"a\": {\"y\": \"\\ud83d\\ude00\", \"z\": \"\\u00fc/\\\"\"}, \"b\": [1, true]}"
        );
    }

    #[test]
    fn names_are_normalised() {
        assert_eq!(name_of("Foo.Bar_baz[x]>=1").as_deref(), Some("foo-bar-baz"));
        assert_eq!(name_of("x; sys_platform == 'win32'"), None);
    }
}
