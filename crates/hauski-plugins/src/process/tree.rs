//! All descendants of a process.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The descendants of a process, children before their children. Processes that come and go meanwhile may be
/// missing.
pub(super) fn descendants(root: Pid) -> Vec<Pid> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        found.extend(children(pid));
        at += 1;
    }
    found.remove(0);
    found
}

/// Sends a signal to all descendants; those that are gone already need none.
pub(super) fn signal_descendants(root: Pid, signal: Signal) {
    for pid in descendants(root) {
        let _ = kill_process(pid, signal);
    }
}

fn children(of: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", of.as_raw_nonzero()));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| parse_pids(&list)).collect()
}

fn parse_pids(list: &str) -> Vec<Pid> {
    list.split_ascii_whitespace().filter_map(|n| Pid::from_raw(n.parse().ok()?)).collect()
}
