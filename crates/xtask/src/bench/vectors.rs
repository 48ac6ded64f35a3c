//! Vectors: time of a search, recall, memory and opening, beside hnswlib and faiss over the same vectors.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::table::{Row, Table};
use super::{Bench, ROUNDS, machine};

const DIMS: &str = "384";
const TIME: &str = "ms, least of 7";
/// Limits at a million rows of 384 numbers.
const MILLION_P95_MS: f64 = 5.0;
const RESIDENT_BYTES: f64 = 450.0;
const RESTART_MS: f64 = 500.0;
const MISSED: f64 = 0.002;

/// 20,000 and 100,000 rows, and a million unless it has to be quick.
pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let program = machine::build_example("hauski-index", "vectors-bench")?;
    let sizes: &[(usize, &str)] = &[(20_000, "20k"), (100_000, "100k"), (1_000_000, "1M")];
    let sizes = if bench.rounds < ROUNDS { &sizes[..2] } else { sizes };
    for &(rows, size) in sizes {
        let folder = bench.fixtures.folder(&format!("vectors-{size}"))?;
        #[expect(clippy::disallowed_methods, reason = "a benchmark starts what it measures")]
        let mut command = Command::new(&program);
        let ours = figures(command.arg(&folder).args([&rows.to_string(), DIMS]))?;
        let of =
            |name: &str| ours[name].as_f64().with_context(|| format!("{name} is missing: {ours}"));
        let what = |it: &str| format!("vectors, {size}: {it}");
        let million = rows == 1_000_000;
        let limit = |row: Row, most: f64| if million { row.limit(most) } else { row };
        table.add(Row::alone(&what("a search, median"), TIME, of("p50_ms")?));
        let p95 = Row::alone(&what("a search, p95"), TIME, of("p95_ms")?);
        table.add(limit(p95, MILLION_P95_MS));
        let missed = Row::alone(&what("missed of the best 20"), "share", 1.0 - of("recall")?);
        table.add(missed.limit(MISSED));
        let exact = Row::alone(&what("comparing all, p95"), TIME, of("exact_p95_ms")?);
        table.add(exact);
        let few = Row::alone(&what("filter of 1 %, p95"), TIME, of("one_percent_p95_ms")?);
        table.add(few);
        let memory = Row::alone(&what("memory of a row"), "bytes", of("resident_bytes_a_row")?);
        table.add(limit(memory, RESIDENT_BYTES));
        let restart = Row::alone(&what("open and answer"), "ms wall", of("restart_ms")?);
        table.add(limit(restart, RESTART_MS));
        if million {
            continue;
        }
        match peers(&folder) {
            Ok(theirs) => add_peers(table, size, of("p50_ms")?, &theirs),
            Err(error) => table.not_measured(&what("peers"), &format!("{error:#}")),
        }
    }
    Ok(())
}

/// A row for each peer that was there, with its recall in its name.
fn add_peers(table: &mut Table, size: &str, ours: f64, theirs: &Value) {
    for (name, figures) in theirs.as_object().into_iter().flatten() {
        let (Some(p50), Some(recall)) = (figures["p50_ms"].as_f64(), figures["recall"].as_f64())
        else {
            continue;
        };
        let peer = format!("{name}, recall {recall:.4}");
        table.add(Row::ratio(&format!("vectors, {size}: a search"), TIME, ours, (&peer, p50)));
    }
}

fn peers(folder: &Path) -> anyhow::Result<Value> {
    let script = crate::workspace().join("crates/hauski-index/examples/vectors-peers.py");
    #[expect(clippy::disallowed_methods, reason = "a benchmark starts what it measures")]
    let mut command = Command::new("python3");
    figures(command.arg(script).arg(folder).arg(DIMS))
        .context("python3 with numpy, faiss-cpu and hnswlib (pip install)")
}

/// Runs a program that prints one JSON object.
fn figures(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{}", text.lines().last().unwrap_or("it failed"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
