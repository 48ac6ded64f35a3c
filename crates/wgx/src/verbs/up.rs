//! `wgx up`.

use std::fmt::Write as _;

use anstyle::Style;
use contracts::wgx::up::{PlatformInfo, UpAction, UpReport, UpStep};
use contracts::wgx::{Candidate, RunReport, RunStep};
use redact::escape::escape_ctl_line;
use wgx_verbs::run::Dialogue;
use wgx_verbs::up::here::{HereRequest, UpDialogue, up_here};
use wgx_verbs::up::{self, UpMode};

use super::run::{Terminal, shell_words};
use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{self, BAD, DIM, GOOD, NAME, STRONG, WARN, pad};

/// Make the environment of this repository ready to work in.
///
/// Looks at the machine and at what the repository needs (toolchain files, lockfiles, the profile's
/// `requires`, its task `up`), shows the plan, does what needs no sudo, and remembers what worked here.
/// What needs sudo is shown for you to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show the plan; start nothing
    #[arg(short = 'n', long, conflicts_with = "check")]
    dry_run: bool,
    /// Exit code 1 when something that the repository needs is missing; start nothing
    #[arg(long)]
    check: bool,
    /// Trust the repository for this call (for CI)
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let mode = match (args.dry_run, args.check) {
        (true, _) => UpMode::Plan,
        (_, true) => UpMode::Check,
        _ => UpMode::Do,
    };
    let request = HereRequest { mode, yes: args.yes, to_stderr: face.json };
    let talk = Talk { terminal: Terminal::of(face), is_quiet: face.json };
    let report = up_here(&face.context, &request, &talk)
        .map_err(|error| Failure::of(1, &error, error.hint()))?;
    let code = Exit::from(up::exit_code(&report));
    face.show(&report, || match mode {
        UpMode::Do => render_end(&report),
        UpMode::Plan | UpMode::Check => render(&report, mode),
    })?;
    Ok(code)
}

/// The person at the terminal.
struct Talk {
    terminal: Terminal,
    is_quiet: bool,
}

impl UpDialogue for Talk {
    fn planned(&self, plan: &UpReport) {
        if !self.is_quiet && !plan.steps.is_empty() {
            output::say(render(plan, UpMode::Do).trim_end());
        }
    }

    fn step(&self, step: &UpStep) {
        if !self.is_quiet {
            output::say(&format!("\n{STRONG}→ {}{STRONG:#}", escape_ctl_line(&step.title)));
        }
    }
}

impl Dialogue for Talk {
    fn chosen(&self, report: &RunReport) {
        self.terminal.chosen(report);
    }

