//! Whether a work tree is still as it was when git was last asked about it.
//!
//! Starting git costs more than all the rest of looking at a small repository. So its answer is kept as a
//! fact about the index, together with a digest of everything it was read from: names, sizes, times and
//! kinds of all files that are not ignored, and the settings. While that digest is the same, so is the
//! answer. Where that cannot be known (submodules, nested repositories, filters, much to look at), or while
//! a file changed so recently that it may change again unseen, git is asked.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dirty::hex;
use super::{Fact, Head, Repository, Status, files::read_file};
use crate::tools::{FactKey, Facts};

/// Context of the fact that is kept about an index.
const CONTEXT: &str = "work tree";
/// More entries than this are left to git: looking twice would cost more than asking.
const MAX_ENTRIES: usize = 1_000;
/// More ignored places than this are not kept.
const MAX_IGNORED: usize = 64;
/// The index of about [`MAX_ENTRIES`] files.
const MAX_INDEX_BYTES: u64 = 200 * 1024;
/// A file that changed this recently may change again within the same tick of the clock.
const SETTLED: Duration = Duration::from_millis(100);
/// The same where times have whole seconds only.
const SETTLED_COARSE: Duration = Duration::from_secs(3);
/// Settings by which more than the files of the work tree would count.
const OUTSIDE: [&str; 7] =
    ["include", "filter", "excludesfile", "attributesfile", "worktree", "submodule", "autocrlf"];

/// What git said about a work tree, as a run records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) commit: Option<String>,
    pub(crate) branch: Option<String>,
    /// Digest of everything that differs from the commit.
    pub(crate) dirty: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    look: String,
    ignored: Vec<String>,
    state: State,
}

/// What git said last, when nothing that it looked at has changed since.
pub(crate) fn state(repository: &Repository, facts: &Facts) -> Option<State> {
    let kept: Kept = serde_json::from_str(facts.get(&key(repository)?)?).ok()?;
    let Fact::Known(Head { commit, branch }) = repository.head() else { return None };
    let same_head = commit == kept.state.commit && branch == kept.state.branch;
    let look = same_head.then(|| look(repository, &kept.ignored)).flatten()?;
    (look.digest == kept.look).then_some(kept.state)
}

/// Keeps what git said when it was asked at `asked_at`, if everything had settled before.
pub(crate) fn keep(
    repository: &Repository,
    (status, state): (&Status, State),
    asked_at: SystemTime,
    facts: &mut Facts,
) {
    let keep = || {
        let Fact::Known(Head { commit, branch }) = repository.head() else { return None };
        let ignored = ignored(repository, status)?;
        let look = look(repository, &ignored)?;
        let same_head = commit == state.commit && branch == state.branch;
        if !same_head || !look.is_settled(asked_at) {
            return None;
        }
        let kept = Kept { look: look.digest, ignored, state };
        Some((key(repository)?, serde_json::to_string(&kept).ok()?))
    };
    if let Some((key, fact)) = keep() {
        facts.put(key, fact);
    }
}

fn key(repository: &Repository) -> Option<FactKey> {
    FactKey::of(&repository.git_dir.join("index"), CONTEXT)
}

/// Places that need no look because git ignores them, unless the index has files there.
fn ignored(repository: &Repository, status: &Status) -> Option<Vec<String>> {
    let index = read_file(&repository.git_dir.join("index"), MAX_INDEX_BYTES).ok()?;
    // Versions 2 and 3 write every path in full, and `link` would point to a second index.
    let whole = index.starts_with(b"DIRC") && matches!(index.get(4..8)?, [0, 0, 0, 2 | 3]);
    if !whole || memchr::memmem::find(&index, b"link\0").is_some() {
        return None;
    }
    let rules = |path: &str| path.ends_with(".gitignore") || path.ends_with(".gitattributes");
    let mut places = Vec::new();
    for path in &status.ignored {
        let path = path.to_str()?;
        let tracked = memchr::memmem::find(&index, path.as_bytes()).is_some();
        if tracked || rules(path) || places.len() >= MAX_IGNORED {
            return None;
        }
        places.push(path.to_owned());
    }
    Some(places)
}

