//! Which paths the ignore files of a repository name.
//!
//! Order of precedence, first word wins: `.repolensignore`, `.ignore`, `.gitignore` (each from the
//! deepest folder upwards), `.git/info/exclude`, and, only when asked, the person's global file.

use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The names of ignore files, strongest first.
pub(super) const NAMES: [&str; 3] = [".repolensignore", ".ignore", ".gitignore"];
const KINDS: usize = NAMES.len() + 1;

/// The rules that hold in one folder.
#[derive(Debug, Default)]
pub(super) struct Rules {
    parent: Option<Arc<Rules>>,
    /// One a kind; the last is what belongs to the whole working copy.
    own: [Option<Gitignore>; KINDS],
}

impl Rules {
    /// The rules of a working copy as a whole: `.git/info/exclude`, then the global file.
    pub(super) fn of_root(exclude: Option<&[u8]>, global: Option<&[u8]>) -> Self {
        let mut own = [const { None }; KINDS];
        // Later lines win, so what is closer to the repository comes last.
        let joined = [global, exclude].into_iter().flatten().collect::<Vec<_>>().join(&b'\n');
        own[KINDS - 1] = compile(Path::new(""), &joined);
        Self { parent: None, own }
    }

    /// The rules of a folder with these ignore files; those of its parent where it has none.
    pub(super) fn of_folder(
        parent: &Arc<Rules>,
        folder: &Path,
        files: &[(usize, Vec<u8>)],
    ) -> Arc<Rules> {
        let mut own = [const { None }; KINDS];
        for (kind, text) in files {
            own[*kind] = compile(folder, text);
        }
        if own.iter().all(Option::is_none) {
            return Arc::clone(parent);
        }
        Arc::new(Self { parent: Some(Arc::clone(parent)), own })
    }

    /// Whether the entry is ignored. Its folder is known not to be.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        for kind in 0..KINDS {
            let mut rules = Some(self);
            while let Some(level) = rules {
                if let Some(own) = &level.own[kind] {
                    let found = own.matched(path, is_folder);
                    if !found.is_none() {
                        return found.is_ignore();
                    }
                }
                rules = level.parent.as_deref();
            }
        }
        false
    }
}

/// Patterns relative to `folder`. A line that is no pattern names nothing, as in git.
fn compile(folder: &Path, text: &[u8]) -> Option<Gitignore> {
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.lines() {
        let _not_a_pattern = builder.add_line(None, line);
    }
    let rules = builder.build().ok()?;
    (!rules.is_empty()).then_some(rules)
}
