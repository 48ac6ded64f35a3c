//! Files that a run made: their digests are facts, their content lies in the content-addressed store.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use crate::home::HomeError;
use crate::log::holds_secret;
use crate::run::Artefact;
use crate::store::{Store, StoreError};

/// How many artefacts of a run are not in the memory, or not whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtefactGaps {
    /// Beyond the limits, or unreadable: not even their digests are known.
    pub left_out: u64,
    /// Something in them looks like a secret: only their digests are known.
    pub without_content: u64,
}

impl ArtefactGaps {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Stores a file that a run made under its digest. Content in which something looks like a secret is
    /// not stored; then the second value is `false`. `name` is relative to `root`, with `/`, and what the
    /// fact calls it. What is judged is what is stored, whatever happens to the file meanwhile.
    ///
    /// # Errors
    /// It is no regular file, lies behind a link, has more than `max_bytes` bytes or cannot be read, or the
    /// content-addressed store cannot be written.
    pub fn keep_artefact(
        &self,
        root: &Path,
        name: &str,
        max_bytes: u64,
    ) -> Result<(Artefact, bool), StoreError> {
        let path = root.join(name);
        let unreadable = |error| StoreError::from(HomeError::from_io(&path, error));
        let file = open_regular(root, name).map_err(unreadable)?;
        let mut writer = self.cas.writer();
        let bytes = io::copy(&mut file.take(max_bytes.saturating_add(1)), &mut writer)
            .map_err(unreadable)?;
        if bytes > max_bytes {
            let reason = format!("{name} has more than {max_bytes} bytes");
            return Err(StoreError::Invalid { what: "artefact", reason });
        }
        let content = writer.content().map_err(unreadable)?;
        if holds_secret(&self.mask, content).map_err(unreadable)? {
            let sha256 = writer.digest().as_str().to_owned();
            return Ok((Artefact { path: name.to_owned(), sha256, bytes }, false));
        }
        let sha256 = writer.finish()?.digest.as_str().to_owned();
        Ok((Artefact { path: name.to_owned(), sha256, bytes }, true))
    }
}

/// Opens a regular file below a folder. No link is followed in any part of the name, and nothing that could
/// block is waited for: what lies there may have changed since it was found.
///
/// # Errors
/// The name is empty or leads out, a link lies on the way, or what is there is no regular file or cannot be
/// read.
pub fn open_regular(root: &Path, name: &str) -> io::Result<File> {
    let through = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECTORY;
    let last =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let top = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    let mut at = openat(CWD, root, top, Mode::empty())?;
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        if matches!(part, "" | "." | "..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let flags = if parts.peek().is_some() { through } else { last };
        at = openat(&at, part, flags, Mode::empty())?;
    }
    let file = File::from(at);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_without_a_link_on_the_way_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("out")).unwrap();
        fs::write(root.join("out/app"), "app").unwrap();
        fs::write(folder.path().join("outside"), "secret").unwrap();
        symlink(folder.path().join("outside"), root.join("out/link")).unwrap();
        symlink(root.join("out"), root.join("way")).unwrap();
        let pipe = root.join("out/pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(open_regular(&root, "out/app").is_ok());
        for name in ["out/link", "way/app", "out/pipe", "out", "../outside", "out//app", "none"] {
            assert!(open_regular(&root, name).is_err(), "{name}");
        }
    }
}
