//! The roots of a merge: existing folders, none twice, none inside another, each with its own name.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::names;
use crate::secrets;

/// Most working copies of one merge.
pub const ROOTS_MAX: usize = 40;

/// Why a scan could not begin. What goes wrong later stands beside the file in the snapshot.
#[derive(Debug, Error)]
pub enum ScanError {
    /// Nothing to scan.
    #[error("no folder to scan: name at least one working copy")]
    NoRoots,
    /// More than [`ROOTS_MAX`].
    #[error("{count} folders to scan; one merge takes at most {ROOTS_MAX}")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// A root that cannot be opened.
    #[error("cannot scan `{}`: {source}", path.display())]
    Unreadable {
        /// The root as given, or as resolved.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A root that is a file.
    #[error("`{}` is not a folder: name the working copy, and a file with --path-filter", path.display())]
    NotAFolder {
        /// As given.
        path: PathBuf,
    },
    /// Two roots are one folder.
    #[error("`{}` and `{}` are the same folder: name it once", first.display(), second.display())]
    Same {
        /// As given first.
        first: PathBuf,
        /// As given again.
        second: PathBuf,
    },
    /// One root lies in another.
    #[error(
        "`{}` lies inside `{}`: name one of them, or its parts with --path-filter",
        inner.display(), outer.display()
    )]
    Nested {
        /// As given.
        inner: PathBuf,
        /// As given.
        outer: PathBuf,
    },
}

/// A root that can be scanned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// Unique in the merge.
    pub(super) name: String,
    /// Absolute, without links.
    pub(super) path: PathBuf,
    /// Secrets that were masked in its name.
    pub(super) masked: u64,
}

/// Resolves, checks, names and sorts the roots.
pub(super) fn settle(given: &[PathBuf]) -> Result<Vec<Root>, ScanError> {
    if given.is_empty() {
        return Err(ScanError::NoRoots);
    }
    if given.len() > ROOTS_MAX {
        return Err(ScanError::TooMany { count: given.len() });
    }
    let mut resolved: Vec<(PathBuf, &Path)> = Vec::new();
    for path in given {
        let real = path
            .canonicalize()
            .map_err(|source| ScanError::Unreadable { path: path.clone(), source })?;
        if !real.is_dir() {
            return Err(ScanError::NotAFolder { path: path.clone() });
        }
        for (other, as_given) in &resolved {
            let pair = |a: &Path, b: &Path| (a.to_owned(), b.to_owned());
            if *other == real {
                let (first, second) = pair(as_given, path);
                return Err(ScanError::Same { first, second });
            }
            if real.starts_with(other) {
                let (inner, outer) = pair(path, as_given);
                return Err(ScanError::Nested { inner, outer });
            }
            if other.starts_with(&real) {
                let (inner, outer) = pair(as_given, path);
                return Err(ScanError::Nested { inner, outer });
            }
        }
        resolved.push((real, path));
    }
    Ok(named(resolved.into_iter().map(|(real, _)| real)))
}

/// A second `tools` is `tools-2`; a name that a folder really has is never given to another.
fn named(paths: impl Iterator<Item = PathBuf>) -> Vec<Root> {
    let redactor = secrets::redactor();
    let mut roots: Vec<Root> = paths
        .map(|path| {
            let name = path.file_name().map_or_else(String::new, names::escaped);
            let (name, masked) = secrets::hidden(&redactor, &name).unwrap_or((name, 0));
            Root { name: if name.is_empty() { "root".into() } else { name }, path, masked }
        })
        .collect();
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    let real: BTreeSet<String> = roots.iter().map(|root| root.name.clone()).collect();
    let mut given = BTreeSet::new();
    for root in &mut roots {
        if given.insert(root.name.clone()) {
            continue;
        }
        let free = (2..)
            .map(|number| format!("{}-{number}", root.name))
            .find(|name| !real.contains(name) && !given.contains(name));
        root.name = free.expect("there are more numbers than roots");
        given.insert(root.name.clone());
    }
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sorted() {
        let paths = ["/b/tools", "/a/tools", "/a/tools-2", "/", "/x/alpha"].map(PathBuf::from);
        let roots = named(paths.into_iter());
        let names: Vec<_> =
            roots.iter().map(|root| (root.name.as_str(), root.path.to_str().unwrap())).collect();
        let expected = [
            ("alpha", "/x/alpha"),
            ("root", "/"),
            ("tools", "/b/tools"),
            ("tools-2", "/a/tools-2"),
            ("tools-3", "/a/tools"),
        ];
        assert_eq!(names, expected);
    }
}
