//! The host's handle on a plugin process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use super::InitCommand;
use super::order::{Exit, KILL, Order, Report, TERM, Wiring};
use crate::protocol::{Frame, Outbox, Stream};

/// What to start.
pub(crate) struct Launch {
    pub(crate) init: InitCommand,
    pub(crate) command: Vec<String>,
    pub(crate) program: PathBuf,
    /// The program as it was opened and checked, where it was.
    pub(crate) opened: Option<File>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) wiring: Wiring,
    pub(crate) memory_bytes: u64,
    pub(crate) files: u32,
}

/// Why a plugin was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    #[error("failed to start the plugin: {0}")]
    System(#[from] io::Error),
    #[error("failed to start the plugin: {0}")]
    Refused(String),
}

/// A running plugin process and all its descendants. Dropping it ends them.
pub(crate) struct Process {
    pid: i32,
    watch: ProcessWatch,
}

/// Sees and ends a process without owning it.
#[derive(Clone)]
pub(crate) struct ProcessWatch {
    orders: mpsc::UnboundedSender<u8>,
    exit: watch::Receiver<Option<Exit>>,
}

/// What comes with a process.
pub(crate) struct Launched {
    pub(crate) process: Process,
    /// The host's end of the connection.
    pub(crate) connection: OwnedFd,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

/// Starts a plugin; returns when its process exists.
pub(crate) async fn launch(launch: Launch) -> Result<Launched, LaunchError> {
    let (connection, theirs) = pair()?;
    let (control, keeper_end) = UnixStream::pair()?;
    let (init, wiring) = (launch.init, launch.wiring);
    let order = Order {
        init: init.iter().map(PathBuf::from).collect(),
        command: launch.command,
        program: launch.program,
        program_fd: launch.opened.is_some(),
        cwd: launch.cwd,
        env: launch.env,
        wiring,
        memory_bytes: launch.memory_bytes,
        files: launch.files,
    };
    let mut fds = vec![theirs];
    fds.extend(launch.opened.map(OwnedFd::from));
    let spawned = tokio::task::spawn_blocking(move || spawn_keeper(&init, keeper_end)).await;
    let mut child = spawned.map_err(io::Error::other)??;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(LaunchError::System(io::Error::other("the keeper has no output")));
    };
    let (read, write) = send_order(control, &order, fds).await?;
    let mut reports = BufReader::new(read);
    let pid = match next_report(&mut reports).await {
        Some(Report::Started(pid)) => pid,
        Some(Report::Failed(what)) => {
            reap(child);
            return Err(LaunchError::Refused(what));
        }
        Some(Report::Ended(_)) | None => {
            reap(child);
            return Err(LaunchError::Refused("its keeper ended at once".to_owned()));
        }
    };
    let (orders, queue) = mpsc::unbounded_channel();
    let (ended, exit) = watch::channel(None);
    tokio::spawn(pass_orders(write, queue));
    tokio::spawn(async move {
        let exit = match next_report(&mut reports).await {
            Some(Report::Ended(exit)) => exit,
            _ => Exit::Unknown,
        };
        // The keeper has nothing left to do after its report.
        let _ = tokio::task::spawn_blocking(move || child.wait()).await;
        let _ = ended.send(Some(exit));
    });
    let process = Process { pid, watch: ProcessWatch { orders, exit } };
    Ok(Launched { process, connection, stdout, stderr })
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

#[expect(clippy::disallowed_methods, reason = "the keepers of plugins are started here")]
fn spawn_keeper(init: &InitCommand, control: UnixStream) -> io::Result<Child> {
    let (program, args) =
        init.split_first().ok_or_else(|| io::Error::other("no program for the roles was given"))?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(control)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn()
}

async fn send_order(
    control: UnixStream,
    order: &Order,
    fds: Vec<OwnedFd>,
) -> Result<(OwnedReadHalf, OwnedWriteHalf), LaunchError> {
    let json = serde_json::to_vec(order).map_err(io::Error::other)?;
    let stream = Stream::socket(control.try_clone()?.into())?;
    let outbox = Outbox::new(stream.into());
    let pushed = outbox.push(Frame::new(json, fds));
    pushed.map_err(|_| LaunchError::Refused("its keeper ended at once".to_owned()))?;
    // An order is far smaller than what a fresh socket takes, but its size is not ours to bound.
    tokio::select! {
        () = outbox.run() => {}
        () = outbox.drain() => {}
    }
    control.set_nonblocking(true)?;
    Ok(tokio::net::UnixStream::from_std(control)?.into_split())
}

async fn pass_orders(mut write: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<u8>) {
    while let Some(order) = queue.recv().await {
        if write.write_all(&[order]).await.is_err() {
            return;
        }
    }
    // The handle was dropped: end everything.
    let _ = write.write_all(&[KILL]).await;
}

async fn next_report(reports: &mut BufReader<OwnedReadHalf>) -> Option<Report> {
    let mut line = String::new();
    reports.read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

/// Takes a keeper away that ends by itself.
fn reap(mut keeper: Child) {
    tokio::task::spawn_blocking(move || keeper.wait());
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
        // A keeper that is gone has ended all of them.
        let _ = self.watch.orders.send(TERM);
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
        let _ = self.orders.send(KILL);
    }

    /// Waits until nothing of it is left.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|exit| *exit).unwrap_or(Exit::Unknown)
    }
}
