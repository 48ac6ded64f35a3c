//! Facts about the repository: commit, branch, origin, what is changed, which files it has.
//!
//! HEAD, refs and the origin are read from files where that is safe. Where git is asked, nothing
//! that the repository's configuration names is executed: see [`ask`].

pub mod ask;
pub mod dirty;
mod files;
mod status;
pub(crate) mod still;

use std::io;
use std::path::{Component, Path, PathBuf};

pub use ask::{Git, GitError};
pub use dirty::{Dirty, DirtyBounds, dirty};
pub use status::{Change, ChangeKind, Status};

use files::read_file;

/// More than any ordinary `HEAD`, ref or `.git` file has.
const MAX_REF_BYTES: u64 = 4 * 1024;
/// Configurations are small; a bigger one is left to git.
const MAX_CONFIG_BYTES: u64 = 256 * 1024;
/// Repositories with a million refs stay below this.
const MAX_PACKED_REFS_BYTES: u64 = 128 * 1024 * 1024;

/// A repository with a work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The folder that holds `.git`.
    pub work_tree: PathBuf,
    /// Where HEAD and the index are; of its own for a linked worktree and a submodule.
    pub git_dir: PathBuf,
    /// Where refs and the configuration are; shared by linked worktrees.
    pub common_dir: PathBuf,
}

/// What HEAD points to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; none before the first one.
    pub commit: Option<String>,
    /// The branch; none when HEAD is detached.
    pub branch: Option<String>,
}

/// A fact, or why only git could tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// Read from files.
    Known(T),
    /// Git has to be asked; the text says why.
    AskGit(&'static str),
}

impl Repository {
    /// The repository whose work tree holds `dir`: the nearest folder upwards with a `.git` folder
    /// or file. Bare repositories have no work tree and are not found, nor is one embedded in
    /// `dir`.
    #[must_use]
    pub fn find(dir: &Path) -> Option<Self> {
        dir.ancestors().find_map(Self::at)
    }

    fn at(work_tree: &Path) -> Option<Self> {
        let dot_git = work_tree.join(".git");
        let git_dir = if dot_git.is_dir() {
            dot_git
        } else {
            let text = read_text(&dot_git, MAX_REF_BYTES).ok()?;
            resolve(work_tree, text.strip_prefix("gitdir:")?.trim())
        };
        if git_dir.join("HEAD").symlink_metadata().is_err() {
            return None;
        }
        let common_dir = match read_text(&git_dir.join("commondir"), MAX_REF_BYTES) {
            Ok(text) => resolve(&git_dir, text.trim()),
            Err(_) => git_dir.clone(),
        };
        Some(Self { work_tree: work_tree.to_owned(), git_dir, common_dir })
    }

    /// Commit and branch, from `HEAD`, loose refs and `packed-refs`.
    #[must_use]
    pub fn head(&self) -> Fact<Head> {
        let path = self.git_dir.join("HEAD");
        let link = std::fs::read_link(&path).ok().and_then(|to| to.to_str().map(str::to_owned));
        let text =
            link.map_or_else(|| read_text(&path, MAX_REF_BYTES), |to| Ok(format!("ref: {to}")));
        let Ok(text) = text else {
            return Fact::AskGit("HEAD cannot be read");
        };
        let Some(name) = text.strip_prefix("ref:").map(str::trim) else {
            let commit = object_id(text.trim());
            return match commit {
                Some(commit) => Fact::Known(Head { commit: Some(commit), branch: None }),
                None => Fact::AskGit("HEAD is neither a ref nor a commit"),
            };
        };
        if name == "refs/heads/.invalid" {
            return Fact::AskGit("refs are stored as reftable");
        }
        if !is_ref_name(name) {
            return Fact::AskGit("HEAD names no ordinary ref");
        }
        let branch = name.strip_prefix("refs/heads/").map(str::to_owned);
        match self.resolve_ref(name) {
            Ok(commit) => Fact::Known(Head { commit, branch }),
            Err(reason) => Fact::AskGit(reason),
        }
    }

    /// The address of the remote `origin` as the repository's own configuration has it, with user
    /// and password if they are there; `insteadOf` rewriting is not applied.
    #[must_use]
    pub fn origin(&self) -> Fact<Option<String>> {
        let Ok(text) = read_text(&self.common_dir.join("config"), MAX_CONFIG_BYTES) else {
            return Fact::AskGit("the configuration cannot be read");
        };
        if mentions(&text, "include") {
            return Fact::AskGit("the configuration includes other files");
        }
        Fact::Known(files::config_value(&text, "remote", "origin", "url"))
    }

    /// History is cut off, so the root commit of a clone is not that of the repository.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.common_dir.join("shallow").exists()
    }

    /// The configuration may name programs that git would run on changed files, here or in a file
    /// that it includes. No section name can be written in any other way, so looking for the word
    /// is sound.
    fn may_have_filters(&self) -> bool {
        let files = [self.common_dir.join("config"), self.git_dir.join("config.worktree")];
        files.iter().any(|file| match read_file(file, MAX_CONFIG_BYTES) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                mentions(&text, "filter") || mentions(&text, "include")
            }
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        })
    }

    /// The commit a ref stands for; `Ok(None)` for a branch without a commit.
    fn resolve_ref(&self, name: &str) -> Result<Option<String>, &'static str> {
        for folder in [&self.git_dir, &self.common_dir] {
            match read_text(&folder.join(name), MAX_REF_BYTES) {
                Ok(text) => {
                    return object_id(text.trim()).map(Some).ok_or("the ref is no plain commit");
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return Err("the ref cannot be read"),
            }
        }
        match read_file(&self.common_dir.join("packed-refs"), MAX_PACKED_REFS_BYTES) {
            Ok(packed) => Ok(packed_ref(&packed, name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err("packed-refs cannot be read"),
        }
    }
}

fn packed_ref(packed: &[u8], name: &str) -> Option<String> {
    packed.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let id = line.strip_suffix(name.as_bytes())?.strip_suffix(b" ")?;
        object_id(std::str::from_utf8(id).ok()?)
    })
}

/// `text` when it is a SHA-1 or SHA-256 in hexadecimal digits.
fn object_id(text: &str) -> Option<String> {
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase())
}

/// A name below `refs/` that stays there as a path.
fn is_ref_name(name: &str) -> bool {
    name.starts_with("refs/")
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

fn mentions(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().contains(word)
}

fn resolve(base: &Path, path: &str) -> PathBuf {
    base.join(path)
}

fn read_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    String::from_utf8(read_file(path, max_bytes)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_found_in_packed_refs_by_their_whole_name() {
        let id = "a".repeat(40);
        let packed =
            format!("# pack-refs with: peeled\n{id} refs/heads/x/main\n{id} refs/heads/main\n");
        assert_eq!(packed_ref(packed.as_bytes(), "refs/heads/main"), Some(id));
        assert_eq!(packed_ref(packed.as_bytes(), "heads/main"), None);
    }

    #[test]
    fn ref_names_stay_below_refs() {
        assert!(is_ref_name("refs/heads/feature/x"));
        for name in ["../../etc/passwd", "refs/../../x", "/etc/passwd", "HEAD", "refs/heads/../x"] {
            assert!(!is_ref_name(name), "{name}");
        }
    }
}
