//! `repolens validate`: the strict validator for people and machines.

use std::fmt::Write as _;
use std::path::PathBuf;

use contracts::repolens::validate::{MergeVerdict, ValidateReport};
use redact::escape::escape_ctl_line;
use repolens::validate::{Options, validate};

use crate::exit::{Exit, UsageError};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Merges; the parts of one merge in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Sidecar of the merge
    #[arg(long, value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Say more: sections, files without tags or content, anchors that collide
    #[arg(long)]
    debug: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let options = Options { debug: args.debug, ..Options::default() };
    let report = validate(&args.files, args.sidecar.as_deref(), options)
        .map_err(|error| UsageError::plain(with_cause(&error)))?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&said(&report))?;
    }
    Ok(if report.valid { Exit::Good } else { Exit::Findings })
}

/// A message with what is behind it.
pub(super) fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn said(report: &ValidateReport) -> String {
    report.merges.iter().map(verdict).collect()
}

/// One merge: its findings, then the verdict.
pub(super) fn verdict(merge: &MergeVerdict) -> String {
    let mut text = String::new();
    for finding in &merge.findings {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}:{}: {}: {} [{}]",
            escape_ctl_line(&finding.file),
            finding.line,
            finding.severity,
            escape_ctl_line(&finding.message),
            finding.rule
        );
    }
    let mut advised: Vec<(&str, &str)> = { merge.findings.iter() }
        .filter(|finding| finding.severity == "error")
        .map(|finding| (finding.rule.as_str(), finding.advice.as_str()))
        .collect();
    advised.dedup();
    for (rule, advice) in advised {
        let _ = writeln!(text, "  {rule}: {advice}");
    }
    if merge.findings_left_out > 0 {
        let _ = writeln!(text, "  {} more findings", merge.findings_left_out);
    }
    let names: Vec<_> = merge.parts.iter().map(|name| escape_ctl_line(name)).collect();
    let word = if merge.valid { "valid" } else { "not valid" };
    let _ = writeln!(
        text,
        "{}: {word}, {} files, {} with content, {} errors",
        names.join(", "),
        merge.files,
        merge.blocks,
        merge.errors
    );
    text
}
