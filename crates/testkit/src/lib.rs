//! Temporary repositories, unprivileged runs, terminals and snapshot filters for tests.

pub mod model;
mod repo;
mod run;
mod terminal;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub use repo::TestRepo;
pub use run::{Ran, Run};
pub use terminal::Terminal;

/// The user `nobody` of Debian: no rights beyond those of everybody.
pub const NOBODY: u32 = 65_534;

/// Copies a program to where it will be started from. The writing is done by another process: while this one has the
/// copy open for writing, a child that another test is just starting inherits it, and the copy is "busy".
#[expect(clippy::disallowed_methods, reason = "the copy is made by a process of its own")]
#[expect(clippy::missing_panics_doc, reason = "a copy that fails ends the test")]
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} can be copied", from.display());
}

/// Whether this process is root, for whom no file is unreadable.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A temporary folder that every user may enter, also where `TMPDIR` is one person's.
///
/// # Panics
///
/// When it cannot be made.
pub fn public_tempdir() -> TempDir {
    let usual = std::env::temp_dir();
    let mode = |path: &Path| path.metadata().map_or(0, |about| about.permissions().mode());
    let open = usual.ancestors().all(|folder| mode(folder) & 0o001 != 0);
    let base = if open { usual } else { PathBuf::from("/tmp") };
    let folder = tempfile::tempdir_in(base).expect("a temporary folder can be made");
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), everybody).expect("the mode can be set");
    folder
}

/// Says past the capture of test output that something was not tested here, and why.
pub fn not_run(what: &str, why: &str) {
    use std::io::Write;
    // Where even standard error is gone, nobody would read it.
    let _ = writeln!(std::io::stderr(), "not run: {what} ({why})");
}

/// Whether a program is on the search path; a test that needs it says so and ends when it is not.
#[expect(clippy::disallowed_methods, reason = "a test looks at its own environment")]
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}
