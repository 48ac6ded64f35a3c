//! The inner process: first of the process namespace. Builds the view, gives up every right, starts the plugin, reaps.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use rustix::io::{Errno, FdFlags};
use rustix::process::{Pid, Signal, WaitOptions};
use sha2::{Digest, Sha256};

use super::watch::{Event, Watch};
use super::{files, missing, rights};
use crate::limits;
use crate::sandbox::filter;
use crate::sandbox::layer::Layer;
use crate::sandbox::plan::{Order, Refusal};
use crate::sandbox::wire::{self, Status};

pub(super) fn run() -> Result<ExitCode, Refusal> {
    let fault = |error: io::Error| Refusal::new("start", format!("the order: {error}"));
    let mut descriptors = wire::receive(io::stdin()).map_err(fault)?;
    let sheet = descriptors.pop().ok_or_else(|| fault(io::ErrorKind::UnexpectedEof.into()))?;
    let order: Order = wire::read_sheet(sheet).map_err(fault)?;
    let has = |layer| order.layers.contains(&layer);
    let mut descriptors = descriptors.into_iter();
    let socket = if order.socket { descriptors.next() } else { None };
    let stdin = if order.stdin { descriptors.next() } else { None };

    if has(Layer::Parent) {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| missing(Layer::Parent, "signal at the parent's end", error))?;
    }
    let watch = Watch::new(has(Layer::Parent))
        .map_err(|error| Refusal::new("start", format!("signals: {error}")))?;
    if has(Layer::Hostname) {
        rustix::system::sethostname(b"plugin")
            .map_err(|error| missing(Layer::Hostname, "host name", error))?;
    }
    let mut http = None;
    if has(Layer::Files) {
        files::enter(&order)?;
        http = files::http_folder(&order)?;
    }
    if has(Layer::Limits) {
        limits::bound(&order.limits, order.own_bounds)
            .map_err(|error| missing(Layer::Limits, "bounds of the process", error))?;
    }
    if has(Layer::Privileges) {
        rights::give_up()?;
    }
    if has(Layer::SystemCalls) {
        filter::install().map_err(|error| missing(Layer::SystemCalls, "filter", error))?;
    }
    check_program(&order)?;
    let plugin = start(&order, socket, stdin)?;
    let http = http.as_ref().map(AsFd::as_fd);
    wire::hand(io::stdin(), &Status::Started, http.as_slice());
    reap(&order, &watch, plugin)
}

/// The program is the one that `plugins.json` means.
fn check_program(order: &Order) -> Result<(), Refusal> {
    let Some(wanted) = &order.sha256 else { return Ok(()) };
    let fault =
        |error: io::Error| Refusal::new("command", format!("{}: {error}", order.program.display()));
    let mut hash = Sha256::new();
    let mut file = File::open(&order.program).map_err(fault)?;
    let mut part = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut part).map_err(fault)?;
        if length == 0 {
            break;
        }
        hash.update(&part[..length]);
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Refusal::new("sha256", format!("{} is another program: {found}", order.program.display()))
        .hint("look at what changed it, then write the new hash into plugins.json"))
}

fn start(order: &Order, socket: Option<OwnedFd>, stdin: Option<OwnedFd>) -> Result<Pid, Refusal> {
    if let Some(socket) = &socket {
        if socket.as_raw_fd() != 3 {
            return Err(missing(Layer::Descriptors, "descriptor 3", "is taken"));
        }
        rustix::io::fcntl_setfd(socket, FdFlags::empty())
            .map_err(|error| Refusal::new("start", error.to_string()))?;
    }
    #[expect(clippy::disallowed_methods, reason = "the sandbox starts the plugin")]
    let mut command = Command::new(&order.program);
    if order.layers.contains(&Layer::Environment) {
        command.env_clear();
    }
    let plugin = command
        .args(&order.arguments)
        .envs(&order.environment)
        .current_dir(&order.folder)
        .process_group(0)
        .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
        .spawn()
        .map_err(|error| {
            let lacks = error.kind() == io::ErrorKind::NotFound;
            let refusal = Refusal::new("command", format!("{}: {error}", order.program.display()));
            if lacks {
                refusal.hint("it, its interpreter or its folder is not in the plugin's view: see sandbox.read")
            } else {
                refusal
            }
        })?;
    // Its end would not be seen while this process holds the other one's descriptors.
    drop(socket);
    i32::try_from(plugin.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| Refusal::new("start", "a process without a number"))
}

/// Reaps whatever ends, until the plugin's own program does; the kernel ends all that is left with this process.
fn reap(order: &Order, watch: &Watch, plugin: Pid) -> Result<ExitCode, Refusal> {
    let fault = |error: Errno| Refusal::new("start", error.to_string());
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) if ended == plugin => {
                let (code, signal) = (status.exit_status(), status.terminating_signal());
                wire::tell(io::stdin(), &Status::Ended { code, signal });
                if !order.layers.contains(&Layer::Process) {
                    let _ = rustix::process::kill_process_group(plugin, Signal::KILL);
                }
                let shown = code.or_else(|| signal.map(|signal| signal + 128));
                let shown = shown.and_then(|code| u8::try_from(code).ok());
                return Ok(ExitCode::from(shown.unwrap_or(u8::MAX)));
            }
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Ok(None) => {}
            Err(error) => return Err(fault(error)),
        }
        match watch.next().map_err(fault)? {
            Event::Child => {}
            Event::Stop => stop(order, plugin),
            Event::Gone => {
                let _ = rustix::process::kill_process_group(plugin, Signal::KILL);
                return Ok(ExitCode::from(super::NOT_STARTED));
            }
        }
    }
}

/// Asks the plugin and everything that it started to end.
fn stop(order: &Order, plugin: Pid) {
    let _ = rustix::process::kill_process_group(plugin, Signal::TERM);
    let own_list = [Layer::Process, Layer::Files].iter().all(|layer| order.layers.contains(layer));
    if !own_list {
        return;
    }
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = number.filter(|number| *number > 1).and_then(Pid::from_raw)
            // The group has had its signal.
            && rustix::process::getpgid(Some(pid)).is_ok_and(|group| group != plugin)
        {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}
