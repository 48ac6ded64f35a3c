//! The audit log against the least that the same bytes need: a plain append and sync, a plain SHA-256.

use std::process::Command;

use anyhow::{Context, bail};

use super::table::{Row, Table};
use super::{Bench, machine};

/// Events of a round; a hundredth of them is also written one by one.
const EVENTS: u32 = 60_000;
const UNIT: &str = "µs a line";
/// 20,000 events a second in groups, 1,500 one by one, 150,000 lines a second verified.
const GROUPED_US: f64 = 50.0;
const DURABLE_US: f64 = 667.0;
const VERIFY_US: f64 = 6.67;

/// The best of a few rounds.
pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let program = machine::build_example("audit", "audit-bench")?;
    let mut best: Option<serde_json::Map<String, serde_json::Value>> = None;
    for round in 0..bench.rounds.div_ceil(8) {
        let folder = bench.fixtures.folder(&format!("audit-{round}"))?;
        #[expect(clippy::disallowed_methods, reason = "a benchmark starts what it measures")]
        let output = Command::new(&program).arg(&folder).arg(EVENTS.to_string()).output()?;
        if !output.status.success() {
            bail!("audit-bench failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let figures: serde_json::Map<_, _> = serde_json::from_slice(&output.stdout)?;
        best = Some(match best {
            None => figures,
            Some(best) => best
                .into_iter()
                .map(|(name, value)| {
                    let other = figures.get(&name).and_then(serde_json::Value::as_f64);
                    let least = value.as_f64().zip(other).map(|(a, b)| a.min(b).into());
                    (name, least.unwrap_or(value))
                })
                .collect(),
        });
    }
    let best = best.context("no round was measured")?;
    let figure = |name: &str| {
        best.get(name).and_then(serde_json::Value::as_f64).context("a figure is missing")
    };
    let rows = [
        (
            "audit: events in groups",
            "grouped_us",
            ("write, fdatasync per 1,000", "plain_grouped_us"),
            GROUPED_US,
        ),
        (
            "audit: an event that is waited for",
            "durable_us",
            ("write, fdatasync", "plain_durable_us"),
            DURABLE_US,
        ),
        ("audit: verifying", "verify_us", ("SHA-256 alone", "sha256_us"), VERIFY_US),
    ];
    for (what, ours, (peer, theirs), limit) in rows {
        table.add(Row::ratio(what, UNIT, figure(ours)?, (peer, figure(theirs)?)));
        table.add(Row::alone(what, UNIT, figure(ours)?).limit(limit));
    }
    Ok(())
}
