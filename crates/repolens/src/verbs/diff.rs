//! `repolens diff`: what changed between two merges or sidecars.

use std::fmt::Write as _;
use std::path::PathBuf;

use contracts::repolens::diff::{DiffReport, FileState};
use redact::escape::escape_ctl_line;
use repolens::diff::diff;

use super::validate::with_cause;
use crate::exit::{Exit, UsageError};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The earlier merge (its part 1) or sidecar
    a: PathBuf,
    /// The later one
    b: PathBuf,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let report = diff(&args.a, &args.b).map_err(|error| UsageError::plain(with_cause(&error)))?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&said(&report))?;
    }
    Ok(if report.same { Exit::Good } else { Exit::Findings })
}

fn said(report: &DiffReport) -> String {
    let changes = &report.changes;
    let mut text = String::new();
    // Writing to a string cannot fail.
    for file in &changes.added {
        let _ = writeln!(text, "+ {}", name(file));
    }
    for file in &changes.removed {
        let _ = writeln!(text, "- {}", name(file));
    }
    for file in &changes.renamed {
        let _ = writeln!(text, "> {} → {}", name(&file.from), name(&file.to));
    }
    for file in &changes.changed {
        let (from, to) = (file.from.size_bytes, file.to.size_bytes);
        let _ =
            writeln!(text, "~ {} ({}; {from} → {to} bytes)", name(&file.to), file.what.join(", "));
    }
    let _ = writeln!(
        text,
        "{} added, {} removed, {} renamed, {} changed, {} unchanged",
        changes.added.len(),
        changes.removed.len(),
        changes.renamed.len(),
        changes.changed.len(),
        report.unchanged
    );
    text
}

fn name(file: &FileState) -> String {
    escape_ctl_line(&format!("{}/{}", file.repo, file.path)).into_owned()
}
