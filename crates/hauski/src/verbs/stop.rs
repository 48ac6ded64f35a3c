//! `hauski stop`: ends the daemon of this home; open requests may finish.

use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds to wait for its end
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
}

/// Ends it. When none runs, that is what was wanted.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    // A handle of the process itself: its number could be another's by the time of the signal, and a
    // process that nobody has reaped yet still has one.
    let handle = daemon(&settings.socket())
        .and_then(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)));
    let Some((pid, handle)) = handle else {
        output::note("no daemon runs here");
        return Ok(Exit::Good);
    };
    // It may have ended by itself in this moment.
    let _ = pidfd_send_signal(&handle, Signal::TERM);
    let mut wish = [PollFd::new(&handle, PollFlags::IN)];
    let wait = Timespec { tv_sec: i64::try_from(args.wait)?, tv_nsec: 0 };
    if poll(&mut wish, Some(&wait)).context("cannot wait for the daemon")? == 0 {
        let message = format!("process {pid} still works after {} s", args.wait);
        let hint = "wait for its requests, or end it with `kill -9`: nothing durable is lost";
        return Err(Failure::new(message, hint).into());
    }
    output::note("the daemon has ended");
    Ok(Exit::Good)
}

/// The process that listens on the socket, as the kernel names it.
pub(super) fn daemon(socket: &Path) -> Option<Pid> {
    let stream = UnixStream::connect(socket).ok()?;
    socket_peercred(&stream).ok().map(|peer| peer.pid)
}
