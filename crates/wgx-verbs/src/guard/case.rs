//! Names that are one name where the file system ignores case.

use std::collections::{BTreeMap, BTreeSet};

use contracts::wgx::FixKind;
use unicode_normalization::UnicodeNormalization as _;
use wgx_tasks::files::parent;

use super::{Check, Context, Found, Rule};

pub(super) struct CaseClash;

static RULE: Rule = Rule {
    id: "case-clash",
    finds: "files or folders whose names differ only in case or in the composition of accents",
    why: "on macOS and Windows one of them silently replaces the other",
    fix: "rename all but one of them",
    kind: FixKind::Manual,
};

impl Check for CaseClash {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let paths = context.tree.all().map(|file| file.path.as_str());
        let clashes = clashes(paths);
        let below = |dir: &str, path: &str| {
            path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let wanted =
            |path: &str| context.tree.all().any(|file| file.wanted && below(path, &file.path));
        let asked = clashes.into_iter().filter(|names| names.iter().any(|name| wanted(name)));
        asked.map(|names| found(&names)).collect()
    }
}

fn found(names: &[&str]) -> Found {
    let others = names[1..].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Found::new(names[0], None, format!("clashes with {others} where case is ignored"))
}

/// Groups of paths that are equal but for case, each reported where it first differs: clashing
/// folders do not make their files clash.
fn clashes<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let mut groups: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        let mut part = path;
        while !part.is_empty() {
            let dir = parent(part);
            let name = part.get(dir.len()..).unwrap_or(part);
            groups.entry((dir.to_owned(), folded(name))).or_default().insert(part);
            part = dir;
        }
    }
    let clashing = groups.into_values().filter(|names| names.len() > 1);
    let mut all: Vec<Vec<&str>> = clashing.map(|names| names.into_iter().collect()).collect();
    all.sort_unstable();
    all
}

fn folded(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clashes_are_reported_where_they_begin() {
        let paths = ["Docs/a.md", "docs/a.md", "x/README.md", "x/readme.md", "y/readme.md"];
        let expected = [vec!["Docs", "docs"], vec!["x/README.md", "x/readme.md"]];
        assert_eq!(clashes(paths.into_iter()), expected);
    }

    #[test]
    fn accents_in_two_compositions_clash() {
        assert_eq!(clashes(["u\u{308}.md", "ü.md"].into_iter()).len(), 1);
        assert!(clashes(["a.md", "b.md", "a/b.md"].into_iter()).is_empty());
    }
}
