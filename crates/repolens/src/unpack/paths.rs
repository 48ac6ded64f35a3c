//! Where the files of a merge may go: inside the target, each to its own place.

use std::collections::{BTreeMap, BTreeSet};

use super::UnpackError;
use super::source::Content;

/// Longest name of a file or folder, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The path of one file below the target folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Exact bytes, with `/`.
    pub(super) path: Vec<u8>,
    /// Whether another target differs from this one in case or in the form of its characters alone,
    /// so that some file systems take them for one.
    pub(super) twin: bool,
}

impl Target {
    /// The folder, empty for the target itself, and the name in it.
    pub(super) fn split(&self) -> (&[u8], &[u8]) {
        match self.path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&self.path[..at], &self.path[at + 1..]),
            None => (&[], &self.path),
        }
    }
}

/// The targets of all files, in their order; the first that cannot be is an error.
pub(super) fn settle(files: &[Content]) -> Result<Vec<Target>, UnpackError> {
    let repos: BTreeSet<&str> = files.iter().map(|file| file.repo.as_str()).collect();
    let several = repos.len() > 1;
    let mut targets = Vec::with_capacity(files.len());
    for file in files {
        let refuse = |why| UnpackError::Path { path: file.name(), why };
        let mut path = Vec::new();
        if several {
            component(file.repo.as_bytes()).map_err(refuse)?;
            if file.repo.contains('/') {
                return Err(refuse("the name of a repository is one folder"));
            }
            path.extend_from_slice(file.repo.as_bytes());
            path.push(b'/');
        }
        let relative = if file.percent {
            unescape(&file.path).ok_or_else(|| refuse("a `%` is not followed by two hex digits"))?
        } else {
            file.path.clone().into_bytes()
        };
        for part in relative.split(|byte| *byte == b'/') {
            component(part).map_err(refuse)?;
        }
        path.extend_from_slice(&relative);
        targets.push(Target { path, twin: false });
    }
    refuse_clashes(files, &targets)?;
    mark_twins(&mut targets);
    Ok(targets)
}

fn component(part: &[u8]) -> Result<(), &'static str> {
    match part {
        b"" => Err("the path is absolute or has an empty part"),
        b"." | b".." => Err("the path has `.` or `..`"),
        _ if part.len() > NAME_BYTES_MAX => Err("a name is longer than 255 bytes"),
        _ if part.contains(&0) => Err("a name has a NUL byte"),
        _ if part.eq_ignore_ascii_case(b".git") => Err("nothing is written into `.git`"),
        _ => Ok(()),
    }
}

/// The bytes of a name with `%XX`.
fn unescape(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| hex)?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    Some(bytes)
}

/// Two files at one place, or a file where another needs a folder.
fn refuse_clashes(files: &[Content], targets: &[Target]) -> Result<(), UnpackError> {
    let mut taken: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (at, target) in targets.iter().enumerate() {
        let why = "another file of the merge has the same path";
        if taken.insert(&target.path, at).is_some() {
            return Err(UnpackError::Path { path: files[at].name(), why });
        }
    }
    for (at, target) in targets.iter().enumerate() {
        let slashes = target.path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (slash, _) in slashes {
            if taken.contains_key(&target.path[..slash]) {
                let why = "another file of the merge stands where this one needs a folder";
                return Err(UnpackError::Path { path: files[at].name(), why });
            }
        }
    }
    Ok(())
}

/// Folders count too: `A/x` and `a/y` share one on some file systems, which is harmless, but `A` and
/// `a/y` are not both possible there.
fn mark_twins(targets: &mut [Target]) {
    let folded = |path: &[u8]| {
        let text = String::from_utf8_lossy(path).to_lowercase();
        crate::reader::nfc(&text).into_owned()
    };
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let all: Vec<String> = targets.iter().map(|target| folded(&target.path)).collect();
    for name in &all {
        *counts.entry(name.clone()).or_default() += 1;
    }
    for (target, name) in targets.iter_mut().zip(&all) {
        let folder_is_file =
            name.match_indices('/').any(|(slash, _)| counts.contains_key(&name[..slash]));
        target.twin = counts.get(name).is_some_and(|count| *count > 1) || folder_is_file;
    }
}
