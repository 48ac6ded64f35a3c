//! From roots to a [`Snapshot`]: a parallel walk that executes nothing, follows no link, opens
//! nothing outside the roots and gives the same order everywhere.

pub mod beneath;
mod ignores;
mod names;
mod purpose;
mod roots;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use roots::{ROOTS_MAX, ScanError};
pub(crate) use walk::reason;
pub use walk::stamp;

use crate::model::{Inclusion, Kind, Reason, Repo, Snapshot};
use crate::secrets;

/// How to walk.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// Lists what ignore files and the tooling rule would leave out. `.git` stays out.
    pub no_ignore: bool,
    /// The person's global ignore file. It is not part of the tree, so it is off unless asked.
    pub global_ignore: Option<PathBuf>,
    /// Threads of the walk; 0 is one for every core, at most 256. The result does not depend on it.
    pub threads: usize,
}

/// More threads than this do not help, and a system may refuse to start them.
const THREADS_MAX: usize = 256;

/// How many threads to start when a person asks for so many; 0 is one for every core.
pub(crate) fn threads(asked: usize) -> usize {
    let threads = match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    };
    threads.min(THREADS_MAX)
}

/// Scans one to [`ROOTS_MAX`] working copies.
///
/// Every regular file is [`crate::model::Kind::Unread`] afterwards: only reading it tells whether
/// it is text.
pub fn scan(roots: &[PathBuf], options: &ScanOptions) -> Result<Snapshot, ScanError> {
    let mut repos = Vec::new();
    for root in roots::settle(roots)? {
        repos.push(scan_root(root, options)?);
    }
    Ok(Snapshot { repos })
}

fn scan_root(root: roots::Root, options: &ScanOptions) -> Result<Repo, ScanError> {
    let roots::Root { name, path, masked } = root;
    let opened = beneath::Root::open(&path)
        .map_err(|source| ScanError::Unreadable { path: path.clone(), source })?;
    let mut found = walk::walk(&opened, options)
        .map_err(|source| ScanError::Unreadable { path: path.clone(), source })?;
    let masked_names = masked + hide(&mut found);
    let purposes = purpose::read(&opened);
    Ok(Repo {
        name,
        root: path,
        purposes,
        files: found.files,
        skipped: found.skipped,
        folders: found.folders,
        filtered: BTreeMap::new(),
        masked_names,
        notes: found.notes,
    })
}

/// Masks the secrets in names, and says how many there were. What bears such a name is not read.
fn hide(found: &mut walk::Found) -> u64 {
    let redactor = secrets::redactor();
    let paths = found.files.iter().map(|file| file.path.as_str());
    let mut count = 0;
    let hidden = secrets::in_names(&redactor, paths);
    let moved = !hidden.is_empty();
    for (place, path, secrets) in hidden {
        let file = &mut found.files[place];
        file.path = path;
        if file.kind == Kind::Unread {
            file.kind = Kind::Withheld;
            file.inclusion = Inclusion::MetaOnly(Reason::SecretName);
        }
        count += secrets;
    }
    if moved {
        found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }
    let skipped = found.skipped.iter().map(|skipped| skipped.path.as_str());
    for (place, path, secrets) in secrets::in_names(&redactor, skipped) {
        found.skipped[place].path = path;
        count += secrets;
    }
    found.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let links = found.files.iter_mut().filter_map(|file| match &mut file.kind {
        Kind::Symlink { target } => Some(target),
        _ => None,
    });
    for text in links.chain(&mut found.notes) {
        if let Some((masked, secrets)) = secrets::hidden(&redactor, text) {
            *text = masked;
            count += secrets;
        }
    }
    count
}

/// The text of a path and whether it is an escaped form; see [`crate::model::File::path`].
pub(crate) fn path_text(raw: &[u8]) -> (String, bool) {
    names::text(raw)
}

/// A small text file below a root; nothing when it is not there, larger, or no UTF-8.
pub(crate) fn read_text(root: &beneath::Root, path: &str, max: u64) -> Option<String> {
    let file = root.file(path.as_bytes()).ok()?;
    let bytes = walk::read_bounded(file, usize::try_from(max).unwrap_or(usize::MAX)).ok()?;
    String::from_utf8(bytes).ok()
}
