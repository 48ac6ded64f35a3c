//! `wgx validate`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use contracts::wgx::ValidateReport;
use contracts::wgx::validate::{PlannedCheck, ReceiptCheck, ValidateReceipt};
use contracts::wgx::{Candidate, RunReport, RunStep};
use redact::escape::escape_ctl_line;
use wgx_verbs::run::Dialogue;
use wgx_verbs::validate::here::{HereError, HereRequest, validate_here, verify};
use wgx_verbs::validate::{self, CheckLevel};

use super::run::Terminal;
use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{self, BAD, DIM, GOOD, NAME, STRONG, WARN, pad};

/// Check the profile, and run the checks that it declares.
///
/// With `--profile` the tasks under `validate.quick` or `validate.full` run, and a receipt says which
/// ran, on which commit and machine, and how they ended. `--verify` finds every change of a receipt.
///
/// Exit code: 0 all in order, 1 the profile breaks its contract or a check failed, 2 the call is wrong
/// or the profile declares no such checks, 3 the receipt could not be written or read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the declared checks of this level
    #[arg(long, value_name = "LEVEL")]
    profile: Option<Level>,
    /// Time limit of each check in seconds [default: quick 120, full 900]
    #[arg(long, value_name = "S", requires = "profile",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    /// Only show which checks would run
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Write the receipt to this file
    #[arg(short, long, value_name = "FILE", requires = "profile", conflicts_with = "dry_run")]
    output: Option<PathBuf>,
    /// Start what the checks need although the repository is not trusted (for CI)
    #[arg(short, long, requires = "profile")]
    yes: bool,
    /// Check a receipt instead of the profile
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["profile", "timeout", "dry_run", "output", "yes"])]
    verify: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// What is checked before every commit.
    Quick,
    /// Everything.
    Full,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let report = match &args.verify {
        Some(file) => verify(&face.context.cwd.join(file)).map_err(HereError::Receipt),
        None => validate_here(&face.context, &request(args, face), &Talk::of(face)),
    };
    let report = report.map_err(|error| Failure {
        message: error.to_string(),
        hint: Some(error.hint()),
        exit: Exit::from(error.exit_code()),
        place: None,
    })?;
    let code = Exit::from(validate::exit_code(&report));
    face.show(&report, || match args.verify {
        Some(_) => render_verified(&report),
        None => render(&report),
    })?;
    Ok(code)
}

fn request(args: &Args, face: &Face) -> HereRequest {
    HereRequest {
        level: args.profile.map(|level| match level {
            Level::Quick => CheckLevel::Quick,
            Level::Full => CheckLevel::Full,
        }),
        timeout_seconds: args.timeout,
        dry_run: args.dry_run,
        output: args.output.as_ref().map(|path| face.context.cwd.join(path)),
        yes: args.yes,
        to_stderr: face.json,
    }
}

/// The person at the terminal.
struct Talk {
    terminal: Terminal,
    is_quiet: bool,
}

impl Talk {
    fn of(face: &Face) -> Self {
        Self { terminal: Terminal::of(face), is_quiet: face.json }
    }
}

impl Dialogue for Talk {
    fn chosen(&self, report: &RunReport) {
        self.terminal.chosen(report);
    }

    fn starting(&self, step: &RunStep) {
        if !self.is_quiet {
            let name = escape_ctl_line(step.task.as_deref().unwrap_or("command"));
            output::say(&format!("{STRONG}→ {name}{STRONG:#}  {DIM}({}){DIM:#}", step.reason));
        }
    }

    fn note(&self, text: &str) {
        self.terminal.note(text);
    }

    fn answer(&self, question: &str) -> Option<bool> {
        self.terminal.answer(question)
    }

    fn choose(&self, candidates: &[Candidate]) -> Option<usize> {
        self.terminal.choose(candidates)
    }
}

fn render(report: &ValidateReport) -> String {
    let mut text = problems(report);
    if let Some(receipt) = &report.receipt {
        checks(&mut text, receipt);
    } else {
        for planned in &report.plan {
            plan_line(&mut text, planned);
        }
    }
    if let Some(file) = &report.receipt_file {
        let _ = writeln!(text, "\nreceipt: {}", escape_ctl_line(file));
    }
    text
}

