//! go.sum against go.mod.

use std::collections::{HashMap, HashSet};

use super::super::Found;
use super::super::tree::Tree;
use super::in_dir;

pub(super) fn drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let path = in_dir(dir, "go.mod");
    let (Some(sums), Some(module)) = (tree.text_of(&in_dir(dir, "go.sum")), tree.text_of(&path))
    else {
        return Vec::new();
    };
    // A workspace keeps sums of its own.
    if tree.named("go.work").next().is_some() {
        return Vec::new();
    }
    let known: HashSet<(&str, &str)> = sums
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next()?, words.next()?);
            Some((name, version.strip_suffix("/go.mod").unwrap_or(version)))
        })
        .collect();
    let directives = directives(&module);
    let replaced: HashMap<&str, Option<(&str, &str)>> =
        directives.iter().filter(|d| d.kind == "replace").filter_map(replacement).collect();
    let required = directives.iter().filter(|directive| directive.kind == "require");
    required
        .filter_map(|directive| {
            let [name, version, ..] = directive.words.as_slice() else { return None };
            let (name, version) = match replaced.get(name) {
                Some(None) => return None,
                Some(Some(other)) => *other,
                None => (*name, *version),
            };
            let message = format!("`{name} {version}` is not in go.sum");
            let missing = !known.contains(&(name, version));
            missing.then(|| Found::new(&path, Some(directive.line), message))
        })
        .collect()
}

struct Directive<'a> {
    kind: &'a str,
    words: Vec<&'a str>,
    line: u32,
}

/// Directives, one by one, whether they stand in a block or alone.
fn directives(text: &str) -> Vec<Directive<'_>> {
    let mut found = Vec::new();
    let mut block: Option<&str> = None;
    for (line, raw) in (1_u32..).zip(text.lines()) {
        let words: Vec<&str> = raw.split("//").next().unwrap_or("").split_whitespace().collect();
        match (words.as_slice(), block) {
            ([], _) => {}
            ([")"], _) => block = None,
            ([kind, "("], _) => block = Some(kind),
            (_, Some(kind)) => found.push(Directive { kind, words, line }),
            ([kind, rest @ ..], None) => found.push(Directive { kind, words: rest.to_vec(), line }),
        }
    }
    found
}

/// What a module is replaced with: a module and version, or a folder (`None`).
fn replacement<'a>(directive: &Directive<'a>) -> Option<(&'a str, Option<(&'a str, &'a str)>)> {
    let arrow = directive.words.iter().position(|word| *word == "=>")?;
    let name = *directive.words.first()?;
    match &directive.words[arrow + 1..] {
        [module, version] => Some((name, Some((module, version)))),
        _ => Some((name, None)),
    }
}
