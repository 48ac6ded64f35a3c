//! Many processes that record runs in one memory at once: first starts in an empty home, and again.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Bench;
use super::measure::{Probe, sorted};
use super::table::{Row, Table};

/// Processes at once.
const WRITERS: usize = 64;

pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = bench.fixtures.repository(&bench.peers.git)?;
    let home = bench.fixtures.home("writers");
    for (round, state) in ["an empty home", "a home in use"].into_iter().enumerate() {
        let began = Instant::now();
        let ended = all_at_once(bench, &folder, &home)?;
        let wall_ms = began.elapsed().as_secs_f64() * 1000.0;
        let failed = ended.iter().filter(|(_, good)| !good).count();
        let recorded = recorded(bench, &folder, &home)?;
        let lost = (WRITERS * (round + 1)).saturating_sub(recorded);
        let walls = sorted(ended.iter().map(|(wall, _)| *wall));
        let p99 = walls.get(walls.len() * 99 / 100).copied().unwrap_or(0.0);
        let what = |figure: &str| format!("{WRITERS} runs at once, {state}: {figure}");
        table.add(Row::alone(&what("errors"), "", failed as f64).limit(0.0));
        table.add(Row::alone(&what("lost records"), "", lost as f64).limit(0.0));
        table.add(Row::alone(&what("all"), "ms wall", wall_ms));
        table.add(Row::alone(&what("p99"), "ms wall", p99));
    }
    Ok(())
}

/// How long each took, and whether it ended well.
fn all_at_once(bench: &Bench, folder: &Path, home: &Path) -> anyhow::Result<Vec<(Duration, bool)>> {
    let probe = Probe::new(&bench.wgx, &["run", "nothing"], folder).home(home);
    let spawned: std::io::Result<Vec<(Instant, Child)>> =
        (0..WRITERS).map(|_| Ok((Instant::now(), probe.command().spawn()?))).collect();
    let waiting = spawned?.into_iter().map(|(began, mut child)| {
        std::thread::spawn(move || {
            let good = child.wait().is_ok_and(|status| status.success());
            (began.elapsed(), good)
        })
    });
    let waiting: Vec<_> = waiting.collect();
    let broken = |_| anyhow::anyhow!("a waiting thread broke");
    waiting.into_iter().map(|thread| thread.join().map_err(broken)).collect()
}

/// Finished runs that the memory knows.
fn recorded(bench: &Bench, folder: &Path, home: &Path) -> anyhow::Result<usize> {
    let probe = Probe::new(&bench.wgx, &["runs", "--json"], folder).home(home);
    let output = probe.command().stdout(Stdio::piped()).output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let runs = report["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(runs.iter().filter(|run| run["exit_code"] == 0).count())
}
