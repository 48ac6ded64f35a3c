//! Gives finished files their names: all of them or none. What stood there before comes back when one of
//! them cannot be named.

use std::fs;
use std::io;
use std::path::PathBuf;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempPath};

use super::{MergeError, folder_of};

/// The names given so far; they are taken back unless [`Naming::keep`] is called.
#[derive(Debug, Default)]
pub(super) struct Naming {
    given: Vec<Given>,
}

#[derive(Debug)]
struct Given {
    path: PathBuf,
    /// What stood there before, under a name of its own; it goes when this is dropped.
    before: Option<TempPath>,
}

impl Naming {
    /// Gives a draft in the same folder its name.
    pub(super) fn give(
        &mut self,
        draft: NamedTempFile,
        path: PathBuf,
    ) -> Result<PathBuf, MergeError> {
        let before = named(draft, &path)
            .map_err(|source| MergeError::Write { path: folder_of(&path), source })?;
        self.given.push(Given { path: path.clone(), before });
        Ok(path)
    }

    /// All have their names: what they replaced goes.
    pub(super) fn keep(mut self) {
        self.given.clear();
    }
}

/// Half a merge is none.
impl Drop for Naming {
    fn drop(&mut self) {
        for Given { path, before } in self.given.drain(..).rev() {
            // What cannot be taken back is left; the error tells that something went wrong here.
            let _left = match before {
                Some(before) => before.persist(&path).map_err(|error| error.error),
                None => fs::remove_file(&path),
            };
        }
    }
}

/// Names a draft, and hands over what had this name.
fn named(draft: NamedTempFile, path: &std::path::Path) -> io::Result<Option<TempPath>> {
    let draft = draft.into_temp_path();
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => match renameat_with(CWD, &*draft, CWD, path, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(Some(draft)),
            // A file system that cannot exchange, or a file that is gone by now.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        },
        Err(_) => {}
    }
    draft.persist(path).map(|()| None).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_name_that_cannot_be_given_takes_the_others_back() {
        let dir = tempfile::tempdir().unwrap();
        let draft = |text: &str| {
            let mut file = tempfile::Builder::new().tempfile_in(dir.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        fs::write(dir.path().join("old"), "before").unwrap();
        fs::create_dir_all(dir.path().join("folder/x")).unwrap();
        let mut naming = Naming::default();
        naming.give(draft("after"), dir.path().join("old")).unwrap();
        naming.give(draft("after"), dir.path().join("new")).unwrap();
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"after");
        assert!(naming.give(draft("after"), dir.path().join("folder")).is_err());
        drop(naming);
        let names = || {
            let mut names: Vec<_> = { fs::read_dir(dir.path()).unwrap() }
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"before");
        assert_eq!(names(), ["folder", "old"]);
        let mut naming = Naming::default();
        naming.give(draft("after"), dir.path().join("old")).unwrap();
        naming.keep();
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"after");
        assert_eq!(names(), ["folder", "old"]);
    }
}
