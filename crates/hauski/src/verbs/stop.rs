//! `hauski stop`: ends the daemon of this home; open requests may finish.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Options of `hauski stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds to wait for its end
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
}

/// Ends it. When none runs, that is what was wanted.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let Some(pid) = daemon(&settings.socket()) else {
        output::note("no daemon runs here");
        return Ok(Exit::Good);
    };
    // It may have ended by itself in this moment.
    let _ = kill_process(pid, Signal::TERM);
    let began = Instant::now();
    while test_kill_process(pid).is_ok() {
        if began.elapsed() > Duration::from_secs(args.wait) {
            let message = format!("process {pid} still works after {} s", args.wait);
            let hint = "wait for its requests, or end it with `kill -9`: nothing durable is lost";
            return Err(Failure::new(message, hint).into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    output::note("the daemon has ended");
    Ok(Exit::Good)
}

/// The process that listens on the socket, as the kernel names it.
pub(super) fn daemon(socket: &Path) -> Option<Pid> {
    let stream = UnixStream::connect(socket).ok()?;
    socket_peercred(&stream).ok().map(|peer| peer.pid)
}
