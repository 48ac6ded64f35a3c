//! Files that a Rakefile loads, and paths and patterns as Ruby writes them.

use super::lexer::Kind;
use super::libraries;
use super::reader::{Binding, Reader};
use super::structure::{Source, after_parenthesis};
use crate::files;
use crate::sources::name_pattern;

/// Most names that one pattern gives.
const MAX_MATCHES: usize = 2_000;

impl Reader<'_, '_> {
    pub(super) fn load(
        &mut self,
        source: &Source<'_>,
        keyword: &str,
        range: std::ops::Range<usize>,
    ) {
        let line = source.tokens.get(range.start).map_or(1, |token| token.line);
        let start = after_parenthesis(source, range.start);
        let start =
            start + usize::from(source.tokens.get(start).is_some_and(|token| token.is("op")));
        if let Some((Binding::List(values), _)) = self.literal(source, start) {
            return self.load_all(&values, false);
        }
        let Some(path) = self.path(source, start..range.end) else {
            if keyword == "load" || keyword == "import" {
                let reason = "the path of a loaded file is computed";
                self.scan.dynamic(source.file, Some(line), reason);
            }
            return;
        };
        if keyword == "require"
            && let Some(known) = libraries::required(&path)
        {
            return self.declare_known(source, line, "", known);
        }
        let base = match keyword {
            "require_relative" => files::parent(source.file),
            _ => self.scan.dir,
        };
        let Some(inside) = files::join(base, &path) else {
            return;
        };
        let with_ending = format!("{inside}.rb");
        if keyword.starts_with("require") {
            if self.scan.files.is_file(&with_ending) {
                self.file(&with_ending);
            }
        } else if self.scan.files.is_file(&inside) {
            self.file(&inside);
        } else if keyword == "load" {
            let reason = format!("the loaded file {path} is not in the repository");
            self.scan.dynamic(source.file, Some(line), &reason);
        }
    }

    pub(super) fn load_all(&mut self, paths: &[String], ruby: bool) {
        for path in paths {
            let inside = files::join(self.scan.dir, path);
            for path in inside.into_iter().filter(|path| ruby || path.contains('.')) {
                if self.scan.files.is_file(&path) {
                    self.file(&path);
                }
            }
        }
    }

    /// A path from strings, `File.join`, `File.expand_path`, `__dir__` and `__FILE__`, relative to the
    /// scanned folder where it is based on the file.
    pub(super) fn path(
        &self,
        source: &Source<'_>,
        range: std::ops::Range<usize>,
    ) -> Option<String> {
        let tokens = source.tokens.get(range)?;
        let mut parts = Vec::new();
        let (mut dir, mut file) = (false, false);
        for token in tokens {
            match &token.kind {
                Kind::Text(text) if text.starts_with("#{__dir__}") => {
                    dir = true;
                    parts.push(text.replacen("#{__dir__}", ".", 1));
                }
                Kind::Text(_) => parts.push(self.text(token)?),
                Kind::Name(name) => match name.as_str() {
                    "__dir__" | "dirname" => dir = true,
                    "__FILE__" => file = true,
                    "File" | "join" | "expand_path" | "Pathname" | "new" | "to_s" | "path" => {}
                    "if" | "unless" | "rescue" | "end" => break,
                    known => match self.bindings.iter().rev().find(|(name, _)| name == known) {
                        Some((_, Binding::Text(text))) => parts.push(text.clone()),
                        _ => return None,
                    },
                },
                Kind::Punct("(" | ")" | "," | "." | "[" | "]") | Kind::Newline => {}
                Kind::Punct("{" | ";" | "}") => break,
                _ => return None,
            }
        }
        if parts.is_empty() {
            return None;
        }
        let path = parts.join("/");
        let base = match (dir, file) {
            (true, _) => files::parent(source.file),
            (false, true) => source.file,
            (false, false) => return Some(path),
        };
        let inside = files::join(base, path.trim_start_matches("./"))?;
        let own = self.scan.dir;
        let below = inside.strip_prefix(own)?;
        Some(below.trim_start_matches('/').to_owned())
    }

    /// Files below the scanned folder that fit a pattern.
    pub(super) fn matching(&self, pattern: &str) -> Vec<String> {
        let mut found = Vec::new();
        for pattern in braces(pattern) {
            let parts: Vec<&str> =
                pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
            self.descend("", &parts, &mut found, 0);
        }
        found.sort_unstable();
        found
    }

    fn descend(&self, head: &str, parts: &[&str], found: &mut Vec<String>, depth: usize) {
        let Some((first, rest)) = parts.split_first() else {
            found.push(head.to_owned());
            return;
        };
        if depth > 20 || found.len() > MAX_MATCHES {
            return;
        }
        if *first == "**" {
            self.descend(head, rest, found, depth + 1);
        }
        let dir = files::join(self.scan.dir, head).unwrap_or_default();
        for name in self.scan.files.list(&dir) {
            let path = if head.is_empty() { name.clone() } else { format!("{head}/{name}") };
            let inside = files::join(self.scan.dir, &path).unwrap_or_default();
            if *first == "**" {
                if !name.starts_with('.') && self.scan.files.is_dir(&inside) {
                    self.descend(&path, parts, found, depth + 1);
                }
            } else if name_pattern::fits(first, &name) {
                self.descend(&path, rest, found, depth + 1);
            }
        }
    }
}

/// `a{b,c}d` as `abd` and `acd`; one pair of braces.
fn braces(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let Some((choices, after)) = rest.split_once('}') else {
        return vec![pattern.to_owned()];
    };
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}
