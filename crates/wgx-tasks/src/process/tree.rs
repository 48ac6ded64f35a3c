//! The process tree of a task: who belongs to it, and how all of it is ended.
//!
//! On Linux wgx is a child subreaper while a task runs: whoever leaves its parent and calls
//! setsid(2) becomes a child of wgx instead of init, so nobody gets away. Elsewhere the tree is
//! what the parent links and the process group still show.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

use super::spawn;

/// How often the end of a tree is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A tree that still grows after so many rounds of SIGKILL cannot be ended by us.
const MAX_KILL_ROUNDS: usize = 50;

/// The process tree of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    /// The task's own process.
    pub(super) child: Pid,
    /// The child leads a process group of its own.
    pub(super) own_group: bool,
    /// Orphans handed to wgx belong to this task. False where several tasks run at once.
    pub(super) owns_orphans: bool,
}

impl Tree {
    /// Signals the process group of the child, as a terminal does; the child alone where it shares
    /// the group of wgx.
    pub(super) fn signal_group(&self, signal: Signal) {
        // A vanished receiver is the wanted end, so errors say nothing.
        let _ = if self.own_group {
            kill_process_group(self.child, signal)
        } else {
            kill_process(self.child, signal)
        };
    }

    /// Signals every living member. Stopped ones are continued, or they could not react.
    pub(super) fn signal_all(&self, signal: Signal) {
        for pid in self.members() {
            let _ = kill_process(pid, signal);
            if signal != Signal::STOP {
                let _ = kill_process(pid, Signal::CONT);
            }
        }
    }

    /// Kills every member until none is left: each round stops first, so that none can fork away.
    pub(super) fn kill(&self) {
        for _ in 0..MAX_KILL_ROUNDS {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            for signal in [Signal::STOP, Signal::KILL] {
                for pid in &members {
                    let _ = kill_process(*pid, signal);
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends what is left: SIGTERM, then SIGKILL after `grace`.
    pub(super) fn sweep(&self, grace: Duration) {
        if self.members().is_empty() {
            return;
        }
        self.signal_all(Signal::TERM);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if self.members().is_empty() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        self.kill();
    }

    /// The living members: the child, its descendants, and orphans with theirs.
    fn members(&self) -> Vec<Pid> {
        let processes = processes();
        let own = rustix::process::getpid().as_raw_pid();
        let mut roots = vec![self.child.as_raw_pid()];
        if self.owns_orphans {
            roots.extend(orphans(&processes, own));
        }
        let mut members = BTreeSet::new();
        while let Some(pid) = roots.pop() {
            if members.insert(pid) {
                roots.extend(processes.values().filter(|it| it.parent == pid).map(|it| it.pid));
            }
        }
        members
            .into_iter()
            .filter(|pid| processes.get(pid).is_some_and(|process| !process.is_dead))
            .filter_map(Pid::from_raw)
            .collect()
    }
}

/// Makes wgx the new parent of processes that lose theirs. Where the system cannot, trees are found
/// by parent links alone.
pub(super) fn adopt_orphans() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends all orphans that the system handed over, with their descendants: SIGTERM, then SIGKILL
/// after `grace`.
pub(super) fn sweep_orphans(grace: Duration) {
    for orphan in orphans(&processes(), rustix::process::getpid().as_raw_pid()) {
        if let Some(child) = Pid::from_raw(orphan) {
            Tree { child, own_group: false, owns_orphans: false }.sweep(grace);
        }
    }
}

/// Direct children that nobody started on purpose. Dead ones are reaped on the way.
fn orphans(processes: &BTreeMap<i32, Process>, own: i32) -> Vec<i32> {
    let mut orphans = Vec::new();
    for process in processes.values().filter(|process| process.parent == own) {
        if u32::try_from(process.pid).is_ok_and(spawn::is_started) {
            continue;
        }
        if process.is_dead {
            let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
        } else {
            orphans.push(process.pid);
        }
    }
    orphans
}

struct Process {
    pid: i32,
    parent: i32,
    /// A zombie: it waits to be reaped and cannot do anything.
    is_dead: bool,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| process_from_stat(pid, &std::fs::read(format!("/proc/{pid}/stat")).ok()?))
        .map(|process| (process.pid, process))
        .collect()
}

/// `PID (NAME) STATE PARENT …`; the name may hold blanks and brackets, so the last `)` counts.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn process_from_stat(pid: i32, stat: &[u8]) -> Option<Process> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(&stat[close + 1..]).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Process { pid, parent, is_dead: matches!(state, "Z" | "X" | "x") })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn processes() -> BTreeMap<i32, Process> {
    let Ok(output) = spawn::command(std::path::Path::new("/bin/ps"))
        .args(["-A", "-o", "pid=,ppid=,stat="])
        .output()
    else {
        return BTreeMap::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let pid = fields.next()?.parse().ok()?;
            let parent = fields.next()?.parse().ok()?;
            Some((pid, Process { pid, parent, is_dead: fields.next()?.starts_with('Z') }))
        })
        .collect()
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let process = process_from_stat(7, b"7 (a) R 1 ) (x)) S 42 7 7 0").unwrap();
        assert_eq!((process.pid, process.parent, process.is_dead), (7, 42, false));
        assert!(process_from_stat(7, b"7 (gone) Z 42 7").unwrap().is_dead);
        assert!(process_from_stat(7, b"").is_none());
    }
}
