//! Runs one task: starts it on a terminal or on pipes, passes everything on, logs it, forwards
//! signals, keeps the time limit, and ends the whole process tree when it is told to.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Instant;

use thiserror::Error;

use super::exit::{OwnExit, signal_exit_code};
use super::launch::{Launch, LaunchError};
use super::log::{LogBounds, LogSink, LogSummary};
use super::start::{Shared, Task};
use super::supervisor::Supervisor;

/// The three streams a task is connected with, usually our own.
#[derive(Clone, Copy, Debug)]
pub struct Standard<'a> {
    /// Passed on to the task, or the keyboard of its terminal.
    pub stdin: BorrowedFd<'a>,
    /// Gets the task's output.
    pub stdout: BorrowedFd<'a>,
    /// Gets the task's errors.
    pub stderr: BorrowedFd<'a>,
}

impl Standard<'static> {
    /// Those of this program. Flush `std::io::stdout` before: the task's bytes do not go through
    /// it.
    #[must_use]
    pub fn own() -> Self {
        use rustix::stdio::{stderr, stdin, stdout};
        Self { stdin: stdin(), stdout: stdout(), stderr: stderr() }
    }
}

/// How a task is run.
pub struct RunOptions<'a> {
    /// The streams. Default: our own.
    pub standard: Standard<'a>,
    /// Gets everything the task writes. Default: none.
    pub log: Option<&'a mut (dyn LogSink + Send)>,
    /// How much of the log is kept.
    pub log_bounds: LogBounds,
    /// `--no-log`: the task inherits all three streams, nothing is seen and nothing logged.
    pub inherit: bool,
    /// Time limit in milliseconds. Default: none.
    pub timeout_ms: Option<u64>,
    /// Time between SIGTERM and SIGKILL, in milliseconds. Default 1000.
    pub kill_grace_ms: u64,
    /// Time between Ctrl-C and SIGTERM, in milliseconds. Default 10000. A third Ctrl-C in a row
    /// does not wait for it.
    pub interrupt_grace_ms: u64,
    /// How long output is awaited after the end of the task when something it left behind keeps a
    /// stream open, in milliseconds. Default 100.
    pub drain_ms: u64,
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self {
            standard: Standard::own(),
            log: None,
            log_bounds: LogBounds::default(),
            inherit: false,
            timeout_ms: None,
            kill_grace_ms: 1_000,
            interrupt_grace_ms: 10_000,
            drain_ms: 100,
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The task's own exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// From before the start until everything was passed on, in milliseconds.
    pub duration_ms: u64,
    /// The time limit was over and the tree was ended.
    pub timed_out: bool,
    /// The signal by which a person or the system asked wgx to stop (SIGINT for Ctrl-C). Tasks that
    /// were to follow do not start.
    pub stopped_by: Option<i32>,
    /// It ran on a terminal of its own.
    pub on_terminal: bool,
    /// What became of the log.
    pub log: LogSummary,
}

impl Outcome {
    /// The exit code of `wgx run`: 124 after the time limit, else the task's own, else 128+N.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self.timed_out {
            return i32::from(OwnExit::TimeLimit.code());
        }
        self.code.or(self.signal.map(signal_exit_code)).unwrap_or_default()
    }
}

/// Why a task did not run, or its end is unknown.
#[derive(Debug, Error)]
pub enum RunError {
    /// It could not be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The system refused something that running needs.
    #[error("{what} failed")]
    System {
        /// What wgx did.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl RunError {
    /// The exit code that stands for this error.
    #[must_use]
    pub const fn exit(&self) -> OwnExit {
        match self {
            Self::Launch(error) => error.exit(),
            Self::System { .. } => OwnExit::CannotExecute,
        }
    }
}

/// Runs `launch` and returns how it ended.
///
/// - stdin and stdout both terminals in whose foreground wgx runs: the task gets a terminal of its
///   own. Ctrl-C reaches it as a signal, Ctrl-Z stops it together with wgx. When it ends, what it
///   left in the background gets SIGHUP, as when a terminal window is closed, unless it called
///   setsid.
/// - Otherwise two pipes; stdin is inherited. What is left in the background lives on; its later
///   output has no reader.
/// - `inherit`: no pipes and no terminal of its own.
///
/// The tree is ended on SIGINT (after `interrupt_grace_ms`), SIGTERM, SIGHUP, SIGQUIT and the time
/// limit; after any of them nothing of it lives on.
///
/// # Errors
///
/// [`RunError`] when the task cannot be started or the system refuses to watch it.
pub fn run(launch: &Launch, options: RunOptions<'_>) -> Result<Outcome, RunError> {
    run_shared(launch, options, None)
}

/// [`run`] for a task that may share its output with others.
pub(super) fn run_shared<'a>(
    launch: &Launch,
    mut options: RunOptions<'a>,
    shared: Option<Shared<'a>>,
) -> Result<Outcome, RunError> {
    let started_at = Instant::now();
    let log = options.log.take();
    let mut supervisor = Supervisor::new(&options, log, shared.map(|shared| shared.cancel))
        .map_err(system("watching signals"))?;
    let mut task = Task::start(launch, &options, shared)?;
    let status = supervisor.watch(&mut task);
    let status = status.inspect_err(|_| task.tree.kill()).map_err(system("watching the task"))?;
    supervisor.clear_up(&task);
    let on_terminal = task.keyboard.is_some();
    drop(task);
    let supervised = supervisor.finish();
    Ok(Outcome {
        code: status.code(),
        signal: status.signal(),
        duration_ms: u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX),
        timed_out: supervised.timed_out,
        stopped_by: supervised.stopped_by,
        on_terminal,
        log: supervised.log,
    })
}

pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> RunError + Copy {
    move |source| RunError::System { what, source }
}
