//! One repository, held by its folder's descriptor. Every path is resolved below it by the kernel
//! (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`), so no link and no `..` leads out.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat2, renameat, unlinkat,
};
use rustix::io::Errno;
use wgx_tasks::git::Repository;

use super::Fault;

/// Largest file that is read or written, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 8 << 20;

/// One repository.
pub(super) struct Place {
    path: PathBuf,
    dir: OwnedFd,
}

/// A file's contents and whether it can be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    pub(super) executable: bool,
}

impl Place {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let dir = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|_| Fault::forbidden("the repository cannot be opened"))?;
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Its folder, resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its work tree, when git has one that begins here.
    pub(super) fn repository(&self) -> Result<Repository, Fault> {
        Repository::find(&self.path)
            .filter(|repository| repository.work_tree == self.path)
            .ok_or_else(|| Fault::invalid("repo", "it is not the top folder of a git work tree"))
    }

    fn open_at(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.dir, path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, mode, resolve)
    }

    /// A regular file's contents; `None` when there is nothing of that path.
    pub(super) fn read(&self, path: &str) -> Result<Option<Contents>, Fault> {
        let path = relative(path)?;
        let opened = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
        let file = match opened {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(refused(path, error)),
        };
        let about = fstat(&file).map_err(|error| refused(path, error))?;
        if rustix::fs::FileType::from_raw_mode(about.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(Fault::invalid("path", format!("{path} is no regular file")));
        }
        let mut bytes = Vec::new();
        let read = File::from(file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| Fault::failed(format!("{path} cannot be read: {error}")))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Fault::invalid("path", format!("{path} is larger than 8 MiB")));
        }
        Ok(Some(Contents { bytes, executable: about.st_mode & 0o111 != 0 }))
    }

    /// Writes a file whole or not at all: a new file beside it takes its name.
    pub(super) fn write(&self, path: &str, contents: &Contents) -> Result<(), Fault> {
        let path = relative(path)?;
        let broken = |error: Errno| refused(path, error);
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = self.folder(folder)?;
        let fresh = format!(".{name}.repoagent");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        // A leftover of a crash is in the way of nobody else.
        let _ = unlinkat(&folder, &fresh, AtFlags::empty());
        let file = rustix::fs::openat(&folder, &fresh, flags, Mode::from_raw_mode(0o600))
            .map_err(broken)?;
        let mode = if contents.executable { 0o755 } else { 0o644 };
        fchmod(&file, Mode::from_raw_mode(mode)).map_err(broken)?;
        let mut file = File::from(file);
        let done = file.write_all(&contents.bytes).and_then(|()| file.sync_all());
        let done =
            done.map_err(|error| Fault::failed(format!("{path} cannot be written: {error}")));
        let done = done.and_then(|()| renameat(&folder, &fresh, &folder, name).map_err(broken));
        if done.is_err() {
            let _ = unlinkat(&folder, &fresh, AtFlags::empty());
        }
        done
    }

    /// Removes a file; it may be gone already.
    pub(super) fn remove(&self, path: &str) -> Result<(), Fault> {
        let path = relative(path)?;
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = self.open_at(folder, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty());
        match folder.and_then(|folder| unlinkat(&folder, name, AtFlags::empty())) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(refused(path, error)),
        }
    }

    /// Opens a folder and makes what is missing of it.
    fn folder(&self, path: &str) -> Result<OwnedFd, Fault> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let mut made = String::new();
        for part in path.split('/').filter(|part| *part != ".") {
            if !made.is_empty() {
                made.push('/');
            }
            made.push_str(part);
            if let Err(Errno::NOENT) = self.open_at(&made, flags, Mode::empty()) {
                let above = made.rsplit_once('/').map_or(".", |(above, _)| above);
                let above = self.open_at(above, flags, Mode::empty());
                let above = above.map_err(|error| refused(path, error))?;
                mkdirat(&above, part, Mode::from_raw_mode(0o755))
                    .map_err(|error| refused(path, error))?;
            }
        }
        self.open_at(path, flags, Mode::empty()).map_err(|error| refused(path, error))
    }
}

/// A path as callers give it: relative, with `/`, without steps upwards, and not git's own.
pub(super) fn relative(path: &str) -> Result<&str, Fault> {
    let parts_fit = path.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git")
    });
    if parts_fit && path.len() <= 4_096 && !path.contains('\0') {
        return Ok(path);
    }
    Err(Fault::invalid(
        "path",
        "a path is relative, has no `.`, `..` or empty part, and is not in .git",
    ))
}

fn refused(path: &str, error: Errno) -> Fault {
    match error {
        Errno::LOOP | Errno::XDEV => {
            Fault::forbidden(format!("{path} is a link, or leads through one"))
        }
        error => Fault::failed(format!("{path}: {error}")),
    }
}
