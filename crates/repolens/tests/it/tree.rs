//! A working copy for a test, and short words for what a scan found in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use repolens::model::{Inclusion, Kind, Repo, Snapshot};
use repolens::scan::{ScanOptions, scan};
use tempfile::TempDir;

pub(crate) struct Tree {
    dir: TempDir,
    name: String,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self::named("demo")
    }

    pub(crate) fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().expect("the test tree can be made");
        fs::create_dir(dir.path().join(name)).expect("the test tree can be made");
        Self { dir, name: name.into() }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Beside the root, where nothing may be read.
    pub(crate) fn outside(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    #[must_use]
    pub(crate) fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(OsStr::from_bytes(path.as_ref()));
        fs::create_dir_all(path.parent().expect("the test tree can be made"))
            .expect("the test tree can be made");
        fs::write(path, content).expect("the test tree can be made");
        self
    }

    /// A second working copy beside the first.
    #[must_use]
    pub(crate) fn outside_repo(self, name: &str, files: &[(&str, &str)]) -> Self {
        let root = self.outside().join(name);
        fs::create_dir(&root).expect("the test tree can be made");
        for (path, content) in files {
            fs::write(root.join(path), content).expect("the test tree can be made");
        }
        self
    }

    #[must_use]
    pub(crate) fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.root().join(path)).expect("the test tree can be made");
        self
    }

    #[must_use]
    pub(crate) fn link(self, path: &str, target: impl AsRef<std::path::Path>) -> Self {
        symlink(target, self.root().join(path)).expect("the test tree can be made");
        self
    }

    pub(crate) fn scan(&self) -> Snapshot {
        self.scan_with(&ScanOptions::default())
    }

    pub(crate) fn scan_with(&self, options: &ScanOptions) -> Snapshot {
        scan(&[self.root()], options).expect("the test tree can be made")
    }
}

/// Its one repository.
pub(crate) fn only(snapshot: &Snapshot) -> &Repo {
    let [repo] = snapshot.repos.as_slice() else { panic!("one repository: {snapshot:?}") };
    repo
}

pub(crate) fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.repos.iter().flat_map(|repo| &repo.files).map(|file| file.path.as_str()).collect()
}

pub(crate) fn kind<'a>(snapshot: &'a Snapshot, path: &str) -> &'a Kind {
    let file = only(snapshot).files.iter().find(|file| file.path == path);
    &file.unwrap_or_else(|| panic!("{path} in {:?}", paths(snapshot))).kind
}

pub(crate) fn skipped(snapshot: &Snapshot) -> Vec<String> {
    let name = |s: &repolens::model::Skipped| format!("{} {:?}", s.path, s.reason);
    only(snapshot).skipped.iter().map(name).collect()
}

/// The paths shown in full.
pub(crate) fn full(snapshot: &Snapshot) -> Vec<&str> {
    let files = snapshot.repos.iter().flat_map(|repo| &repo.files);
    files.filter(|file| file.inclusion == Inclusion::Full).map(|file| file.path.as_str()).collect()
}