    /// The step has been named already; only what it needs is worth a line.
    fn starting(&self, step: &RunStep) {
        if step.reason == "needs" {
            self.terminal.starting(step);
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

fn render(report: &UpReport, mode: UpMode) -> String {
    let mut text = platform(&report.platform);
    if report.steps.is_empty() {
        let _ = writeln!(text, "{GOOD}ready{GOOD:#}: this repository asks for nothing.");
        return text;
    }
    let titles = report.steps.iter().map(|step| title(step).chars().count());
    let column = titles.max().unwrap_or(0).min(44);
    for step in &report.steps {
        line(&mut text, step, (mark(report, step, mode), column));
    }
    let _ = writeln!(text);
    let starts = report.steps.iter().filter(|step| step.action == UpAction::Run).count();
    let _ = match (mode, report.missing.len()) {
        (UpMode::Check, 0) => writeln!(text, "{GOOD}ready{GOOD:#}: nothing is missing."),
        (UpMode::Check, count) => writeln!(text, "{BAD}not ready{BAD:#}: {count} missing."),
        _ if starts == 0 => writeln!(text, "Nothing is left for wgx to do."),
        (UpMode::Plan, _) => writeln!(text, "`wgx up` does what is marked `run` ({starts})."),
        _ => writeln!(text, "Steps to run: {starts}."),
    };
    text
}

fn platform(platform: &PlatformInfo) -> String {
    let mut text = format!("{STRONG}{}{STRONG:#}, {}", platform.label, platform.machine);
    if !platform.surroundings.is_empty() {
        let _ = write!(text, ", in {}", platform.surroundings.join(" and "));
    }
    text.push_str("\n\n");
    text
}

/// What happens with a step, in one word.
fn mark(report: &UpReport, step: &UpStep, mode: UpMode) -> (Style, &'static str) {
    let missing = || report.missing.iter().any(|missing| missing.starts_with(&step.title));
    match step.action {
        UpAction::Done => (GOOD, "here"),
        // What lies in a cache outside cannot be seen; it is not called missing.
        UpAction::Run if mode == UpMode::Check && !missing() => (DIM, "unseen"),
        UpAction::Run if mode == UpMode::Check => (BAD, "missing"),
        UpAction::Run => (NAME, "run"),
        UpAction::Person => (WARN, "you"),
        UpAction::Blocked => (BAD, "waits"),
    }
}

/// A tool that is here is named with its version.
fn title(step: &UpStep) -> String {
    let title = escape_ctl_line(&step.title).into_owned();
    match &step.note {
        Some(note) if step.action == UpAction::Done && step.key.starts_with("tool:") => {
            format!("{title} {}", escape_ctl_line(note))
        }
        _ => title,
    }
}

fn line(text: &mut String, step: &UpStep, ((style, word), column): ((Style, &str), usize)) {
    let reason = escape_ctl_line(&step.reason);
    let optional = if step.required { "" } else { " (optional)" };
    let (word, title) = (pad(word, 7), pad(&title(step), column));
    let _ = writeln!(text, "  {style}{word}{style:#} {title}  {DIM}{reason}{optional}{DIM:#}");
    if let Some(note) = step
        .note
        .as_ref()
        .filter(|_| !step.key.starts_with("tool:") || step.action != UpAction::Done)
    {
        let _ = writeln!(text, "          {DIM}{}{DIM:#}", escape_ctl_line(note));
    }
    if step.action != UpAction::Done {
        commands(text, step);
    }
}

/// The commands of a step, unless its title says the same.
fn commands(text: &mut String, step: &UpStep) {
    for command in step.commands.iter().map(|command| shell_words(command)) {
        if command != step.title {
            let _ = writeln!(text, "          $ {}", escape_ctl_line(&command));
        }
    }
}

/// What came of it.
fn render_end(report: &UpReport) -> String {
    if report.steps.is_empty() {
        return render(report, UpMode::Do);
    }
    let mut text = String::from("\n");
    let ran = || report.steps.iter().filter(|step| step.exit_code.is_some());
    for step in ran() {
        let title = escape_ctl_line(&step.title);
        let seconds = step.duration_ms.unwrap_or(0) as f64 / 1000.0;
        let _ = match step.exit_code {
            Some(0) => {
                writeln!(text, "  {GOOD}done   {GOOD:#} {title}  {DIM}{seconds:.1} s{DIM:#}")
            }
            code => {
                let code = code.unwrap_or_default();
                writeln!(text, "  {BAD}failed {BAD:#} {title}  exit code {code}")
            }
        };
    }
    for step in report.steps.iter().filter(|step| is_open(step)) {
        let optional = if step.required { "" } else { " (optional)" };
        let note = step.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        let text_of = escape_ctl_line(&step.title).into_owned() + &escape_ctl_line(&note);
        let _ = writeln!(text, "  {WARN}open   {WARN:#} {text_of}{DIM}{optional}{DIM:#}");
        if step.action == UpAction::Person {
            commands(&mut text, step);
        }
    }
    let here = report.steps.iter().filter(|step| step.action == UpAction::Done).count();
    let (style, word) = if report.ok { (GOOD, "ready") } else { (BAD, "not ready") };
    let _ = writeln!(
        text,
        "\n{style}{word}{style:#}: {here} in place, {} done, {} open.",
        ran().filter(|step| step.exit_code == Some(0)).count(),
        report.missing.len()
    );
    text
}

fn is_open(step: &UpStep) -> bool {
    step.action != UpAction::Done && step.exit_code.is_none()
}
