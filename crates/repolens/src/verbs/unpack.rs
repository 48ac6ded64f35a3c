//! `repolens unpack`: files back from a merge.

use std::fmt::Write as _;
use std::path::PathBuf;

use contracts::repolens::unpack::UnpackReport;
use redact::escape::escape_ctl_line;
use repolens::unpack::{UnpackError, UnpackRequest, unpack};

use super::validate::{verdict, with_cause};
use crate::exit::{Exit, UsageError};
use crate::output;

/// Lines of one list that people see; `--json` has them all.
const LISTED_MAX: usize = 50;

/// Turn a merge back into files.
///
/// Every file is compared with the hashes of the merge before anything is written, and nothing is ever
/// written outside the folder. Masked and truncated files are refused without --partial.
#[derive(Debug, clap::Args)]
#[command(override_usage = "repolens unpack [OPTIONS] MERGE… DIR")]
pub(crate) struct Args {
    /// Merges (all their parts), then the folder to unpack into
    #[arg(required = true, value_name = "MERGE… DIR")]
    paths: Vec<PathBuf>,
    /// Sidecar of the merge: compares SHA-256 of every file
    #[arg(long, value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Write masked and cut files too, and list them
    #[arg(long)]
    partial: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

fn too_few() -> anyhow::Error {
    UsageError::with_hint("the folder to unpack into is missing", "repolens unpack MERGE… DIR")
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    // Not counted by clap, so that options may stand between merge and folder.
    let [merges @ .., into] = args.paths.as_slice() else { return Err(too_few()) };
    if merges.is_empty() {
        return Err(too_few());
    }
    let request = UnpackRequest {
        merges: merges.to_vec(),
        sidecar: args.sidecar.clone(),
        into: into.clone(),
        partial: args.partial,
        force: args.force,
    };
    match unpack(&request) {
        Ok(report) => {
            if args.json {
                output::json(&report)?;
            } else {
                output::print(&said(&report))?;
            }
            Ok(Exit::Good)
        }
        Err(error) => {
            if let UnpackError::Invalid(merge) = &error {
                output::print(&verdict(merge))?;
            }
            output::error(&with_cause(&error));
            output::hint(error.advice());
            Ok(if matches!(error, UnpackError::Read(_)) { Exit::Usage } else { Exit::Findings })
        }
    }
}

fn said(report: &UnpackReport) -> String {
    let mut text = String::new();
    let partial = report.partial.iter().map(|file| {
        let lacks = file.lacks.as_deref().unwrap_or_default();
        format!("partial: {}/{} ({lacks})", file.repo, file.path)
    });
    let absent = report
        .absent
        .iter()
        .map(|file| format!("absent: {}/{} ({})", file.repo, file.path, file.reason));
    list(&mut text, partial, report.partial.len());
    list(&mut text, absent, report.absent.len());
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} files exact, {} partial, {} without content in the merge",
        report.exact.len(),
        report.partial.len(),
        report.absent.len()
    );
    text
}

fn list(text: &mut String, lines: impl Iterator<Item = String>, count: usize) {
    for line in lines.take(LISTED_MAX) {
        let _ = writeln!(text, "{}", escape_ctl_line(&line));
    }
    if count > LISTED_MAX {
        let _ = writeln!(text, "… and {} more", count - LISTED_MAX);
    }
}
