//! A decision about a destination.

use anyhow::{Context, bail};

use super::Bench;
use super::table::{Row, Table};
use crate::cargo;

/// Microseconds that all but one of a hundred decisions may take.
const P99_US: f64 = 20.0;
const WALL: &str = "us wall";

pub(super) fn measure(_: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let arguments =
        ["run", "--release", "--locked", "--quiet", "-p", "policy", "--example", "decide"];
    let output = cargo(&arguments).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let figure = |key: &str| report[key].as_f64().with_context(|| format!("no {key} in {report}"));
    table.add(Row::alone("a decision about a destination, p50", WALL, figure("p50_us")?));
    let p99 = Row::alone("a decision about a destination, p99", WALL, figure("p99_us")?);
    table.add(p99.limit(P99_US));
    Ok(())
}
