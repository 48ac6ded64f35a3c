//! Where a repository begins.

use std::path::{Path, PathBuf};

use crate::profile::{EXAMPLE_FILE, PROFILE_FILES};

/// A repository root and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Absolute, links resolved.
    pub path: PathBuf,
    /// How it was found.
    pub kind: RootKind,
}

/// How a root was found, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// The nearest folder upwards with a `.wgx/profile.*`.
    Profile,
    /// The nearest folder upwards with a `.git`.
    Git,
    /// Neither: the starting folder itself.
    Folder,
}

/// Finds the root for a starting folder: the nearest folder upwards with `.wgx/profile.*`, else the git
/// work tree, else the folder itself. Only looks at names; starts no program.
///
/// # Errors
/// When the starting folder does not exist or cannot be entered.
pub fn find_root(start: &Path) -> std::io::Result<Root> {
    let start = std::fs::canonicalize(start)?;
    if !start.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    let mut git = None;
    for dir in start.ancestors() {
        if has_profile(dir) {
            return Ok(Root { path: dir.to_owned(), kind: RootKind::Profile });
        }
        if git.is_none() && dir.join(".git").exists() {
            git = Some(dir.to_owned());
        }
    }
    Ok(match git {
        Some(path) => Root { path, kind: RootKind::Git },
        None => Root { path: start, kind: RootKind::Folder },
    })
}

fn has_profile(dir: &Path) -> bool {
    let mut names = PROFILE_FILES.iter().chain([&EXAMPLE_FILE]);
    names.any(|name| dir.join(name).is_file())
}
