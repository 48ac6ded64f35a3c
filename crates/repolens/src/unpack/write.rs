//! Writes files below the target folder: never through a link, never over something unasked, and each
//! under a temporary name until its bytes are known to be right.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::paths::Target;
use super::source::{Content, Source};
use super::{UnpackError, UnpackRequest};
use crate::scan::beneath::Root;

/// Files of others that are listed when they are in the way.
const EXISTING_MAX: usize = 1000;

/// The open target folder.
pub(super) struct Writer {
    root: Root,
    force: bool,
    /// The folder of the last file, which is mostly that of the next.
    folder: Option<(Vec<u8>, OwnedFd)>,
    count: u64,
}

impl Writer {
    /// Opens the target folder and sees that nothing is in the way.
    pub(super) fn new(request: &UnpackRequest, targets: &[Target]) -> Result<Self, UnpackError> {
        let shown = request.into.display().to_string();
        let fail = |source| UnpackError::Write { path: shown.clone(), source };
        fs::create_dir_all(&request.into).map_err(fail)?;
        let root = Root::open(&request.into).map_err(fail)?;
        let writer = Self { root, force: request.force, folder: None, count: 0 };
        writer.refuse_obstacles(targets)?;
        if targets.iter().any(|target| target.twin) && writer.folds_case().map_err(fail)? {
            let twin = targets.iter().find(|target| target.twin);
            let path = twin.map(|target| String::from_utf8_lossy(&target.path).into_owned());
            return Err(UnpackError::Path {
                path: path.unwrap_or_default(),
                why: "this file system takes it and another file of the merge for one",
            });
        }
        Ok(writer)
    }

    /// Links and files in the way of folders, folders in the way of files, and files that are there.
    fn refuse_obstacles(&self, targets: &[Target]) -> Result<(), UnpackError> {
        let mut existing = Vec::new();
        for target in targets {
            let (folder, name) = target.split();
            let shown = || String::from_utf8_lossy(&target.path).into_owned();
            let Some(folder) = self.deepest(folder, &shown)? else { continue };
            match statat(folder.as_fd(), OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => {}
                Err(error) => {
                    return Err(UnpackError::Write { path: shown(), source: error.into() });
                }
                Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile if self.force => {}
                    FileType::RegularFile => existing.push(shown()),
                    FileType::Symlink => {
                        return Err(UnpackError::Path {
                            path: shown(),
                            why: "a link is in its place",
                        });
                    }
                    _ => {
                        let why = "something that is no file is in its place";
                        return Err(UnpackError::Path { path: shown(), why });
                    }
                },
            }
            if existing.len() >= EXISTING_MAX {
                break;
            }
        }
        if existing.is_empty() { Ok(()) } else { Err(UnpackError::Exists(existing)) }
    }

    /// The folder if it is there; an error if a link or a file is in its way.
    fn deepest(
        &self,
        folder: &[u8],
        shown: &dyn Fn() -> String,
    ) -> Result<Option<OwnedFd>, UnpackError> {
        match self.root.folder(folder) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let link = [Errno::LOOP, Errno::NOTDIR, Errno::XDEV];
                let in_the_way =
                    link.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
                if in_the_way {
                    let why = "a link or a file is in the way to it";
                    return Err(UnpackError::Path { path: shown(), why });
                }
                Err(UnpackError::Write { path: shown(), source: error })
            }
        }
    }

    /// Whether the file system takes names for one that differ in case.
    fn folds_case(&self) -> io::Result<bool> {
        let root = self.root.folder(b"")?;
        let probe = format!(".repolens-{}-probe", std::process::id());
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(&root, &probe, flags, Mode::RUSR | Mode::WUSR)?;
        let other = statat(&root, probe.to_uppercase(), AtFlags::SYMLINK_NOFOLLOW);
        unlinkat(&root, &probe, AtFlags::empty())?;
        Ok(other.is_ok())
    }

    /// Writes one file.
    pub(super) fn write(
        &mut self,
        source: &Source,
        file: &Content,
        target: &Target,
    ) -> Result<(), UnpackError> {
        let fail = |source: io::Error| UnpackError::Write { path: file.name(), source };
        let (folder, name) = target.split();
        self.enter(folder).map_err(fail)?;
        let Some((_, folder)) = &self.folder else { return Ok(()) };
        self.count += 1;
        let draft = format!(".repolens-{}-{}.tmp", std::process::id(), self.count);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = openat(folder, &draft, flags, Mode::from_raw_mode(0o666));
        let mut out = BufWriter::new(File::from(opened.map_err(|error| fail(error.into()))?));
        let written = source.verify(file, &mut out).and_then(|good| {
            out.flush().map_err(fail)?;
            if good { Ok(()) } else { Err(UnpackError::Changed(vec![file.name()])) }
        });
        let placed = written.and_then(|()| {
            place(folder, &draft, name, self.force).map_err(|error| match error {
                Errno::EXIST => UnpackError::Exists(vec![file.name()]),
                error => fail(error.into()),
            })
        });
        if placed.is_err() {
            // What matters is the error above; a draft that is already gone is fine.
            let _ = unlinkat(folder, &draft, AtFlags::empty());
        }
        placed
    }

    /// Makes the folders on the way, none of them through a link.
    fn enter(&mut self, folder: &[u8]) -> io::Result<()> {
        if self.folder.as_ref().is_some_and(|(open, _)| open == folder) {
            return Ok(());
        }
        let ends = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut opened = self.root.folder(b"")?;
        let mut from = 0;
        for end in ends.chain(std::iter::once(folder.len())).filter(|end| *end > 0) {
            let name = OsStr::from_bytes(&folder[from..end]);
            match mkdirat(&opened, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            opened = self.root.folder(&folder[..end])?;
            from = end + 1;
        }
        self.folder = Some((folder.to_vec(), opened));
        Ok(())
    }
}

/// Gives a finished draft its name.
fn place(folder: &OwnedFd, draft: &str, name: &[u8], force: bool) -> Result<(), Errno> {
    let name = OsStr::from_bytes(name);
    if force {
        return renameat(folder, draft, folder, name);
    }
    // A hard link never replaces anything, on any file system that has them.
    match rustix::fs::linkat(folder, draft, folder, name, AtFlags::empty()) {
        Ok(()) => unlinkat(folder, draft, AtFlags::empty()),
        Err(Errno::EXIST) => Err(Errno::EXIST),
        Err(_) => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(folder, draft, folder, name),
            _ => Err(Errno::EXIST),
        },
    }
}
