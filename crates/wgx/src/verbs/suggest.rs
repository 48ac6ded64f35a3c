//! `wgx suggest`.

use std::fmt::Write;

use contracts::wgx::suggest::SuggestReport;
use redact::escape::escape_ctl_line;
use wgx_verbs::suggest;

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{DIM, NAME};

/// Next sensible steps, each with its reason.
///
/// From the history of this repository (red tasks and what made them green before, what usually follows
/// what) and from the state of the working copy. It starts nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let report =
        suggest::suggest(&face.context).map_err(|error| Failure::of(1, &error, error.hint()))?;
    face.show(&report, || render(&report))
}

fn render(report: &SuggestReport) -> String {
    let mut text = String::new();
    for suggestion in &report.suggestions {
        let _ = writeln!(text, "{NAME}{}{NAME:#}", escape_ctl_line(&suggestion.command));
        let _ = writeln!(text, "  {}", escape_ctl_line(&suggestion.reason));
        if let Some(run) = suggestion.runs.first() {
            let _ = writeln!(text, "  {DIM}wgx runs show {run}{DIM:#}");
        }
    }
    if report.suggestions.is_empty() {
        let _ = writeln!(text, "Nothing needs doing: all green, nothing changed.");
    }
    text
}
