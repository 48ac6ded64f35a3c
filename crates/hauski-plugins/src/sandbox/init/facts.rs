//! What this machine allows, found by trying, and why it does not.

use std::fs;

use serde::{Deserialize, Serialize};

use super::outer::{NAMESPACES, leave};
use crate::sandbox::filter;
use crate::sandbox::layer::Layer;

/// Whether one layer can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The layer.
    pub layer: Layer,
    /// Whether the kernel gave it.
    pub available: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Tries the namespaces and the filter on this very process, which is of no other use afterwards.
pub(super) fn matrix_of_this_process() -> Vec<Fact> {
    let fact = |layer, result: Result<(), String>| Fact {
        layer,
        available: result.is_ok(),
        why: result.err().map(|error| match explain(layer) {
            Some(hint) => format!("{error}; {hint}"),
            None => error,
        }),
    };
    let mut facts: Vec<_> = NAMESPACES
        .into_iter()
        .map(|(layer, flag)| fact(layer, leave(flag).map_err(|error| format!("unshare: {error}"))))
        .collect();
    let privileges = rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string());
    facts.push(fact(Layer::Privileges, privileges));
    facts.push(fact(Layer::SystemCalls, filter::install()));
    facts
}

/// The setting of this machine that forbids a layer, as far as it can be read.
pub(super) fn explain(layer: Layer) -> Option<String> {
    let setting = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let is = |path: &str, value: &str| setting(path).is_some_and(|found| found == value);
    let namespaces = NAMESPACES.iter().any(|(each, _)| *each == layer);
    if !namespaces {
        let old = layer == Layer::SystemCalls
            && setting("/proc/sys/kernel/seccomp/actions_avail").is_none();
        return old
            .then(|| "this kernel has no system call filters (CONFIG_SECCOMP_FILTER)".to_owned());
    }
    let root = rustix::process::geteuid().is_root();
    if !root && is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return Some("kernel.unprivileged_userns_clone is 0; set it to 1".to_owned());
    }
    if !root && is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return Some(
            "AppArmor restricts user namespaces: give hauski a profile with `userns,`, or set \
             kernel.apparmor_restrict_unprivileged_userns to 0"
                .to_owned(),
        );
    }
    if layer == Layer::User && is("/proc/sys/user/max_user_namespaces", "0") {
        return Some("user.max_user_namespaces is 0".to_owned());
    }
    let contained =
        ["/.dockerenv", "/run/.containerenv"].iter().any(|file| fs::metadata(file).is_ok());
    let filtered = setting("/proc/self/status")
        .is_some_and(|status| status.lines().any(|line| line == "Seccomp:\t2"));
    if contained || filtered {
        return Some(
            "this is a container whose own filter or masked /proc forbids it; see docs/sandbox.md"
                .to_owned(),
        );
    }
    None
}
