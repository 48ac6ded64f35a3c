//! Opens things below a root without ever leaving it: no link is followed in any component, and
//! nothing that could block (pipes, devices) is waited for.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// An open folder that bounds everything opened through it.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
}

const COMMON: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);
const FOLDER: OFlags = COMMON.union(OFlags::RDONLY).union(OFlags::DIRECTORY);
const FILE: OFlags = COMMON.union(OFlags::RDONLY).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Root {
    /// Opens the root itself. Links in `path` are followed: the person named it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::CLOEXEC | OFlags::RDONLY | OFlags::DIRECTORY;
        Ok(Self { fd: openat(CWD, path, flags, Mode::empty())? })
    }

    /// Opens a folder below the root; the empty path is the root.
    pub fn folder(&self, relative: &[u8]) -> io::Result<OwnedFd> {
        let relative = if relative.is_empty() { b"." } else { relative };
        open_beneath(self.fd.as_fd(), relative, FOLDER).map_err(Into::into)
    }

    /// Opens a file below the root for reading. It may turn out not to be a regular file: look at
    /// what was opened before reading.
    pub fn file(&self, relative: &[u8]) -> io::Result<OwnedFd> {
        open_beneath(self.fd.as_fd(), relative, FILE).map_err(Into::into)
    }
}

#[cfg(target_os = "linux")]
fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve) {
        // Old kernels, sandboxes that forbid what they do not know, paths longer than one call takes.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG | Errno::AGAIN) => {
            open_by_component(root, path, flags)
        }
        other => other,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    open_by_component(root, path, flags)
}

/// One component at a time, none of them a link.
fn open_by_component(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        if part.is_empty() || part == b".." {
            return Err(Errno::INVAL);
        }
        let at = folder.as_ref().map_or(root, AsFd::as_fd);
        let flags = if parts.peek().is_some() { FOLDER } else { flags };
        folder = Some(openat(at, OsStr::from_bytes(part), flags, Mode::empty())?);
    }
    folder.ok_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_opened_through_a_link_by_either_way() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(dir.path().join("outside"), "x").unwrap();
        fs::write(root.join("a/b/file"), "x").unwrap();
        symlink("..", root.join("a/up")).unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink("a/b/file", root.join("inside")).unwrap();
        let opened = Root::open(&root).unwrap();
        assert!(opened.file(b"a/b/file").is_ok());
        for path in [&b"out"[..], b"inside", b"a/up/a/b/file", b"a/up/../outside", b"../outside"] {
            assert!(opened.file(path).is_err(), "{}", path.escape_ascii());
            let by_component = open_by_component(opened.fd.as_fd(), path, FILE);
            assert!(by_component.is_err(), "{}", path.escape_ascii());
        }
        assert!(open_by_component(opened.fd.as_fd(), b"a/b/file", FILE).is_ok());
    }
}
