//! The text index beside tantivy alone with its default tokens: indexing, searching, and how soon a write is found.

use std::process::Command;

use anyhow::{Context, bail};

use super::table::{Row, Table};
use super::{Bench, machine};
use crate::workspace;

/// Generated passages that are searched; `--quick` takes the first.
const PASSAGES: [u64; 2] = [100_000, 1_000_000];
/// 20 MB a second and core; CPU of a search at the 95th percentile; a fresh write is found within 50 ms.
const INGEST_S_PER_MB: f64 = 0.05;
const QUERY_US: [f64; 2] = [2_000.0, 8_000.0];
const FRESH_US: f64 = 50_000.0;
const PEER: &str = "tantivy, its default tokens";

pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let program = machine::build_example("hauski-index", "text-bench")?;
    let quick = bench.rounds < super::ROUNDS;
    for (at, passages) in PASSAGES.into_iter().enumerate().take(if quick { 1 } else { 2 }) {
        #[expect(clippy::disallowed_methods, reason = "a benchmark starts what it measures")]
        let output = Command::new(&program).arg(workspace()).arg(passages.to_string()).output()?;
        if !output.status.success() {
            bail!("text-bench failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let figure = |pointer: &str| {
            figures
                .pointer(pointer)
                .and_then(serde_json::Value::as_f64)
                .context("a figure is missing")
        };
        if at == 0 {
            let what = "text: indexing files in chunks of lines";
            let ours = figure("/ingest_ours_s_per_mb")?;
            table.add(Row::ratio(
                what,
                "s cpu a MB",
                ours,
                (PEER, figure("/ingest_tantivy_s_per_mb")?),
            ));
            table.add(Row::alone(what, "s cpu a MB", ours).limit(INGEST_S_PER_MB));
            let fresh = figure("/fresh_us")?;
            table.add(
                Row::alone("text: a write until it is found, most of 100", "µs wall", fresh)
                    .limit(FRESH_US),
            );
        }
        for (what, ours, theirs) in [
            ("20 best", "query_ours_us", "query_tantivy_us"),
            ("20 best with filter", "filtered_ours_us", "filtered_tantivy_us"),
        ] {
            for (quantile, name) in ["p50", "p95"].into_iter().enumerate() {
                let row = format!("text: {what} of {passages}, {name}");
                let own = figure(&format!("/{ours}/{quantile}"))?;
                table.add(Row::ratio(
                    &row,
                    "µs cpu",
                    own,
                    (PEER, figure(&format!("/{theirs}/{quantile}"))?),
                ));
                if name == "p95" {
                    table.add(Row::alone(&row, "µs cpu", own).limit(QUERY_US[at]));
                }
            }
        }
    }
    Ok(())
}
