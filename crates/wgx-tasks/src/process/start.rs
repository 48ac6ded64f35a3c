//! Starts a task on a terminal of its own, on pipes, or on inherited streams.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use pty_process::blocking as pty;
use rustix::process::Pid;
use rustix::termios::{OptionalActions, isatty, tcsetattr};

use super::keyboard::Keyboard;
use super::launch::Launch;
use super::lines::{LineWriter, SharedOutput};
use super::log::Stream;
use super::relay::{Relay, Target};
use super::run::{RunError, RunOptions, Standard, system};
use super::spawn::{self, Started};
use super::terminal::{self, RawMode};
use super::tree::{self, Tree};

/// What a task shares with others that run at the same time.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) name: &'a str,
    pub(super) stdout: &'a SharedOutput<'a>,
    pub(super) stderr: &'a SharedOutput<'a>,
    /// Set when all are to be ended.
    pub(super) cancel: &'a AtomicBool,
}

/// A started task with its connections.
pub(super) struct Task<'a> {
    pub(super) process: Started,
    pub(super) tree: Tree,
    /// The Ctrl-C of our terminal reaches the task without us.
    pub(super) shares_terminal: bool,
    /// Present when the task has a terminal of its own.
    pub(super) keyboard: Option<Keyboard<'a>>,
    pub(super) relays: Vec<Relay<'a>>,
}

impl<'a> Task<'a> {
    pub(super) fn start(
        launch: &Launch,
        options: &RunOptions<'a>,
        shared: Option<Shared<'a>>,
    ) -> Result<Self, RunError> {
        tree::adopt_orphans();
        let standard = options.standard;
        let may_have_terminal = shared.is_none() && !options.inherit;
        if may_have_terminal && terminal::is_ours(standard.stdin) && isatty(standard.stdout) {
            return start_on_terminal(launch, standard);
        }
        start_on_streams(launch, options, shared)
    }
}

fn start_on_terminal<'a>(launch: &Launch, standard: Standard<'a>) -> Result<Task<'a>, RunError> {
    let opening = system("opening a terminal");
    let (master, slave) = pty::open().map_err(|error| opening(io_error(error)))?;
    let raw = RawMode::enter(standard.stdin).map_err(|error| opening(error.into()))?;
    // The task's terminal behaves as ours did: same keys, same echo. Where a setting cannot be
    // taken over, the system's defaults are as good.
    let _ = tcsetattr(&slave, OptionalActions::Now, raw.before());
    let output = master.as_fd().try_clone_to_owned().map_err(opening)?;
    let keyboard = Keyboard::new(master, raw, standard).map_err(opening)?;
    let command = pty::Command::from(spawn::command_of(launch));
    let process = Started::new(|| command.spawn(slave))
        .map_err(|error| spawn::refusal(launch, &io_error(error)))?;
    let relay = Relay::new(output, Target::direct(standard.stdout), Stream::Terminal);
    let tree = Tree { child: pid_of(&process), own_group: true, owns_orphans: true };
    Ok(Task {
        process,
        tree,
        shares_terminal: false,
        keyboard: Some(keyboard),
        relays: vec![relay.map_err(opening)?],
    })
}

fn start_on_streams<'a>(
    launch: &Launch,
    options: &RunOptions<'a>,
    shared: Option<Shared<'a>>,
) -> Result<Task<'a>, RunError> {
    let Standard { stdin, stdout, stderr } = options.standard;
    let mut command = spawn::command_of(launch);
    let connected = if options.inherit {
        inherit(&mut command, options.standard)
    } else {
        connect_pipes(&mut command, options.standard, shared)
    };
    let relays = connected.map_err(system("opening pipes"))?;
    if shared.is_some() {
        command.stdin(Stdio::null());
    } else {
        command.stdin(stdin.try_clone_to_owned().map_err(system("passing stdin on"))?);
    }
    // In the foreground of a terminal the task stays in our group: it may ask for a password, and
    // the terminal's Ctrl-C reaches it. Elsewhere a group of its own makes signals reach all of it.
    let shares_terminal = terminal::in_foreground([stdin, stdout, stderr]);
    if !shares_terminal {
        command.process_group(0);
    }
    let process =
        Started::new(|| command.spawn()).map_err(|error| spawn::refusal(launch, &error))?;
    let tree = Tree {
        child: pid_of(&process),
        own_group: !shares_terminal,
        owns_orphans: shared.is_none(),
    };
    Ok(Task { process, tree, shares_terminal, keyboard: None, relays })
}

fn inherit<'a>(command: &mut Command, standard: Standard<'_>) -> io::Result<Vec<Relay<'a>>> {
    command.stdout(standard.stdout.try_clone_to_owned()?);
    command.stderr(standard.stderr.try_clone_to_owned()?);
    Ok(Vec::new())
}

fn connect_pipes<'a>(
    command: &mut Command,
    standard: Standard<'a>,
    shared: Option<Shared<'a>>,
) -> io::Result<Vec<Relay<'a>>> {
    let [out, err] = match shared {
        None => [standard.stdout, standard.stderr].map(Target::direct),
        Some(shared) => [shared.stdout, shared.stderr]
            .map(|output| Target::Lines(LineWriter::new(output, shared.name))),
    };
    let (output, write_output) = io::pipe()?;
    let (error, write_error) = io::pipe()?;
    command.stdout(write_output).stderr(write_error);
    Ok(vec![
        Relay::new(OwnedFd::from(output), out, Stream::Output)?,
        Relay::new(OwnedFd::from(error), err, Stream::Error)?,
    ])
}

fn pid_of(process: &Started) -> Pid {
    Pid::from_child(&process.0)
}

fn io_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
    }
}
