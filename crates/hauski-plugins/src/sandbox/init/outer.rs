//! The outer process: joins the control groups, makes the namespaces, starts the inner one, waits.

use std::fs;
use std::io;
use std::process::{Command, ExitCode};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions};
use rustix::thread::UnshareFlags;

use super::watch::{Event, Watch};
use super::{missing, rights};
use crate::sandbox::layer::Layer;
use crate::sandbox::plan::{Order, Refusal};
use crate::sandbox::wire;

/// The plugin's user and group as it sees itself.
const INSIDE_ID: u32 = 1_000;

pub(super) fn run() -> Result<ExitCode, Refusal> {
    let fault = |error: io::Error| Refusal::new("start", format!("the order: {error}"));
    let sheet = wire::receive(io::stdin()).map_err(fault)?.pop();
    let sheet = sheet.ok_or_else(|| fault(io::ErrorKind::UnexpectedEof.into()))?;
    let order: Order = wire::read_sheet(sheet).map_err(fault)?;
    if order.layers.contains(&Layer::Descriptors) {
        close_fds::set_fds_cloexec(3, &[]);
    }
    for group in &order.groups {
        // "0" stands for the writer.
        fs::write(group.join("cgroup.procs"), "0")
            .map_err(|error| missing(Layer::Limits, &group.display().to_string(), error))?;
    }
    // Before anything is started, so that no signal and no end is missed.
    let watch = Watch::new(order.layers.contains(&Layer::Parent))
        .map_err(|error| Refusal::new("start", format!("signals: {error}")))?;
    namespaces(&order)?;

    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    arguments.push("inner".into());
    #[expect(clippy::disallowed_methods, reason = "the sandbox starts the plugin")]
    let inner = Command::new("/proc/self/exe")
        .args(arguments)
        .spawn()
        .map_err(|error| missing(Layer::Process, "the first process", error))?;
    // It keeps nothing but the wait: it is outside of the process namespace and inside of all others.
    if order.layers.contains(&Layer::Privileges) {
        rights::give_up()?;
    }
    let inner = i32::try_from(inner.id()).ok().and_then(Pid::from_raw);
    wait(&watch, inner.ok_or_else(|| Refusal::new("start", "a process without a number"))?)
}

/// Leaves the daemon's namespaces, one after the other, so that a refusal names the one that failed.
fn namespaces(order: &Order) -> Result<(), Refusal> {
    let root = rustix::process::geteuid().is_root();
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if order.layers.contains(&Layer::Privileges) {
        rustix::thread::set_no_new_privs(true)
            .map_err(|error| missing(Layer::Privileges, "no_new_privs", error))?;
    }
    if root {
        rustix::thread::set_thread_groups(&[])
            .map_err(|error| missing(Layer::User, "supplementary groups", error))?;
    }
    for (layer, flag) in NAMESPACES {
        if !order.layers.contains(&layer) {
            continue;
        }
        leave(flag).map_err(|error| missing(layer, "unshare", error))?;
        if layer == Layer::User {
            for (file, text) in [
                ("setgroups", "deny".to_owned()),
                ("uid_map", format!("{INSIDE_ID} {user} 1")),
                ("gid_map", format!("{INSIDE_ID} {group} 1")),
            ] {
                fs::write(format!("/proc/self/{file}"), text)
                    .map_err(|error| missing(layer, file, error))?;
            }
            // A second bar to further namespaces; the first is the filter. Where /proc is read-only it cannot be set.
            let _ = fs::write("/proc/sys/user/max_user_namespaces", "0");
            rights::keep_for_the_inner()?;
        }
    }
    Ok(())
}

/// The namespaces in the order in which they are left; the others need the first.
pub(super) const NAMESPACES: [(Layer, UnshareFlags); 7] = [
    (Layer::User, UnshareFlags::NEWUSER),
    (Layer::Network, UnshareFlags::NEWNET),
    (Layer::Process, UnshareFlags::NEWPID),
    (Layer::Ipc, UnshareFlags::NEWIPC),
    (Layer::Hostname, UnshareFlags::NEWUTS),
    (Layer::ControlGroups, UnshareFlags::NEWCGROUP),
    (Layer::Files, UnshareFlags::NEWNS),
];

/// `unshare`, never with the one flag that concerns descriptors.
pub(super) fn leave(flag: UnshareFlags) -> Result<(), Errno> {
    #[expect(deprecated, reason = "unsafe only with the flag FILES, which is not passed")]
    rustix::thread::unshare(flag)
}

/// Passes on what asks the plugin to stop, and ends with it.
fn wait(watch: &Watch, inner: Pid) -> Result<ExitCode, Refusal> {
    let fault = |error: Errno| Refusal::new("start", error.to_string());
    loop {
        match rustix::process::waitpid(Some(inner), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => {
                let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
                let signal = status.terminating_signal().and_then(|s| u8::try_from(s).ok());
                return Ok(code.map_or_else(
                    || ExitCode::from(signal.unwrap_or(0).saturating_add(128)),
                    ExitCode::from,
                ));
            }
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(fault(error)),
        }
        let signal = match watch.next().map_err(fault)? {
            Event::Stop => Signal::TERM,
            Event::Gone => Signal::KILL,
            Event::Child => continue,
        };
        // It may have ended meanwhile; then the next round says so.
        let _ = rustix::process::kill_process(inner, signal);
    }
}
