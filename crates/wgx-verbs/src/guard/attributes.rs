//! What `.gitattributes` says about files, as far as the checks ask.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use wgx_tasks::files::parent;

/// Folders whose content comes from elsewhere, whatever the attributes say.
const VENDOR_FOLDERS: [&str; 4] = ["node_modules", "vendor", "third_party", "bower_components"];

/// The attributes of a repository.
#[derive(Debug)]
pub(super) struct Attributes {
    generated: Patterns,
    vendored: Patterns,
    verbatim: Patterns,
}

/// Patterns that set an attribute; a later line or a deeper file that unsets it wins.
#[derive(Debug, Default)]
struct Patterns {
    by_file: Vec<(String, Gitignore)>,
}

impl Attributes {
    pub(super) fn read(root: &Path, paths: &[String]) -> Self {
        let is_attributes = |path: &&String| wgx_tasks::files::file_name(path) == ".gitattributes";
        let mut texts: Vec<(&str, String)> = paths
            .iter()
            .filter(is_attributes)
            .filter_map(|path| Some((parent(path), std::fs::read_to_string(root.join(path)).ok()?)))
            .collect();
        texts.sort_by_key(|(dir, _)| std::cmp::Reverse(dir.len()));
        let patterns = |names: &[&str]| Patterns::of(&texts, names);
        Self {
            generated: patterns(&["linguist-generated"]),
            vendored: patterns(&["linguist-vendored"]),
            verbatim: patterns(&["binary", "-text", "-whitespace", "-diff"]),
        }
    }

    pub(super) fn is_generated(&self, path: &str) -> bool {
        self.generated.sets(path).unwrap_or(false)
    }

    pub(super) fn is_vendored(&self, path: &str) -> bool {
        let in_folder = || parent(path).split('/').any(|part| VENDOR_FOLDERS.contains(&part));
        self.vendored.sets(path).unwrap_or_else(in_folder)
    }

    /// Whether the bytes of the file are not to be touched.
    pub(super) fn is_verbatim(&self, path: &str) -> bool {
        self.verbatim.sets(path).unwrap_or(false)
    }
}

impl Patterns {
    fn of(texts: &[(&str, String)], names: &[&str]) -> Self {
        let build = |(dir, text): &(&str, String)| {
            let mut builder = GitignoreBuilder::new("");
            for (pattern, sets) in text.lines().filter_map(|line| attribute(line, names)) {
                let line = if sets { pattern.to_owned() } else { format!("!{pattern}") };
                // A pattern that cannot be read sets nothing, as in git.
                let _ = builder.add_line(None, &line);
            }
            builder.build().ok().map(|matcher| ((*dir).to_owned(), matcher))
        };
        Self { by_file: texts.iter().filter_map(build).collect() }
    }

    /// Whether the attribute is set, unset, or not mentioned.
    fn sets(&self, path: &str) -> Option<bool> {
        self.by_file.iter().find_map(|(dir, matcher)| {
            let below = match dir.as_str() {
                "" => path,
                dir => path.strip_prefix(dir)?.strip_prefix('/')?,
            };
            match matcher.matched(below, false) {
                ignore::Match::None => None,
                ignore::Match::Ignore(_) => Some(true),
                ignore::Match::Whitelist(_) => Some(false),
            }
        })
    }
}

/// The pattern of a line and whether it sets or unsets one of the attributes.
fn attribute<'a>(line: &'a str, names: &[&str]) -> Option<(&'a str, bool)> {
    let mut words = line.split_whitespace();
    let pattern = words.next().filter(|pattern| !pattern.starts_with(['#', '[']))?;
    let mut sets = None;
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, "true"));
        if names.contains(&name) {
            sets = Some(value != "false");
        } else if names.contains(&name.trim_start_matches(['-', '!'])) {
            sets = Some(false);
        }
    }
    sets.map(|sets| (pattern, sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_and_deeper_lines_win() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let top = "*.pb.go linguist-generated\nown.pb.go -linguist-generated\n*.bin binary\n\
                   vendor/ours/** linguist-vendored=false\n";
        std::fs::write(dir.path().join(".gitattributes"), top).unwrap();
        std::fs::write(dir.path().join("sub/.gitattributes"), "a.pb.go linguist-generated=false\n")
            .unwrap();
        let paths = [".gitattributes".to_owned(), "sub/.gitattributes".to_owned()];
        let attributes = Attributes::read(dir.path(), &paths);
        assert!(attributes.is_generated("x/y.pb.go") && !attributes.is_generated("own.pb.go"));
        assert!(attributes.is_generated("sub/b.pb.go") && !attributes.is_generated("sub/a.pb.go"));
        assert!(attributes.is_verbatim("x.bin") && !attributes.is_verbatim("x.txt"));
        assert!(
            attributes.is_vendored("a/vendor/b.js") && !attributes.is_vendored("vendor/ours/b.js")
        );
    }
}
