//! `wgx runs`.

use std::borrow::Cow;
use std::fmt::Write;

use contracts::wgx::RunsReport;
use contracts::wgx::runs::{
    CompareReport, FieldChange, LogReport, RunDetailReport, RunRow, SearchReport,
};
use memory::Outcome;
use redact::escape::{escape_ctl, escape_ctl_line};
use wgx_verbs::runs::{self, RunsError, RunsRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{self, BAD, DIM, GOOD, NAME, STRONG, WARN, fit, pad};
use crate::verbs::run;

/// Runs that are listed in a terminal, and at most in JSON, unless --limit says otherwise.
const LIMIT_TEXT: u32 = 30;
const LIMIT_JSON: u32 = 1_000;
/// Characters of an id that are shown; every command takes a beginning of an id.
const ID_CHARACTERS: usize = 18;

/// What was run here, newest first.
///
/// A run is named by its id or the beginning of it; `wgx runs show last` is the newest one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Everything about one run
    Show {
        /// Id, a beginning of it, or `last`
        id: String,
    },
    /// The log of a run
    Log {
        /// Id, a beginning of it, or `last`
        id: String,
    },
    /// Search the logs of all runs: all words, "a phrase", word*
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Start a run once more, with the same arguments
    Rerun {
        /// Id, a beginning of it, or `last`
        id: String,
        /// Only show what would happen
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Answer every question with yes
        #[arg(short, long)]
        yes: bool,
    },
    /// What differs between two runs: outcome, environment, log
    Compare {
        /// Id, a beginning of it, or `last`
        before: String,
        /// Id, a beginning of it, or `last`
        after: String,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Filter {
    /// Runs of all repositories
    #[arg(short, long)]
    all: bool,
    /// Only runs of this task (id, name or alias, as for `wgx run`)
    #[arg(short, long)]
    task: Option<String>,
    /// Only runs of tasks of this source
    #[arg(long)]
    source: Option<String>,
    /// Only runs that failed
    #[arg(long, conflicts_with = "passed")]
    failed: bool,
    /// Only runs that passed
    #[arg(long)]
    passed: bool,
    /// Only runs that started within this time, for example 2h
    #[arg(long, value_name = "TIME", value_parser = super::duration_ms)]
    within: Option<u64>,
    /// At most so many (0: all) [default: 30, with --json 1000]
    #[arg(short, long, value_name = "N")]
    limit: Option<u32>,
}

impl Filter {
    fn request(&self, face: &Face) -> RunsRequest {
        let standard = if face.json { LIMIT_JSON } else { LIMIT_TEXT };
        RunsRequest {
            all: self.all,
            task: self.task.clone(),
            source: self.source.clone(),
            outcome: match (self.failed, self.passed) {
                (true, _) => Some(Outcome::Failed),
                (_, true) => Some(Outcome::Passed),
                _ => None,
            },
            within_ms: self.within,
            limit: Some(self.limit.unwrap_or(standard)).filter(|limit| *limit > 0),
        }
    }
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    match &args.what {
        None => list(&args.filter, face),
        Some(What::Show { id }) => {
            let report =
                runs::show(&face.context, &resolve(id, face)?).map_err(|error| failed(&error))?;
            face.show(&report, || render_detail(&report))
        }
        Some(What::Log { id }) => {
            let report =
                runs::log(&face.context, &resolve(id, face)?).map_err(|error| failed(&error))?;
            show_log(&report, face)
        }
        Some(What::Search { words, filter }) => {
            let request = filter.request(face);
            let found = runs::search(&face.context, &words.join(" "), &request)
                .map_err(|error| failed(&error))?;
            let exit = if found.hits.is_empty() { Exit::Findings } else { Exit::Good };
            face.show(&found, || render_search(&found))?;
            Ok(exit)
        }
        Some(What::Rerun { id, dry_run, yes }) => rerun(face, &resolve(id, face)?, *dry_run, *yes),
        Some(What::Compare { before, after }) => {
            let (before, after) = (resolve(before, face)?, resolve(after, face)?);
            let report =
                runs::compare(&face.context, &before, &after).map_err(|error| failed(&error))?;
            face.show(&report, || render_comparison(&report))
        }
    }
}

fn failed(error: &RunsError) -> anyhow::Error {
    Failure::of(error.exit_code(), error, error.hint())
}

/// `last` is the newest run of this repository.
fn resolve(id: &str, face: &Face) -> anyhow::Result<String> {
    if id != "last" {
        return Ok(id.to_owned());
    }
    let request = RunsRequest { limit: Some(1), ..RunsRequest::default() };
    let newest = runs::runs(&face.context, &request)
        .map_err(|error| failed(&error))?
        .runs
        .into_iter()
        .next();
    newest.map(|run| run.id).ok_or_else(|| failed(&RunsError::NoMemory))
}

fn list(filter: &Filter, face: &Face) -> anyhow::Result<Exit> {
    let report =
        runs::runs(&face.context, &filter.request(face)).map_err(|error| failed(&error))?;
    face.show(&report, || render_list(&report, filter.all, face.output.width()))
}

fn rerun(face: &Face, id: &str, dry_run: bool, yes: bool) -> anyhow::Result<Exit> {
    let run = runs::to_rerun(&face.context, id).map_err(|error| failed(&error))?;
    if run.args.iter().any(|arg| arg.contains("«redacted:")) {
        return Err(Failure::usage(
            "an argument of that run was masked, so it cannot be repeated as it was",
            "start the task yourself with its arguments after `--`",
        ));
    }
    let args = run::Args::again(run.task, run.args, dry_run, yes);
    run::run(args, face)
}

fn render_list(report: &RunsReport, all: bool, width: Option<usize>) -> String {
    let mut text = String::new();
    if report.runs.is_empty() {
        let _ = writeln!(text, "No runs are recorded here. `wgx run TASK` records the first one.");
        return text;
    }
    let names: Vec<String> = report.runs.iter().map(|run| name(run, all)).collect();
    let column = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(40);
    for (run, name) in report.runs.iter().zip(names) {
        let time = local_time(&run.started_at);
        let args = escape_ctl_line(&run::shell_words(&run.args)).into_owned();
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(column + 58).max(10));
        let line = format!(
            "{DIM}{}{DIM:#}  {time}  {}  {NAME}{}{NAME:#} {:>8}  {}",
            short(&run.id),
            outcome(run),
            pad(&name, column),
            run.duration_ms.map(duration).unwrap_or_default(),
            fit(&args, room),
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if report.more {
        let _ = writeln!(text, "{DIM}Older runs are left out; --limit 0 shows all.{DIM:#}");
    }
    text
}

fn name(run: &RunRow, all: bool) -> String {
    let name = escape_ctl_line(&run.task).into_owned();
    if all { format!("{}  {name}", escape_ctl_line(&run.repo)) } else { name }
}

fn outcome(run: &RunRow) -> String {
    match run.exit_code {
        Some(0) => format!("{GOOD}ok      {GOOD:#}"),
        Some(code) => format!("{BAD}{}{BAD:#}", pad(&format!("exit {code}"), 8)),
        None => format!("{WARN}open    {WARN:#}"),
    }
}

fn short(id: &str) -> &str {
    id.get(..ID_CHARACTERS).unwrap_or(id)
}

fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} m {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

fn local_time(rfc3339: &str) -> String {
    match rfc3339.parse::<jiff::Timestamp>() {
        Ok(time) => {
            let zoned = time.to_zoned(jiff::tz::TimeZone::system());
            zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => rfc3339.to_owned(),
    }
}

fn render_detail(report: &RunDetailReport) -> String {
    let mut text = String::new();
    let run = &report.run;
    let _ = writeln!(text, "{STRONG}{}{STRONG:#}  {}", escape_ctl_line(&run.task), outcome(run));
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {DIM}{}{DIM:#} {}", pad(label, 10), escape_ctl_line(value));
        }
    };
    line("id", &run.id);
    line("repo", &run.repo);
    line("started", &local_time(&run.started_at));
    line("took", &run.duration_ms.map(duration).unwrap_or_default());
    line("args", &run::shell_words(&run.args));
    line("in", &report.cwd);
    line("because", &run.reason);
    line("signal", &report.signal.map(|signal| signal.to_string()).unwrap_or_default());
    line("log", run.log.as_deref().unwrap_or_default());
    line("device", &report.device_id);
    for field in &report.environment {
        line(&field.field, &field.value);
    }
    for artefact in &report.artefacts {
        let size = format!("{} ({} bytes)", artefact.path, artefact.bytes);
        line("made", &format!("{} {size}", artefact.sha256.get(..12).unwrap_or_default()));
    }
    if report.artefacts_left_out > 0 {
        line("made", &format!("{} more that are not kept", report.artefacts_left_out));
    }
    if report.artefacts_without_content > 0 {
        let count = report.artefacts_without_content;
        line("made", &format!("{count} of these without content: it looks like a secret"));
    }
    if let Some(summary) = &report.summary {
        let _ = writeln!(
            text,
            "\n{} lines, {} bytes, {} that tell of a failure, {} masked secrets",
            summary.lines, summary.bytes, summary.error_lines, summary.masked
        );
        let lines = if run.exit_code == Some(0) || summary.first_errors.is_empty() {
            &summary.last_lines
        } else {
            &summary.first_errors
        };
        for line in lines {
            let _ = writeln!(text, "  {DIM}│{DIM:#} {}", escape_ctl_line(line));
        }
    }
    if let Some(precedent) = &report.precedent {
        let earlier = &precedent.failed;
        let when = local_time(&earlier.started_at);
        let _ = writeln!(text, "\nIt failed the same way before: {} ({when})", short(&earlier.id));
        if let Some(fix) = &precedent.fixed_by {
            let _ = writeln!(text, "Green again with {}; what was different:", short(&fix.id));
            render_changes(&mut text, &precedent.changes);
        }
    }
    text
}

fn render_changes(text: &mut String, changes: &[FieldChange]) {
    if changes.is_empty() {
        let _ = writeln!(text, "  nothing that is recorded");
    }
    for change in changes {
        let side =
            |value: &Option<String>| escape_ctl_line(value.as_deref().unwrap_or("–")).into_owned();
        let field = pad(&escape_ctl_line(&change.field), 24);
        let _ = writeln!(text, "  {field} {} → {}", side(&change.before), side(&change.after));
    }
}

fn render_search(report: &SearchReport) -> String {
    let mut text = String::new();
    if report.hits.is_empty() {
        let _ = writeln!(text, "No log holds `{}`.", escape_ctl_line(&report.query));
    }
    for hit in &report.hits {
        let run = &hit.run;
        let _ = writeln!(
            text,
            "{DIM}{}{DIM:#}  {}  {}  {NAME}{}{NAME:#}",
            short(&run.id),
            local_time(&run.started_at),
            outcome(run),
            escape_ctl_line(&run.task)
        );
        let _ = writeln!(text, "  {}", escape_ctl_line(&plain_line_ends(&hit.snippet)));
    }
    if report.more {
        let _ = writeln!(text, "{DIM}More hits are left out; --limit 0 shows all.{DIM:#}");
    }
    if report.partly_searchable_logs > 0 {
        let count = report.partly_searchable_logs;
        let _ = writeln!(text, "{DIM}{count} long logs are searchable only in part.{DIM:#}");
    }
    text
}

fn render_comparison(report: &CompareReport) -> String {
    let mut text = String::new();
    for (label, run) in [("before", &report.before), ("after", &report.after)] {
        let _ = writeln!(
            text,
            "{DIM}{}{DIM:#} {}  {}  {}  {NAME}{}{NAME:#}",
            pad(label, 6),
            short(&run.id),
            local_time(&run.started_at),
            outcome(run),
            escape_ctl_line(&run.task)
        );
    }
    let _ = writeln!(text);
    render_changes(&mut text, &report.changes);
    if let Some(diff) = &report.log_diff {
        let _ = writeln!(text);
        for line in diff.lines() {
            let style = if line.starts_with('-') { BAD } else { GOOD };
            let _ = writeln!(text, "{style}{}{style:#}", escape_ctl_line(line));
        }
    }
    if report.diff_left_out_lines > 0 {
        let count = report.diff_left_out_lines;
        let _ = writeln!(text, "{DIM}{count} lines of long logs were not compared.{DIM:#}");
    }
    text
}

/// In a terminal a log keeps its colours, and everything else that could steer the terminal is made
/// visible. Elsewhere it comes out as it was stored.
fn show_log(report: &LogReport, face: &Face) -> anyhow::Result<Exit> {
    if face.json || face.output.width().is_some() {
        return face.show(report, || keep_colors(&plain_line_ends(&report.text)));
    }
    output::raw(report.text.as_bytes())?;
    Ok(Exit::Good)
}

/// What a program wrote to a terminal has line ends of two characters.
fn plain_line_ends(log: &str) -> Cow<'_, str> {
    if log.contains("\r\n") { log.replace("\r\n", "\n").into() } else { log.into() }
}

/// Lets only SGR sequences (`ESC [ … m`) through.
fn keep_colors(log: &str) -> String {
    let mut shown = String::with_capacity(log.len());
    let mut rest = log;
    while let Some(at) = rest.find("\x1b[") {
        let (before, sequence) = rest.split_at(at);
        shown.push_str(&escape_ctl(before));
        let end = sequence[2..].find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
        match end.map(|end| end + 2) {
            Some(end) if sequence[end..].starts_with('m') => {
                shown.push_str(&sequence[..=end]);
                rest = &sequence[end + 1..];
            }
            _ => {
                shown.push_str(&escape_ctl("\x1b"));
                rest = &sequence[1..];
            }
        }
    }
    shown.push_str(&escape_ctl(rest));
    shown.push_str("\x1b[0m");
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_colours_and_nothing_else() {
        let shown = keep_colors("\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J");
        assert!(shown.starts_with("\x1b[31mred\x1b[0m "));
        assert!(!shown.contains("\x1b]"));
        assert!(!shown.contains("\x1b[2J"));
    }

    #[test]
    fn line_ends_of_a_terminal_are_line_ends() {
        assert_eq!(plain_line_ends("one\r\ntwo\rthree\n"), "one\ntwo\rthree\n");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(7), "7 ms");
        assert_eq!(duration(12_345), "12.3 s");
        assert_eq!(duration(61_000), "1 m 01 s");
    }
}
