//! `wgx run`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead, Write as _};
use std::num::NonZeroUsize;

use contracts::wgx::{Candidate, Decision, RunReport, RunStep};
use redact::escape::{escape_ctl, escape_ctl_line};
use wgx_tasks::process::OwnExit;
use wgx_verbs::run::{self, Dialogue, EARLIER_FAILED, RunRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{self, DIM, NAME, STRONG, WARN, pad};

/// Run a task as its native tool would, and remember how it ended.
///
/// All words exact names or ids: these tasks, in order. No word exact: all words are one free text, in
/// English or German, and the task that fits is shown and started. A mixture is an error.
///
/// Exit code: the task's own, 128+N for a signal; 120 nothing fits, 121 several fit, 122 needs
/// confirmation or trust, 123 bad task file, 124 time limit, 125 not recorded, 126 cannot execute,
/// 127 program missing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids of tasks, or free text
    #[arg(required = true, value_name = "TASK|TEXT", add = clap_complete::ArgValueCompleter::new(super::complete_task))]
    words: Vec<String>,
    /// Arguments for the task
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
    /// Show the exact command, directory and environment changes; start nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Answer every question with yes (trust, destructive tasks, packages)
    #[arg(short, long)]
    yes: bool,
    /// Run the named tasks at the same time
    #[arg(short, long)]
    parallel: bool,
    /// With --parallel: at most so many at a time [default: one a processor]
    #[arg(short, long, value_name = "N", requires = "parallel")]
    jobs: Option<NonZeroUsize>,
    /// With --parallel: one failure does not end the others
    #[arg(short, long, requires = "parallel")]
    keep_going: bool,
    /// Time limit of each task, for example 90s, 5m, 1h; a plain number is seconds
    #[arg(long, value_name = "TIME", value_parser = super::duration_ms)]
    timeout: Option<u64>,
    /// Let the task inherit all three streams; keep no log
    #[arg(long)]
    no_log: bool,
    /// Run needs even when nothing changed since they were last green
    #[arg(short, long)]
    force: bool,
}

impl Args {
    /// The arguments of a run that is started once more.
    pub(crate) fn again(task: String, args: Vec<String>, dry_run: bool, yes: bool) -> Self {
        Self {
            words: vec![task],
            args: args.into_iter().map(Into::into).collect(),
            dry_run,
            yes,
            parallel: false,
            jobs: None,
            keep_going: false,
            timeout: None,
            no_log: false,
            force: false,
        }
    }
}

pub(crate) fn run(args: Args, face: &Face) -> anyhow::Result<Exit> {
    let width = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let request = RunRequest {
        words: args.words,
        args: args.args,
        dry_run: args.dry_run,
        yes: args.yes,
        parallel: args.parallel.then(|| args.jobs.unwrap_or_else(width)),
        keep_going: args.keep_going,
        timeout_ms: args.timeout,
        deadline: None,
        no_log: args.no_log,
        to_stderr: face.json,
        force_needs: args.force,
    };
    let terminal = Terminal::of(face);
    let report = run::run(&face.context, &request, &terminal)
        .map_err(|error| Failure::at(error.exit_code(), &error, (error.hint(), error.place())))?;
    if face.json {
        face.print_json(&report)?;
    } else if request.dry_run {
        face.output.print(&render_plan(&report))?;
    }
    Ok(conclude(&request, &report, face))
}

fn conclude(request: &RunRequest, report: &RunReport, face: &Face) -> Exit {
    let text = request.words.join(" ");
    let text = escape_ctl_line(&text);
    match report.decision {
        Decision::None => {
            if !face.json {
                output::error(&format!("nothing here fits `{text}`; nothing was started"));
                if !report.candidates.is_empty() {
                    output::say("nearest, though none of them fits well:");
                    show_near(&report.candidates);
                }
                output::hint("`wgx list` shows what there is");
            }
            return Exit::Code(OwnExit::NothingFits.code());
        }
        Decision::Choose if report.exit_code.is_none() && report.steps.is_empty() => {
            if !face.json {
                output::error(&format!("nothing was started: `{text}` may mean"));
                show_near(&report.candidates);
                output::hint("name one of them");
            }
            return Exit::Code(OwnExit::SeveralFit.code());
        }
        _ => {}
    }
    if !face.json {
        say_refusal(report);
        say_not_started(report);
    }
    let code = report.exit_code.unwrap_or(0);
    Exit::Code(u8::try_from(code).unwrap_or(u8::MAX))
}

fn say_refusal(report: &RunReport) {
    if report.exit_code != Some(i32::from(OwnExit::NeedsConfirmationOrTrust.code())) {
        return;
    }
    if report.needs_confirmation {
        output::error("a destructive task that free text found starts only after a yes");
        output::hint("name it exactly, or add --yes");
    } else if !report.needs_trust.is_empty() {
        let waiting = report.needs_trust.join(", ");
        let waiting = escape_ctl_line(&waiting);
        output::error(&format!(
            "{waiting} would start by itself, and this repository is not trusted"
        ));
        output::hint("`wgx trust` trusts it as it is now; --yes does it in CI");
    }
}

/// Of several steps, those that a failure kept from starting.
fn say_not_started(report: &RunReport) {
    let name = |step: &RunStep| match &step.task {
        Some(task) => task.clone(),
        None => shell_words(&step.command),
    };
    let left_out =
        report.steps.iter().filter(|step| step.skipped.as_deref() == Some(EARLIER_FAILED));
    let left_out: Vec<String> = left_out.map(name).collect();
    if left_out.is_empty() {
        return;
    }
    let failed = report.steps.iter().filter_map(|step| {
        let code = step.exit_code.filter(|code| *code != 0)?;
        Some(format!("{} ended with {code}", name(step)))
    });
    let failed = failed.collect::<Vec<_>>().join(", ");
    let text = format!("{failed}; not started: {}", left_out.join(", "));
    output::note(&escape_ctl_line(&text));
}

