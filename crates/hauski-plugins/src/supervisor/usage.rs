//! What a plugin's processes use, as the kernel tells.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};

/// CPU time in milliseconds and memory in bytes of a process and its descendants.
pub(super) fn of_tree(pid: i32) -> Option<(u64, u64)> {
    let mut cpu_ticks = 0_u64;
    let mut pages = 0_u64;
    for pid in std::iter::once(pid).chain(crate::process::descendants(pid)) {
        let Some((ticks, resident)) = of_process(pid) else { continue };
        cpu_ticks += ticks;
        pages += resident;
    }
    let cpu_ms = cpu_ticks.saturating_mul(1_000) / clock_ticks_per_second().max(1);
    (pages > 0).then_some((cpu_ms, pages * page_size() as u64))
}

fn of_process(pid: i32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // utime, stime, and those of descendants that were waited for; then resident pages.
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some((ticks, number(21)?))
}
