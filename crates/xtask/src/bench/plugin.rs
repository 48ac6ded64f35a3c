//! A call through the plugin host, beside a bare echo over a socket pair to another process.

use anyhow::Context;

use super::Bench;
use super::machine::build_program;
use super::measure::Probe;
use super::table::{Row, Table};

/// Microseconds that the middle call may take.
const P50_US: f64 = 100.0;
/// Microseconds that all but one of a hundred may take.
const P99_US: f64 = 1_000.0;
const WALL: &str = "us wall";

pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let program = build_program("hauski-plugins", "plugin-fixture")?;
    let text = Probe::new(&program, &["bench"], &bench.fixtures.folder("plugin")?).output()?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    let figure = |key: &str| report[key].as_f64().with_context(|| format!("no {key} in {text}"));
    let peer = ("a bare echo", figure("echo_p50_us")?);
    let call = figure("call_p50_us")?;
    table.add(Row::alone("a plugin call of 100 B, p50", WALL, call).limit(P50_US));
    table
        .add(Row::alone("a plugin call of 100 B, p99", WALL, figure("call_p99_us")?).limit(P99_US));
    table.add(Row::ratio("a plugin call of 100 B, p50", WALL, call, peer));
    let each = 1e6 / figure("calls_per_s")?;
    table.add(Row::ratio("a plugin call among 32 at once, mean", WALL, each, peer));
    Ok(())
}
