//! Processes of plugins: how they are started, signalled as a tree, and waited for.
//!
//! Between the host and a plugin stands a keeper, a role of the same program. It adopts whatever the plugin
//! leaves behind (subreaper), ends the whole tree when it is told to or when the host is gone, and reports how
//! the plugin ended. A second role places the connection, sets limits and becomes the plugin.

mod enter;
mod keeper;
mod launch;
mod order;
mod tree;

use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) use launch::{Launch, Launched, Process, ProcessWatch, launch};
pub(crate) use order::{Exit, Wiring};

/// The program that runs the roles of this crate, for [`crate::HostOptions`]: program and first arguments.
pub type InitCommand = Vec<OsString>;

/// Runs the roles that stand between the host and a plugin. `args` are what follows in
/// [`crate::HostOptions::init`]; a face calls this first, before it has threads.
pub fn run_init_role(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match args.first().and_then(|first| first.to_str()) {
        None => keeper::run(),
        Some("enter") => enter::run(args.get(1..).unwrap_or_default()),
        Some(other) => {
            tracing::error!(role = other, "unknown role");
            ExitCode::from(64)
        }
    }
}

/// Process ids of the descendants of a process.
pub(crate) fn descendants_of(pid: i32) -> Vec<i32> {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return Vec::new() };
    tree::descendants(pid).iter().map(|pid| pid.as_raw_nonzero().get()).collect()
}
