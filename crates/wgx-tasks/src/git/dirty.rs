//! A digest of everything that differs from the commit.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::Status;

/// How much is read for a digest. Files over the bounds count with size and time of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyBounds {
    /// Files read at most. Default 256.
    pub max_files: usize,
    /// Bytes of one file at most. Default 1 MiB.
    pub max_file_bytes: u64,
    /// Bytes of all files at most. Default 4 MiB, some milliseconds of hashing.
    pub max_total_bytes: u64,
}

impl Default for DirtyBounds {
    fn default() -> Self {
        Self { max_files: 256, max_file_bytes: 1 << 20, max_total_bytes: 4 << 20 }
    }
}

/// The digest of a dirty state, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirty {
    /// SHA-256 in hexadecimal digits: the records of git, then each changed path with its content.
    pub sha256: String,
    /// Changed paths.
    pub changed: usize,
    /// Paths that count only with size and time of change, because they are over the bounds or
    /// cannot be read.
    pub unread: usize,
}

/// The digest of what differs from the commit; `None` when nothing does. Links are not followed.
#[must_use]
pub fn dirty(status: &Status, work_tree: &Path, bounds: DirtyBounds) -> Option<Dirty> {
    if status.is_clean() {
        return None;
    }
    let mut hasher = Sha256::new();
    hasher.update(&status.records);
    let mut left = bounds;
    let mut unread = 0;
    for change in &status.changes {
        hasher.update(change.path.as_os_str().as_bytes());
        hasher.update([0]);
        if change.is_deleted {
            continue;
        }
        if hash_content(&work_tree.join(&change.path), &mut left, &mut hasher).is_err() {
            unread += 1;
        }
    }
    Some(Dirty { sha256: hex(&hasher.finalize()), changed: status.changes.len(), unread })
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hash_content(path: &Path, left: &mut DirtyBounds, hasher: &mut Sha256) -> io::Result<()> {
    let data = path.symlink_metadata()?;
    hasher.update(data.mode().to_le_bytes());
    if data.is_symlink() {
        hasher.update(path.read_link()?.as_os_str().as_bytes());
        return Ok(());
    }
    let is_over = left.max_files == 0
        || data.len() > left.max_file_bytes
        || data.len() > left.max_total_bytes;
    if !data.is_file() || is_over {
        hasher.update(data.len().to_le_bytes());
        hasher.update(data.mtime().to_le_bytes());
        hasher.update(data.mtime_nsec().to_le_bytes());
        // A submodule is a folder; git has compared its commit.
        return if data.is_dir() { Ok(()) } else { Err(io::ErrorKind::FileTooLarge.into()) };
    }
    left.max_files -= 1;
    left.max_total_bytes -= data.len();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut content = Vec::with_capacity(usize::try_from(data.len()).unwrap_or(0));
    file.take(data.len()).read_to_end(&mut content)?;
    hasher.update(data.len().to_le_bytes());
    hasher.update(&content);
    Ok(())
}
