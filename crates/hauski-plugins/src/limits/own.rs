//! Bounds that a process sets on itself before it becomes the plugin.

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
    if rustix::process::geteuid().is_root() {
        return Some("the kernel exempts root from RLIMIT_NPROC");
    }
    let release = rustix::system::uname();
    let mut numbers = release.release().to_str().unwrap_or_default().split(['.', '-']);
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    ((next(), next()) < (5, 14))
        .then_some("before Linux 5.14, RLIMIT_NPROC counts all processes of the user")
}

/// A bound that is already lower stays.
fn set(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}
