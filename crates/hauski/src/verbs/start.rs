//! `hauski start`: the daemon in the background, ready when this returns.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contracts::hauski::daemon::Running;

use super::serve;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Time until the daemon must be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Bytes of its log that are shown when it does not become ready.
const SHOWN_LOG_BYTES: u64 = 4_096;

/// Options of `hauski start`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    serve: serve::Args,
    /// The role of the process in the background
    #[arg(long, hide = true)]
    child: bool,
}

/// Starts it, or says that it runs already.
pub(crate) fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    if args.child {
        // A terminal that closes, or the end of the task that started it, must not end it. It cannot fail: a
        // process that was just started leads no group.
        let _ = rustix::process::setsid();
        return serve::run(args.serve, settings);
    }
    if let Some(running) = running(&settings) {
        tell(&running, "runs already", &settings)?;
        return Ok(Exit::Good);
    }
    let log = settings.home.join("logs/hauski.log");
    let (mut child, from) = spawn(&settings, &log)?;
    let began = Instant::now();
    loop {
        if let Some(running) = running(&settings).filter(|it| it.pid == child.id()) {
            tell(&running, "is ready", &settings)?;
            return Ok(Exit::Good);
        }
        if let Some(status) = child.try_wait().context("cannot watch the daemon")? {
            return Err(failed(&format!("the daemon ended with {status}"), &log, from));
        }
        if began.elapsed() > PATIENCE {
            // What never became ready is of no use to anybody.
            let _ = child.kill();
            return Err(failed("the daemon did not become ready in time", &log, from));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The daemon of this home, when it takes requests.
pub(super) fn running(settings: &Settings) -> Option<Running> {
    let text = fs::read(settings.run_folder().join("daemon.json")).ok()?;
    let running: Running = serde_json::from_slice(&text).ok()?;
    // The file may have outlived a daemon that was killed: only the socket tells.
    let pid = super::stop::daemon(&settings.socket())?;
    (pid.as_raw_nonzero().get().unsigned_abs() == running.pid).then_some(running)
}

fn tell(running: &Running, what: &str, settings: &Settings) -> anyhow::Result<()> {
    if settings.json {
        return output::print_json(running);
    }
    let log = settings.home.join("logs/hauski.log");
    let (address, pid, log) = (&running.address, running.pid, log.display());
    output::print(&format!(
        "hauski {what}: http://{address} (process {pid}, log {log})\n`hauski stop` ends it\n"
    ))
}

/// Starts this program once more and gives where its log begins.
fn spawn(settings: &Settings, log: &Path) -> anyhow::Result<(Child, u64)> {
    let folder = log.parent().unwrap_or(&settings.home);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let opened = made.and_then(|()| {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
        Ok((file.metadata()?.len(), file))
    });
    let (from, file) = opened.map_err(|error| {
        let message = format!("cannot use {}: {error}", log.display());
        Failure::new(message, "name a folder that you may write to with --home or HAUSKI_HOME")
    })?;
    let program = std::env::current_exe().context("cannot find this very program")?;
    #[expect(clippy::disallowed_methods, reason = "the daemon itself, in the background")]
    let mut command = Command::new(program);
    // The same words again: they meant the same folders, policies and address here.
    command.args(std::env::args_os().skip(1)).arg("--child");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    Ok((command.spawn().context("cannot start the daemon")?, from))
}

fn failed(what: &str, log: &Path, from: u64) -> anyhow::Error {
    let said = fs::File::open(log).and_then(|mut file| {
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(SHOWN_LOG_BYTES))))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    });
    let said = said.unwrap_or_default();
    Failure::new(format!("{what}: {said}"), format!("its log: {}", log.display())).into()
}
