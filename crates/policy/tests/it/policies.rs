//! A folder with policy files for a test.

use std::path::{Path, PathBuf};

use policy::{Paths, Policies, load, load_all};

/// A folder with policies; files that are not written have their defaults.
pub(crate) struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        self.write(name, text.as_bytes());
        self
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("writable");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn load(&self) -> Policies {
        load(&Paths::in_dir(self.dir.path())).expect("sound policies")
    }

    /// Every problem as a person would see it, without the folder.
    pub(crate) fn problems(&self) -> String {
        let prefix = format!("{}/", self.dir.path().display());
        match load_all(&Paths::in_dir(self.dir.path())) {
            Ok(_) => "no problems".to_owned(),
            Err(problems) => problems
                .iter()
                .map(|problem| {
                    let hint = problem.hint.as_deref().unwrap_or("-");
                    format!("{problem}\n  {hint}\n").replace(&prefix, "")
                })
                .collect(),
        }
    }
}
