//! What every verb knows about the world: passed in by a face, never read here.

use std::path::PathBuf;

use wgx_tasks::process::CleanEnvironment;
use wgx_tasks::root::Root;

/// The world of one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// The folder the person stands in (after `-C`), absolute.
    pub cwd: PathBuf,
    /// The repository around it.
    pub root: Root,
    /// The environment for tasks and questions, without what `cargo run` added.
    pub environment: CleanEnvironment,
    /// The person's store (`HAUSKI_HOME`, else the XDG data folder): trust and preferences live here.
    pub user_home: PathBuf,
    /// Where this repository's runs go: the repository's own `.hauski/` when honoured, else the
    /// person's store.
    pub home: PathBuf,
    /// Which memory is asked.
    pub use_memory: UseMemory,
    /// Which streams are terminals.
    pub terminal: Terminal,
    /// Whether `CI` is set to something but `false` or `0`.
    pub ci: bool,
}

/// Which memory a verb works with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseMemory {
    /// The daemon's where it answers at once, else the local one.
    #[default]
    Auto,
    /// The local one; nothing is asked of the daemon.
    Local,
    /// The daemon's; without it, questions are refused.
    Daemon,
    /// None: nothing is read from it, and what is written goes with the call.
    Off,
}

/// Which of the caller's streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Terminal {
    /// Whether a question can be asked: it goes to standard error, the answer comes from standard input.
    pub fn can_ask(self) -> bool {
        self.stdin && self.stderr
    }
}

impl Context {
    /// A variable of the environment as text.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let kept = &self.environment.kept;
        kept.iter().rev().find(|(kept, _)| kept == name)?.1.to_str()
    }
}
