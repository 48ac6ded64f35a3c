//! The environments of a native TOML configuration (`tox.toml`, `[tool.tox]`).

use std::collections::HashSet;

use crate::document::Node;
use crate::sources::Scan;

use super::factor;
use super::{Environment, Labels, MAX_ENVIRONMENTS, Names, one_line, push, texts};

pub(super) fn list(scan: &mut Scan<'_>, file: &str, config: &Node, line: u32) {
    let mut names = Names::new(packaging(config));
    let env_list = config.entry("env_list").or_else(|| config.entry("envlist"));
    for item in env_list.map(|entry| entry.value.items()).unwrap_or_default() {
        match names_of(item) {
            Some(found) => found.into_iter().for_each(|name| names.add(name, item.line)),
            None => scan.dynamic(
                file,
                Some(item.line),
                "an entry of the environment list cannot be read",
            ),
        }
    }
    if names.lines.is_empty() {
        names.add("py".into(), env_list.map_or(line, |entry| entry.line));
    }
    for env in config.get("env").map(Node::entries).unwrap_or_default() {
        names.add(env.key.clone(), env.line);
    }
    for base in config.get("env_base").map(Node::entries).unwrap_or_default() {
        for suffix in base.value.get("factors").map(base_names).unwrap_or_default() {
            names.add(format!("{}-{suffix}", base.key), base.line);
        }
    }
    let labels = labels(config, &mut names);
    for (name, line) in std::mem::take(&mut names.lines) {
        push(scan, file, environment(config, name, line, &labels));
    }
}

fn packaging(config: &Node) -> HashSet<String> {
    let tables = std::iter::once(config)
        .chain(config.get("env_run_base"))
        .chain(config.get("env").into_iter().flat_map(Node::entries).map(|entry| &entry.value));
    tables.filter_map(|table| Some(table.get("package_env")?.as_str()?.to_owned())).collect()
}

/// A name, or a `product` of factor groups without those it excludes.
fn names_of(item: &Node) -> Option<Vec<String>> {
    if let Some(name) = item.as_str() {
        return Some(vec![name.to_owned()]);
    }
    let groups = item.get("product")?.items();
    let excluded = item.get("exclude").map(Node::strings).unwrap_or_default();
    let mut names = combine(groups)?;
    names.retain(|name| !excluded.contains(&name.as_str()));
    Some(names)
}

fn base_names(factors: &Node) -> Vec<String> {
    match factors.items() {
        [first, ..] if first.as_str().is_none() => combine(factors.items()).unwrap_or_default(),
        _ => factors.strings().into_iter().map(str::to_owned).collect(),
    }
}

fn combine(groups: &[Node]) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for group in groups {
        let values = group_values(group)?;
        if names.is_empty() {
            names = values;
            continue;
        }
        if names.len() * values.len() > MAX_ENVIRONMENTS {
            return None;
        }
        let joined = |name: &String| {
            values.iter().map(|value| format!("{name}-{value}")).collect::<Vec<_>>()
        };
        names = names.iter().flat_map(joined).collect();
    }
    Some(names)
}

/// A list, a range (`{prefix, start, stop}`), or either under a label.
fn group_values(group: &Node) -> Option<Vec<String>> {
    if group.is_sequence() {
        return Some(group.strings().into_iter().map(str::to_owned).collect());
    }
    if let Some(prefix) = group.get("prefix").and_then(Node::as_str) {
        let bound = |key: &str| group.get(key).and_then(Node::scalar).unwrap_or_default();
        return factor::expand(&format!("{prefix}{{{}-{}}}", bound("start"), bound("stop")));
    }
    let [labelled] = group.entries() else {
        return None;
    };
    match labelled.value.get("values") {
        Some(values) => group_values(values),
        None => group_values(&labelled.value),
    }
}

fn labels(config: &Node, names: &mut Names) -> Labels {
    let mut labels = Labels::new();
    for label in config.get("labels").map(Node::entries).unwrap_or_default() {
        for name in label.value.strings() {
            labels.entry(name.to_owned()).or_insert_with(|| label.key.clone());
            names.add(name.to_owned(), label.line);
        }
    }
    labels
}

fn environment(config: &Node, name: String, line: u32, labels: &Labels) -> Environment {
    let own = config.path(&["env", &name]);
    let generated = config.get("env_base").map(Node::entries).unwrap_or_default().iter();
    let base = generated
        .filter(|base| name.strip_prefix(&base.key).is_some_and(|rest| rest.starts_with('-')))
        .map(|base| &base.value)
        .next();
    let tables = [own, base, config.get("env_run_base")];
    let value = |key: &str| tables.iter().flatten().find_map(|table| table.get(key));
    let own_label =
        value("labels").and_then(|labels| labels.strings().first().map(|l| (*l).to_owned()));
    Environment {
        description: value("description").and_then(Node::as_str).and_then(one_line),
        group: labels.get(&name).cloned().or(own_label),
        commands: value("commands").map(texts).unwrap_or_default(),
        name,
        line,
    }
}
