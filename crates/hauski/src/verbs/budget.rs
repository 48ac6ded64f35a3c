//! `hauski budget check`: holds the budgets of `limits.yaml` against the running daemon or a load test.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use contracts::hauski::budget::Report;
use http::Method;
use serde_json::Value;

use crate::budgets::{self, Exposition, Summary};
use crate::client;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski budget`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Exit 1 when a 95th percentile exceeds its budget, and say which and by how much
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Summary of a load test, by `hauski bench` or k6 with `--summary-export` [default: ask the daemon
    /// of this home for its metrics]
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    summary: Option<PathBuf>,
    /// A daemon of this machine instead, such as http://127.0.0.1:7070; HAUSKI_API_KEY holds a key with
    /// the scope `metrics`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Runs what was asked for.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let What::Check(args) = args.what;
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let latency = &policies.limits.latency;
    let report = match args.summary {
        Some(file) => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let summary = Summary::parse(&text).map_err(|error| {
                let hint = "write one with `hauski bench --summary-export FILE`";
                Failure::new(format!("{}: {error}", file.display()), hint).exit(Exit::Usage)
            })?;
            budgets::check(latency, &file.to_string_lossy(), |subject| summary.p95(subject))
        }
        None => {
            let figures = Exposition::parse(&metrics(args.url.as_deref(), settings)?);
            budgets::check(latency, "metrics of the daemon", |subject| figures.p95(subject))
        }
    };
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report))?,
    }
    if report.budgets.iter().all(|budget| budget.kept.is_none()) {
        let hint = "send requests first, for example with `hauski bench`";
        return Err(Failure::new("nothing was measured that a budget is about", hint).into());
    }
    Ok(if report.kept { Exit::Good } else { Exit::Findings })
}

fn metrics(url: Option<&str>, settings: &Settings) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let answer = match url {
        None => runtime.block_on(client::ask(&settings.socket(), Method::GET, "/metrics", None)),
        Some(url) => return runtime.block_on(crate::load::text_of(url, "/metrics", settings)),
    };
    match answer {
        Ok(Value::String(text)) => Ok(text),
        Ok(_) => Err(Failure::new("the daemon answered with no metrics", "").into()),
        Err(error) => Err(Failure::new(error.to_string(), error.hint()).into()),
    }
}

/// One line for each budget, the exceeded ones first.
fn plain(report: &Report) -> String {
    let mut budgets: Vec<_> = report.budgets.iter().collect();
    budgets.sort_by_key(|budget| budget.kept != Some(false));
    let width = budgets.iter().map(|budget| budget.name.len()).max().unwrap_or_default();
    budgets.into_iter().fold(String::new(), |mut text, budget| {
        let limit = budget.limit_ms;
        let figure = match (budget.kept, budget.p95_ms) {
            (Some(false), Some(p95)) => {
                format!("exceeded      p95 {p95:.2} ms > {limit} ms, by {:.2} ms", p95 - limit)
            }
            (Some(true), Some(p95)) => format!("kept          p95 {p95:.2} ms ≤ {limit} ms"),
            _ => format!("not measured  limit {limit} ms"),
        };
        let samples = budget.samples.map_or_else(String::new, |count| format!(", {count} samples"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:width$}  {figure}  ({}{samples})", budget.name, budget.about);
        text
    })
}