fn show_near(candidates: &[Candidate]) {
    for candidate in candidates {
        let (id, about) = named(candidate);
        output::say(&format!("  {NAME}{id}{NAME:#}  {DIM}{about}{DIM:#}"));
    }
}

/// A candidate's id, padded, and what it is about.
fn named(candidate: &Candidate) -> (String, Cow<'_, str>) {
    let task = &candidate.task;
    let about = task.description.as_deref().unwrap_or(&candidate.why);
    (pad(&escape_ctl_line(&task.id), 24), escape_ctl_line(about))
}

/// The plan of `--dry-run`.
fn render_plan(report: &RunReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let name = escape_ctl_line(step.task.as_deref().unwrap_or("command"));
        let command = shell_words(&step.command);
        let _ = writeln!(text, "{STRONG}{name}{STRONG:#} {DIM}({}){DIM:#}", step.reason);
        if let Some(why) = &step.skipped {
            let _ = writeln!(text, "  left out {why}");
        }
        let _ = writeln!(text, "  command  {}", indented(&command));
        let _ = writeln!(text, "  in       {}", escape_ctl_line(&step.cwd));
        for (name, value) in &step.environment.set {
            let (name, value) = (escape_ctl_line(name), indented(value));
            let _ = writeln!(text, "  set      {name}={value}");
        }
        for name in &step.environment.unset {
            let _ = writeln!(text, "  unset    {}", escape_ctl_line(name));
        }
    }
    if report.needs_confirmation {
        let _ = writeln!(
            text,
            "{WARN}needs a confirmation{WARN:#}: it may destroy or publish something"
        );
    }
    if !report.needs_trust.is_empty() {
        let waiting = report.needs_trust.join(", ");
        let _ = writeln!(text, "{WARN}needs trust{WARN:#}: {}", escape_ctl_line(&waiting));
    }
    text
}

/// Text of several lines as it is, each further line in the column of the first.
fn indented(text: &str) -> String {
    escape_ctl(text).replace('\n', "\n           ")
}

/// A command as a person would type it.
pub(crate) fn shell_words(command: &[String]) -> String {
    let quoted = command.iter().map(|word| {
        wgx_tasks::process::launch::quote(word.as_ref()).to_string_lossy().into_owned()
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The person at the terminal.
pub(crate) struct Terminal {
    can_ask: bool,
    quiet: bool,
}

impl Terminal {
    /// For this call: asks only in a terminal, and is silent beside JSON.
    pub(crate) fn of(face: &Face) -> Self {
        Self { can_ask: face.context.terminal.can_ask() && !face.json, quiet: face.json }
    }
}

impl Dialogue for Terminal {
    fn chosen(&self, report: &RunReport) {
        if self.quiet {
            return;
        }
        let names = report.steps.iter().map(|step| match &step.task {
            Some(task) => task.clone(),
            None => shell_words(&step.command),
        });
        let names = names.collect::<Vec<_>>().join(" + ");
        let why = report.candidates.first().map(|best| best.why.as_str()).unwrap_or_default();
        let (names, why) = (escape_ctl_line(&names), escape_ctl_line(why));
        output::say(&format!("{STRONG}→ {names}{STRONG:#}  {DIM}{why}{DIM:#}"));
    }

    fn starting(&self, step: &RunStep) {
        let prepares = matches!(step.reason.as_str(), "needs" | "up" | "semantics");
        if prepares && !self.quiet {
            let name = step.task.clone().unwrap_or_else(|| shell_words(&step.command));
            let name = escape_ctl_line(&name);
            output::say(&format!("{STRONG}→ {name}{STRONG:#}  {DIM}({}){DIM:#}", step.reason));
        }
    }

    fn note(&self, text: &str) {
        output::note(text);
    }

    fn answer(&self, question: &str) -> Option<bool> {
        if self.can_ask { yes_or_no(question) } else { None }
    }

    fn choose(&self, candidates: &[Candidate]) -> Option<usize> {
        if !self.can_ask {
            return None;
        }
        for (at, candidate) in candidates.iter().enumerate() {
            let (id, about) = named(candidate);
            output::say(&format!("  {}  {NAME}{id}{NAME:#}  {about}", at + 1));
        }
        let answer = ask("Which one? (number, nothing for none) ")?;
        let number: usize = answer.parse().ok()?;
        number.checked_sub(1).filter(|at| *at < candidates.len())
    }
}

/// Asks on standard error and reads a line from standard input; `None` where there is none any more.
fn ask(question: &str) -> Option<String> {
    let mut err = anstream::AutoStream::auto(std::io::stderr().lock());
    write!(err, "{question}").and_then(|()| err.flush()).ok()?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).ok()?;
    (read > 0).then(|| answer.trim().to_owned())
}

/// Asks a question that only a clear yes answers with yes; every other line is a no.
fn yes_or_no(question: &str) -> Option<bool> {
    ask(&format!("{} [y/N] ", escape_ctl(question))).map(|answer| is_yes(&answer))
}

/// Asks a question that only a clear yes answers with yes.
pub(crate) fn agrees(question: &str) -> bool {
    yes_or_no(question) == Some(true)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.to_lowercase().as_str(), "y" | "yes" | "j" | "ja")
}
