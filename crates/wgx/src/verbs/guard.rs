//! `wgx guard`.

use std::fmt::Write;

use contracts::wgx::guard::FixKind;
use contracts::wgx::{GuardCheck, GuardReport, GuardStatus};
use redact::escape::escape_ctl_line;
use wgx_verbs::guard::LEFT_OUT_ON_REQUEST;
use wgx_verbs::guard::watch::{WatchRequest, watch};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, NAME, STRONG, WARN, pad};
use crate::verbs::run::Terminal;

/// Look for small things that cause big trouble, and mend what can be mended safely.
///
/// Conflict markers, secrets, broken syntax and links, oversized files, lockfile drift, whitespace, and
/// more; `docs/guard.md` names every rule. Findings of rules that are often broken here come first. The
/// repository's own formatters, linters and hooks are shown, and started with --with-own-checks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only files that differ from the last commit
    #[arg(long)]
    changed: bool,
    /// Mend what can be mended safely
    #[arg(long)]
    fix: bool,
    /// Only this rule (several with commas, or repeated)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Not this rule (several with commas, or repeated)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    skip: Vec<String>,
    /// Larger files are a finding, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 1024)]
    max_file_kib: u64,
    /// Start the repository's own formatters, linters and hooks too; needs trust
    #[arg(long)]
    with_own_checks: bool,
    /// Answer the question for trust with yes
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let request = WatchRequest {
        changed_only: args.changed,
        fix: args.fix,
        only: args.only.clone(),
        skip: args.skip.clone(),
        max_file_bytes: Some(args.max_file_kib.saturating_mul(1024)),
        with_own_checks: args.with_own_checks,
        yes: args.yes,
    };
    let report = watch(&face.context, &request, &Terminal::of(face))
        .map_err(|error| Failure::of(error.exit_code(), &error, error.hint()))?;
    face.show(&report, || render(&report))?;
    let failed = report.checks.iter().any(|check| check.status == GuardStatus::Failed);
    Ok(if failed { Exit::Findings } else { Exit::Good })
}

fn render(report: &GuardReport) -> String {
    let mut text = String::new();
    let mut rule = None;
    let mut findings = report.findings.iter().peekable();
    while let Some(finding) = findings.next() {
        if rule != Some(&finding.rule) {
            let (name, why) = (escape_ctl_line(&finding.rule), escape_ctl_line(&finding.why));
            let _ = writeln!(text, "{STRONG}{name}{STRONG:#}  {DIM}{why}{DIM:#}");
            rule = Some(&finding.rule);
        }
        let mut place = escape_ctl_line(&finding.file).into_owned();
        for number in [finding.line, finding.column].into_iter().flatten() {
            let _ = write!(place, ":{number}");
        }
        let (style, mark) = if finding.fixed { (GOOD, "fixed") } else { (BAD, "found") };
        let message = escape_ctl_line(&finding.message);
        let _ = writeln!(text, "  {style}{mark}{style:#} {NAME}{place}{NAME:#}  {message}");
        // Neighbours with one way out share the line that names it.
        let shared = findings.peek().is_some_and(|next| {
            !next.fixed && next.rule == finding.rule && next.fix == finding.fix
        });
        if !finding.fixed && !shared {
            let who = if finding.fix.kind == FixKind::Safe { "--fix: " } else { "" };
            let what = escape_ctl_line(&finding.fix.description);
            let _ = writeln!(text, "        {DIM}{who}{what}{DIM:#}");
        }
    }
    if !report.findings.is_empty() {
        let _ = writeln!(text);
    }
    checks(&mut text, report);
    totals(&mut text, report);
    text
}

fn checks(text: &mut String, report: &GuardReport) {
    let is_unwanted = |check: &&GuardCheck| check.reason == LEFT_OUT_ON_REQUEST;
    let (unwanted, shown): (Vec<_>, Vec<_>) = report.checks.iter().partition(is_unwanted);
    for check in shown {
        let (style, word) = match check.status {
            GuardStatus::Passed => (GOOD, "ok"),
            GuardStatus::Failed => (BAD, "failed"),
            GuardStatus::Fixed => (GOOD, "fixed"),
            GuardStatus::Skipped => (DIM, "skipped"),
            GuardStatus::NotRun => (WARN, "not run"),
        };
        let reason = match &check.command {
            Some(command) => format!("{} · {command}", check.reason),
            None => check.reason.clone(),
        };
        let (rule, reason) = (escape_ctl_line(&check.rule), escape_ctl_line(&reason));
        let (word, rule) = (pad(word, 8), pad(&rule, 24));
        let _ = writeln!(text, "{style}{word}{style:#} {rule} {DIM}{reason}{DIM:#}");
    }
    if !unwanted.is_empty() {
        let (word, count) = (pad("skipped", 8), unwanted.len());
        let _ = writeln!(text, "{DIM}{word} {count} checks {LEFT_OUT_ON_REQUEST}{DIM:#}");
    }
}

fn totals(text: &mut String, report: &GuardReport) {
    let counts = &report.counts;
    let _ = writeln!(
        text,
        "\n{} files, {} findings, {} fixed, {} open ({} of them with --fix)",
        counts.files, counts.findings, counts.fixed, counts.open, counts.fixable
    );
    for skipped in &report.skipped {
        let reason = escape_ctl_line(&skipped.reason);
        let _ = writeln!(text, "{DIM}{} not looked at: {reason}{DIM:#}", skipped.count);
    }
}
