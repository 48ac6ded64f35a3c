//! `wgx smoke`.

use std::fmt::Write;

use contracts::wgx::smoke::{SmokeReport, SmokeResult, SmokeStep};
use redact::escape::escape_ctl_line;
use wgx_verbs::smoke::{self, SmokeRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, NAME, WARN, pad};
use crate::verbs::run::Terminal;

/// The shortest meaningful path for this repository, in about a minute, stopping on red.
///
/// The profile's own `smoke`, else its `validate.quick`, else one task each for format, lint, types, build
/// and test, shortest first, by the durations measured here. Needs trust.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Time for everything, for example 30s
    #[arg(long, value_name = "TIME", value_parser = super::duration_ms, default_value = "60s")]
    budget: u64,
    /// Only show what would run
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Answer the question for trust with yes
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    if !smoke::BUDGET_RANGE_MS.contains(&args.budget) {
        let hint = "give a time between 1s and 10m";
        return Err(Failure::usage("that budget is out of range", hint));
    }
    let request = SmokeRequest { budget_ms: args.budget, dry_run: args.dry_run, yes: args.yes };
    let report = smoke::smoke(&face.context, &request, &Terminal::of(face))
        .map_err(|error| Failure::at(1, &error, (error.hint(), error.place())))?;
    face.show(&report, || render(&report))?;
    let has_passed = report.steps.iter().any(|step| step.status == "passed");
    Ok(match report.result {
        SmokeResult::Passed | SmokeResult::Planned => Exit::Good,
        SmokeResult::Incomplete if has_passed => Exit::Good,
        SmokeResult::Incomplete | SmokeResult::Failed | SmokeResult::Nothing => Exit::Findings,
    })
}

fn render(report: &SmokeReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let (style, word) = match step.status.as_str() {
            "passed" => (GOOD, "ok"),
            "failed" => (BAD, "failed"),
            "timeout" => (WARN, "too long"),
            "skipped" => (DIM, "skipped"),
            _ => (DIM, "planned"),
        };
        let name = step.task.as_deref().or(step.command.as_deref()).unwrap_or_default();
        let (word, stage) = (pad(word, 9), pad(&step.stage, 7));
        let name = pad(&escape_ctl_line(name), 28);
        let time = time(step);
        let _ = writeln!(
            text,
            "{style}{word}{style:#} {stage} {NAME}{name}{NAME:#} {DIM}{time}{DIM:#}"
        );
    }
    if !report.left_out.is_empty() {
        let names = report.left_out.join(", ");
        let names = escape_ctl_line(&names);
        let _ = writeln!(text, "{DIM}does not fit into the budget: {names}{DIM:#}");
    }
    let verdict = match report.result {
        SmokeResult::Passed => format!("{GOOD}passed{GOOD:#}"),
        SmokeResult::Failed => {
            format!("{BAD}failed{BAD:#}: `wgx runs show last` shows the run, `wgx runs log last` its log")
        }
        SmokeResult::Incomplete => {
            format!("{WARN}incomplete{WARN:#}: nothing is red, but the budget was too short")
        }
        SmokeResult::Nothing => {
            "nothing to check: no task says test, lint, build or the like; name one `smoke` in the profile"
                .to_owned()
        }
        SmokeResult::Planned => "planned only".to_owned(),
    };
    let _ = writeln!(text, "{verdict}");
    text
}

fn time(step: &SmokeStep) -> String {
    let seconds = |ms: u64| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    let basis = if step.measured { "measured" } else { "usual" };
    let mut text = match step.duration_ms {
        Some(took_ms) => format!("{} ({basis} {})", seconds(took_ms), seconds(step.estimate_ms)),
        None => format!("({basis} {})", seconds(step.estimate_ms)),
    };
    if let Some(took_ms) = step.needs_ms {
        let _ = write!(text, ", needs {}", seconds(took_ms));
    } else if !step.needs.is_empty() {
        let names = step.needs.join(", ");
        let _ = write!(
            text,
            ", needs {} first ({})",
            escape_ctl_line(&names),
            seconds(step.needs_estimate_ms)
        );
    }
    text
}