/// What a look at a work tree saw.
struct Look {
    digest: String,
    /// The last change of anything, in nanoseconds since 1970, and whether times are that fine.
    newest_ns: i128,
    is_fine: bool,
}

impl Look {
    fn is_settled(&self, asked_at: SystemTime) -> bool {
        let settled = if self.is_fine { SETTLED } else { SETTLED_COARSE };
        let asked = asked_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.newest_ns + settled.as_nanos().cast_signed() < asked.as_nanos().cast_signed()
    }
}

/// Looks at everything that git would look at. `None` where more than that counts.
fn look(repository: &Repository, ignored: &[String]) -> Option<Look> {
    let config = read_file(&repository.common_dir.join("config"), 256 * 1024).ok()?;
    let config = String::from_utf8_lossy(&config).to_ascii_lowercase();
    let own_config = repository.git_dir.join("config.worktree");
    if OUTSIDE.iter().any(|word| config.contains(word)) || own_config.exists() {
        return None;
    }
    let mut walk =
        Walk { ignored, hash: Sha256::new(), newest_ns: 0, is_fine: false, left: MAX_ENTRIES };
    walk.hash.update(config);
    for name in ["info/exclude", "info/attributes", "info/sparse-checkout"] {
        walk.file(name.as_bytes(), fs::symlink_metadata(repository.common_dir.join(name)).ok());
    }
    walk.file(b"index", fs::symlink_metadata(repository.git_dir.join("index")).ok());
    walk.folder(&repository.work_tree, &mut String::new()).ok()?;
    let digest = hex(&walk.hash.finalize());
    Some(Look { digest, newest_ns: walk.newest_ns, is_fine: walk.is_fine })
}

struct Walk<'a> {
    ignored: &'a [String],
    hash: Sha256,
    newest_ns: i128,
    is_fine: bool,
    left: usize,
}

impl Walk<'_> {
    /// A folder whose path from the root, with a slash at its end, is `prefix`.
    fn folder(&mut self, folder: &Path, prefix: &mut String) -> io::Result<()> {
        self.changed(&fs::symlink_metadata(folder)?);
        let mut names = fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        for name in names {
            let Some(text) = name.to_str() else { return Err(io::ErrorKind::InvalidData.into()) };
            if text == ".git" && prefix.is_empty() {
                continue;
            }
            // A repository or a submodule of its own: only git knows what it says.
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::FileTooLarge)?;
            if text == ".git" {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let length = prefix.len();
            prefix.push_str(text);
            let path = folder.join(&name);
            let data = fs::symlink_metadata(&path)?;
            if data.is_dir() {
                prefix.push('/');
            }
            if !self.ignored.contains(prefix) {
                if data.is_dir() {
                    self.hash.update(prefix.as_bytes());
                    self.hash.update([0]);
                    self.folder(&path, prefix)?;
                } else {
                    self.file(prefix.as_bytes(), Some(data));
                }
            }
            prefix.truncate(length);
        }
        Ok(())
    }

    fn file(&mut self, path: &[u8], data: Option<Metadata>) {
        self.hash.update(path);
        self.hash.update([0, u8::from(data.is_some())]);
        let Some(data) = data else { return };
        self.changed(&data);
        for part in [
            i128::from(data.size()),
            i128::from(data.ino()),
            i128::from(data.mode()),
            i128::from(data.mtime()) << 32 | i128::from(data.mtime_nsec()),
            i128::from(data.ctime()) << 32 | i128::from(data.ctime_nsec()),
        ] {
            self.hash.update(part.to_le_bytes());
        }
    }

    fn changed(&mut self, data: &Metadata) {
        let at = i128::from(data.ctime()) * 1_000_000_000 + i128::from(data.ctime_nsec());
        self.newest_ns = self.newest_ns.max(at);
        self.is_fine |= data.ctime_nsec() % 1_000_000 != 0;
    }
}
