//! Starting a planned process, and the daemon's hold on it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::RecvFlags;

use super::layer::Layer;
use super::plan::{Init, Plan, Refusal};
use super::wire::{self, Status};
use crate::limits;

/// The plugin's ends of what the host talks to it over.
#[derive(Debug, Default)]
pub struct Channels {
    /// Becomes descriptor 3, with `HAUSKI_PLUGIN_FD=3`.
    pub socket: Option<OwnedFd>,
    /// Becomes its standard input; empty otherwise.
    pub stdin: Option<OwnedFd>,
}

/// A command that is ready to be started, and the hold on what it will be.
#[derive(Debug)]
pub struct Launch {
    /// To be started once, with standard output and error as the host wants them; they are the plugin's. It must be dropped
    /// after the start, like any end of a pipe.
    pub command: Command,
    /// Dropping it ends the plugin and everything that it started.
    pub guard: Guard,
}

/// The daemon's hold on a sandbox.
#[derive(Debug)]
pub struct Guard {
    control: OwnedFd,
    groups: limits::Groups,
    ended: Option<Ended>,
    http: Option<OwnedFd>,
}

/// How a plugin's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// Or the signal that ended it.
    pub signal: Option<i32>,
    /// Whether a process of it was ended because its memory was used up.
    pub out_of_memory: bool,
}

impl Plan {
    /// Makes the control groups and the command that starts the plugin in its sandbox.
    ///
    /// # Errors
    ///
    /// When limits cannot be held here, or a descriptor cannot be made.
    pub fn launch(&self, init: &Init, channels: Channels) -> Result<Launch, Refusal> {
        let fault = |error: io::Error| Refusal::new("start", error.to_string());
        let mut order = self.order.clone();
        let groups = if order.layers.contains(&Layer::Limits) {
            let groups = limits::Groups::make(&order.plugin, &order.limits)?;
            order.groups = groups.joinable();
            order.own_bounds = groups.own_bounds();
            groups
        } else {
            limits::Groups::default()
        };
        order.socket = channels.socket.is_some();
        order.stdin = channels.stdin.is_some();
        if order.socket {
            order.environment.insert("HAUSKI_PLUGIN_FD".to_owned(), "3".to_owned());
        }
        let (control, theirs) = wire::pair().map_err(fault)?;
        // One packet for each of the two processes of the init role. The socket goes first: it is received as 3.
        let outer = wire::sheet(&order).map_err(fault)?;
        wire::send(&control, &[outer.as_fd()]).map_err(fault)?;
        let inner = wire::sheet(&order).map_err(fault)?;
        let all = [channels.socket.as_ref(), channels.stdin.as_ref(), Some(&inner)];
        let all: Vec<_> = all.into_iter().flatten().map(AsFd::as_fd).collect();
        wire::send(&control, &all).map_err(fault)?;
        drop(channels);

        #[expect(clippy::disallowed_methods, reason = "the host of plugins starts processes")]
        let mut command = Command::new(&init.program);
        command.args(&init.role).stdin(Stdio::from(theirs)).current_dir("/");
        if order.layers.contains(&Layer::Environment) {
            command.env_clear();
        }
        Ok(Launch { command, guard: Guard { control, groups, ended: None, http: None } })
    }
}

impl Guard {
    /// Waits until the plugin's program runs. Blocks; for at most `limit`.
    ///
    /// # Errors
    ///
    /// The refusal of the init role; or that it said nothing within `limit` or ended.
    pub fn started(&mut self, limit: Duration) -> Result<(), Refusal> {
        let until = Instant::now() + limit;
        loop {
            match self.next(until.saturating_duration_since(Instant::now())) {
                Ok(Some((Status::Started, mut descriptors))) => {
                    self.http = descriptors.pop();
                    return Ok(());
                }
                Ok(Some((Status::Refused(refusal), _))) => return Err(refusal),
                Ok(Some((Status::Ended { .. }, _))) => {}
                Ok(None) => {
                    return Err(Refusal::new("start", "the sandbox ended without a word"));
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let waited = format!("the sandbox was not ready within {limit:?}");
                    return Err(Refusal::new("start", waited));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Refusal::new("start", error.to_string())),
            }
        }
    }

    /// How the plugin's program ended, once it has; to be asked after its process was waited for.
    pub fn ended(&mut self) -> Option<Ended> {
        while self.ended.is_none() {
            match wire::hear(&self.control, RecvFlags::DONTWAIT) {
                Ok(Some((Status::Ended { code, signal }, _))) => {
                    let out_of_memory = self.groups.out_of_memory();
                    self.ended = Some(Ended { code, signal, out_of_memory });
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.ended
    }

    /// The folder in which the plugin listens for HTTP, once it was started.
    pub fn take_http_folder(&mut self) -> Option<OwnedFd> {
        self.http.take()
    }

    /// Whether a process of the plugin was ended because the memory was used up.
    pub fn out_of_memory(&self) -> bool {
        self.groups.out_of_memory()
    }

    /// Ends everything at once.
    pub fn kill(&mut self) {
        // The init role reads the closing of this side as the end of the daemon.
        let _ = rustix::net::shutdown(&self.control, rustix::net::Shutdown::Write);
        self.groups.kill();
    }

    /// The next status; an interrupted wait is an error of that kind.
    fn next(&mut self, limit: Duration) -> io::Result<Option<(Status, Vec<OwnedFd>)>> {
        let limit = Timespec::try_from(limit).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut polled = [PollFd::new(&self.control, PollFlags::IN)];
        if rustix::event::poll(&mut polled, Some(&limit))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        wire::hear(&self.control, RecvFlags::empty())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}
