//! The host's handle on a plugin process and everything that it starts.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use crate::sandbox::{self, Channels, Ended, Guard, Init, Plan, Refusal};

/// How a plugin ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As the sandbox saw it.
    Seen(Ended),
    /// The sandbox was ended, so nobody saw how.
    Unseen,
}

impl Exit {
    /// Whether it ended by itself and without an error.
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::Seen(Ended { code: Some(0), .. }))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seen(Ended { out_of_memory: true, .. }) => {
                f.write_str("it was ended because its memory was used up")
            }
            Self::Seen(Ended { code: Some(code), .. }) => {
                write!(f, "it ended with exit code {code}")
            }
            Self::Seen(Ended { signal: Some(number), .. }) => match signal_name(*number) {
                Some(name) => write!(f, "it was ended by SIG{name}"),
                None => write!(f, "it was ended by signal {number}"),
            },
            Self::Seen(_) | Self::Unseen => f.write_str("its sandbox was ended"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (7, "BUS"),
        (8, "FPE"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (15, "TERM"),
        (24, "XCPU"),
        (25, "XFSZ"),
        (31, "SYS"),
    ];
    names.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}

/// A running plugin process and all its descendants. Dropping it ends them.
pub(crate) struct Process {
    pid: i32,
    watch: ProcessWatch,
}

/// Sees and ends a process without owning it.
#[derive(Clone)]
pub(crate) struct ProcessWatch {
    orders: mpsc::UnboundedSender<Order>,
    exit: watch::Receiver<Option<Exit>>,
}

enum Order {
    Terminate,
    Kill,
}

/// What comes with a process.
pub(crate) struct Launched {
    pub(crate) process: Process,
    /// The host's end of the connection.
    pub(crate) connection: OwnedFd,
    /// Absent where the plugin talks over standard output.
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
    /// Where it listens for HTTP, when it has routes.
    pub(crate) http: Option<OwnedFd>,
}

/// Starts a plugin in its sandbox; returns when its program runs, at most after `limit`.
pub(crate) async fn launch(plan: Plan, init: Init, limit: Duration) -> Result<Launched, Refusal> {
    let system = |error: io::Error| Refusal {
        what: "start".to_owned(),
        reason: error.to_string(),
        hint: None,
    };
    let (connection, theirs) = pair().map_err(system)?;
    let mut channels = Channels::default();
    let stdout = if plan.is_stdio() {
        // One socket serves both directions.
        channels.stdin = Some(theirs.try_clone().map_err(system)?);
        Stdio::from(theirs)
    } else {
        channels.socket = Some(theirs);
        Stdio::piped()
    };
    let made = spawn_blocking(move || {
        // A plugin that a person runs without a layer is not held to what the test would find.
        if plan.waived().is_empty() {
            sandbox::tested(&init)?;
        }
        plan.launch(&init, channels)
    });
    let made = made.await;
    let made = made.map_err(|error| system(io::Error::other(error)))??;
    let mut command = Command::from(made.command);
    // A terminal that is closed or interrupted must not end plugins before the host does.
    command.process_group(0).kill_on_drop(true).stdout(stdout).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(system)?;
    // It holds the plugin's ends of the connection.
    drop(command);
    let mut guard = made.guard;
    let waited = spawn_blocking(move || (guard.started(limit), guard)).await;
    let (started, mut guard) = waited.map_err(|error| system(io::Error::other(error)))?;
    started?;
    let http = guard.take_http_folder();
    let outer = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (orders, queue) = mpsc::unbounded_channel();
    let (ended, exit) = watch::channel(None);
    tokio::spawn(async move {
        let _ = ended.send(Some(attend(child, guard, queue).await));
    });
    let process = Process { pid: plugin_of(outer), watch: ProcessWatch { orders, exit } };
    Ok(Launched { process, connection, stdout, stderr, http })
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// The plugin's own process: the sandbox is two, the plugin is their first descendant.
fn plugin_of(outer: i32) -> i32 {
    super::descendants(outer).get(1).copied().unwrap_or(outer)
}

/// Carries out orders until the plugin has ended.
async fn attend(
    mut child: Child,
    mut guard: Guard,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Exit {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let mut obeying = true;
    loop {
        let order = tokio::select! {
            _ = child.wait() => break,
            order = orders.recv(), if obeying => order,
        };
        match (order, pid) {
            (Some(Order::Terminate), Some(pid)) => {
                // The sandbox passes it on to everything in it; one that is gone needs none.
                let _ = kill_process(pid, Signal::TERM);
            }
            (Some(Order::Terminate), None) => {}
            (Some(Order::Kill) | None, _) => {
                obeying = false;
                guard.kill();
            }
        }
    }
    guard.ended().map_or(Exit::Unseen, Exit::Seen)
}

impl Process {
    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Another handle, which does not keep it alive.
    pub(crate) fn watch(&self) -> ProcessWatch {
        self.watch.clone()
    }

    /// Sends SIGTERM to the plugin and all its descendants.
    pub(crate) fn terminate(&self) {
        // One that has ended needs no signal.
        let _ = self.watch.orders.send(Order::Terminate);
    }

    /// Ends the plugin and all its descendants at once.
    pub(crate) fn kill(&self) {
        self.watch.kill();
    }

    /// Waits until nothing of it is left.
    pub(crate) async fn ended(&self) -> Exit {
        self.watch.ended().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ProcessWatch {
    /// Ends the plugin and all its descendants at once.
    pub(crate) fn kill(&self) {
        let _ = self.orders.send(Order::Kill);
    }

    /// Waits until nothing of it is left.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|exit| *exit).unwrap_or(Exit::Unseen)
    }
}
