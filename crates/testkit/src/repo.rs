//! A repository in a temporary folder, with an empty home of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::public_tempdir;
use crate::run::Run;

/// A temporary repository. Builder methods take and return it, so that a test reads as one sentence.
pub struct TestRepo {
    dir: TempDir,
    home: TempDir,
}

impl Default for TestRepo {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::missing_panics_doc, reason = "a fixture that cannot be built ends the test")]
impl TestRepo {
    /// An empty folder and an empty memory.
    pub fn new() -> Self {
        Self { dir: public_tempdir(), home: public_tempdir() }
    }

    /// Writes a file; folders are made.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Writes an executable file.
    #[must_use]
    pub fn executable(self, path: &str, content: &str) -> Self {
        self.write(path, content);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join(path), mode).expect("the mode can be set");
        self
    }

    /// A justfile.
    #[must_use]
    pub fn justfile(self, content: &str) -> Self {
        self.file("justfile", content)
    }

    /// A wgx profile.
    #[must_use]
    pub fn profile(self, content: &str) -> Self {
        self.file(".wgx/profile.yml", content)
    }

    /// Makes it a git repository with everything committed.
    #[must_use]
    pub fn git(self) -> Self {
        for words in
            [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "x"]]
        {
            self.run_git(words);
        }
        self
    }

    /// Runs git in it, with a fixed person and without the machine's configuration.
    pub fn run_git(&self, words: &[&str]) {
        let person = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        let ran = Run::new("git", self.path())
            .args(person)
            .args(words)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .go();
        assert_eq!(ran.code, 0, "git {words:?}: {}", ran.stderr);
    }

    /// Writes or replaces a file of an existing repository.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("folders can be made");
        }
        fs::write(&path, content).expect("the file can be written");
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Its `HAUSKI_HOME`.
    pub fn home(&self) -> PathBuf {
        self.home.path().join("home")
    }

    /// A call of `program` (usually the path of `wgx`) in it, with its own home and no terminal.
    pub fn run(&self, program: &str, words: &[&str]) -> Run {
        Run::new(program, self.path()).args(words).env("HAUSKI_HOME", self.home())
    }

    /// Opens the folders for a test that runs as another user.
    #[must_use]
    pub fn open_for_all(self) -> Self {
        for dir in [self.dir.path(), self.home.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("mode can be set");
        }
        self
    }
}