fn problems(report: &ValidateReport) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let (style, word) = match problem.severity.as_str() {
            "error" => (BAD, "error"),
            _ => (WARN, "warn"),
        };
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = escape_ctl_line(&problem.file);
        let message = escape_ctl_line(&problem.message);
        let code = escape_ctl_line(&problem.code);
        let word = pad(word, 5);
        let _ =
            writeln!(text, "{style}{word}{style:#} {place}{line}: {message} {DIM}[{code}]{DIM:#}");
        let _ = writeln!(text, "      {DIM}→ {}{DIM:#}", escape_ctl_line(&problem.hint));
    }
    let file = report.file.as_deref().unwrap_or("the profile");
    let _ = match (report.errors.len(), &report.file) {
        (0, _) => writeln!(text, "{GOOD}ok{GOOD:#}    {file} keeps its contract."),
        (_, None) => Ok(()),
        (1, _) => writeln!(text, "\n{file} breaks its contract: 1 error."),
        (count, _) => writeln!(text, "\n{file} breaks its contract: {count} errors."),
    };
    text
}

fn plan_line(text: &mut String, planned: &PlannedCheck) {
    let task = escape_ctl_line(&planned.task);
    let reason = planned.reason.as_deref().unwrap_or_default();
    let kind = planned.kind.as_deref().unwrap_or_default();
    let _ = match planned.action.as_str() {
        "run" => writeln!(text, "{NAME}run{NAME:#}   {task}"),
        _ => writeln!(
            text,
            "{WARN}skip{WARN:#}  {task}  {DIM}{kind}: {}{DIM:#}",
            escape_ctl_line(reason)
        ),
    };
}

fn checks(text: &mut String, receipt: &ValidateReceipt) {
    let names = receipt.checks.iter().map(|check| &check.name);
    let names = names.chain(receipt.skipped.iter().map(|skip| &skip.name));
    let column = names.map(|name| name.chars().count()).max().unwrap_or(0).min(40);
    let _ = writeln!(text, "\n{STRONG}checks: {}{STRONG:#}", receipt.profile);
    for check in &receipt.checks {
        check_line(text, check, column);
    }
    for skip in &receipt.skipped {
        let name = pad(&escape_ctl_line(&skip.name), column);
        let reason = escape_ctl_line(&skip.reason);
        let _ =
            writeln!(text, "  {WARN}skipped{WARN:#}  {name}  {DIM}{}: {reason}{DIM:#}", skip.kind);
    }
    let style = if receipt.result == "passed" { GOOD } else { BAD };
    let commit =
        receipt.repository.commit.as_deref().map(|commit| commit.get(..12).unwrap_or(commit));
    let state = match (commit, receipt.repository.dirty) {
        (Some(commit), true) => format!(" at {commit} with changes"),
        (Some(commit), false) => format!(" at {commit}"),
        (None, _) => String::new(),
    };
    let _ = writeln!(text, "\n{style}{}{style:#}{state}", receipt.result);
}

fn check_line(text: &mut String, check: &ReceiptCheck, column: usize) {
    let style = if check.status == "passed" { GOOD } else { BAD };
    let status = pad(&check.status, 7);
    let name = pad(&escape_ctl_line(&check.name), column);
    let tenths = check.duration_ms / 100;
    let code = match check.exit_code {
        0 => String::new(),
        code => format!("  exit code {code}"),
    };
    let _ = writeln!(
        text,
        "  {style}{status}{style:#}  {name}  {:>5}.{} s{code}",
        tenths / 10,
        tenths % 10
    );
}

fn render_verified(report: &ValidateReport) -> String {
    let file = escape_ctl_line(report.receipt_file.as_deref().unwrap_or_default()).into_owned();
    if let Some(problem) = report.problems.first() {
        let message = escape_ctl_line(&problem.message);
        return format!(
            "{BAD}changed{BAD:#}  {file}: {message}\n         {DIM}→ {}{DIM:#}\n",
            problem.hint
        );
    }
    let mut text = format!("{GOOD}genuine{GOOD:#}  {file}: nothing in it was changed.\n");
    if let Some(receipt) = &report.receipt {
        let name = escape_ctl_line(&receipt.repository.name);
        let _ =
            writeln!(text, "         {name}, written at {}", escape_ctl_line(&receipt.finished_at));
        checks(&mut text, receipt);
    }
    text
}
