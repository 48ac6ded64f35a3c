//! The one place where a process is created.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

use super::launch::{Launch, LaunchError};

/// Direct children this program started on purpose. All other direct children are orphans that the
/// system handed over to it (see `tree`).
static STARTED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A command without environment and arguments.
#[expect(clippy::disallowed_methods, reason = "this is the one place where a process is created")]
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// The command of a launch, without its streams.
pub(super) fn command_of(launch: &Launch) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = command(&launch.program);
    if let Some((name, args)) = launch.argv.split_first() {
        command.arg0(name).args(args);
    }
    command.current_dir(&launch.cwd).envs(launch.environment());
    command
}

/// A started process that is known as ours until it is dropped.
pub(super) struct Started(pub(super) Child);

impl Started {
    /// Starts through `spawn`; the registry is held meanwhile, so that nobody takes the new child
    /// for an orphan.
    pub(super) fn new<E>(spawn: impl FnOnce() -> Result<Child, E>) -> Result<Self, E> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let child = spawn()?;
        started.insert(child.id());
        Ok(Self(child))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        STARTED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0.id());
    }
}

/// Whether `pid` was started on purpose and is still held.
pub(super) fn is_started(pid: u32) -> bool {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
}

/// What the system's refusal to start a launch means.
pub(super) fn refusal(launch: &Launch, error: &io::Error) -> LaunchError {
    let file = launch.cwd.join(&launch.program);
    if error.kind() == io::ErrorKind::NotFound && !file.exists() {
        let name = launch.argv.first().map(OsStr::new).unwrap_or_default();
        return LaunchError::ProgramMissing { name: name.to_string_lossy().into_owned() };
    }
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "the interpreter named in its first line is missing".to_owned(),
        _ => error.to_string(),
    };
    LaunchError::CannotExecute { path: file.to_string_lossy().into_owned(), reason }
}
