//! Bounds that a process sets on itself before it becomes the plugin.

use std::fs;

use contracts::hauski::plugin::PluginLimits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::OwnBounds;

/// Processes of the init role that count with the plugin's.
pub(super) const INIT_TASKS: u64 = 2;

/// Bounds files and core dumps always, memory and tasks where no control group does.
pub(crate) fn bound(limits: &PluginLimits, own: OwnBounds) -> rustix::io::Result<()> {
    set(Resource::Core, 0)?;
    set(Resource::Nofile, u64::from(limits.files))?;
    if own.memory {
        set(Resource::Data, limits.memory_bytes)?;
    }
    if own.tasks {
        set(Resource::Nproc, u64::from(limits.tasks) + INIT_TASKS)?;
    }
    Ok(())
}

/// Why the bound on tasks does not hold for this user, if so.
pub(super) fn tasks_unbounded() -> Option<&'static str> {
    if is_root_of_the_machine() {
        return Some("the kernel exempts root from RLIMIT_NPROC");
    }
    let release = rustix::system::uname();
    let mut numbers = release.release().to_str().unwrap_or_default().split(['.', '-']);
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    ((next(), next()) < (5, 14))
        .then_some("before Linux 5.14, RLIMIT_NPROC counts all processes of the user")
}

/// In a container without rights, root is somebody else outside, and not exempt.
fn is_root_of_the_machine() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut fields = map.split_whitespace();
    let itself = fields.next() == Some("0") && fields.next().is_none_or(|outside| outside == "0");
    rustix::process::geteuid().is_root() && (itself || map.is_empty())
}

/// A bound that is already lower stays.
fn set(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}
