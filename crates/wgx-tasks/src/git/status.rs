//! What `git status --porcelain=v2 -z` says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::{Head, object_id};

/// The state of a work tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Commit and branch.
    pub head: Head,
    /// Everything that differs from the commit, in the order of git.
    pub changes: Vec<Change>,
    /// Places that git ignores, folders with a slash at their end; only where it was asked for them.
    pub(super) ignored: Vec<PathBuf>,
    /// The records of the changes as git wrote them, for the digest.
    pub(super) records: Vec<u8>,
}

/// A path that differs from the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Relative to the work tree.
    pub path: PathBuf,
    /// How it differs.
    pub kind: ChangeKind,
    /// The file is gone from the work tree.
    pub is_deleted: bool,
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the index differs from the commit.
    Staged,
    /// Only the work tree differs from the index.
    Unstaged,
    /// Both differ.
    StagedAndUnstaged,
    /// A merge left a conflict.
    Unmerged,
    /// Not tracked and not ignored.
    Untracked,
}

impl Status {
    /// Nothing differs from the commit.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Reads the records; those of unknown kinds are kept for the digest and otherwise passed over.
pub(super) fn parse(output: &[u8]) -> Status {
    let mut status = Status::default();
    for record in output.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        if let Some(header) = record.strip_prefix(b"# ") {
            read_header(&String::from_utf8_lossy(header), &mut status.head);
            continue;
        }
        if let Some(path) = record.strip_prefix(b"! ") {
            status.ignored.push(PathBuf::from(OsStr::from_bytes(path)));
            continue;
        }
        status.records.extend_from_slice(record);
        status.records.push(0);
        status.changes.extend(read_change(record));
    }
    status
}

fn read_header(header: &str, head: &mut Head) {
    if let Some(commit) = header.strip_prefix("branch.oid ") {
        head.commit = object_id(commit);
    } else if let Some(branch) = header.strip_prefix("branch.head ") {
        head.branch = (branch != "(detached)").then(|| branch.to_owned());
    }
}

fn read_change(record: &[u8]) -> Option<Change> {
    // Blanks before the path: `1 XY sub mH mI mW hH hI path`, `u XY sub m1 m2 m3 mW h1 h2 h3 path`.
    let (fields, kind) = match record.first()? {
        b'?' => (1, Some(ChangeKind::Untracked)),
        b'1' => (8, None),
        b'u' => (10, Some(ChangeKind::Unmerged)),
        _ => return None,
    };
    let path = record.splitn(fields + 1, |byte| *byte == b' ').nth(fields)?;
    let (index, tree) = (record.get(2)?, record.get(3)?);
    let kind = kind.unwrap_or(match (index, tree) {
        (b'.', _) => ChangeKind::Unstaged,
        (_, b'.') => ChangeKind::Staged,
        _ => ChangeKind::StagedAndUnstaged,
    });
    let is_deleted =
        kind != ChangeKind::Untracked && (*tree == b'D' || (*tree == b'.' && *index == b'D'));
    Some(Change { path: PathBuf::from(OsStr::from_bytes(path)), kind, is_deleted })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_are_read_with_blanks_in_paths() {
        let id = "0".repeat(40);
        let output = format!(
            "# branch.oid {id}\0# branch.head main\0\
             1 .M N... 100644 100644 100644 {id} {id} a b\0\
             1 D. N... 100644 000000 000000 {id} {id} gone\0\
             u UU N... 100644 100644 100644 100644 {id} {id} {id} both\0? new file\0"
        );
        let status = parse(output.as_bytes());
        assert_eq!(status.head.commit, Some(id));
        assert_eq!(status.head.branch.as_deref(), Some("main"));
        let changes: Vec<_> = status
            .changes
            .iter()
            .map(|change| (change.path.to_str().unwrap(), change.kind, change.is_deleted))
            .collect();
        assert_eq!(
            changes,
            [
                ("a b", ChangeKind::Unstaged, false),
                ("gone", ChangeKind::Staged, true),
                ("both", ChangeKind::Unmerged, false),
                ("new file", ChangeKind::Untracked, false),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_panic(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&output);
        }
    }
}
