//! `wgx recall`.

use std::fmt::Write;

use contracts::wgx::recall::{RecallHit, RecallReport};
use redact::escape::escape_ctl_line;
use wgx_verbs::recall::{self, RecallError, RecallRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{DIM, NAME, pad};

/// What the memory knows about some words: notes, runs and logs.
///
/// All words must occur; "…" is a phrase, * at the end of a word stands for any ending. It searches here and asks
/// nobody; `wgx ask` also searches what the daemon has indexed. Exit code 1 when nothing is found.
// `wgx ask` takes the same; a group of this name stands there already.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The words
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,
    /// At most so many hits of each kind
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Runs and logs of all repositories
    #[arg(long)]
    all: bool,
    /// Only notes of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Args {
    pub(crate) fn request(&self) -> RecallRequest {
        RecallRequest {
            words: self.words.join(" "),
            limit: self.limit.into(),
            all: self.all,
            namespace: self.namespace.clone(),
        }
    }
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    show(recall::recall(&face.context, &args.request()), face)
}

/// Shows what was found; used by `wgx ask` too.
pub(crate) fn show(report: Result<RecallReport, RecallError>, face: &Face) -> anyhow::Result<Exit> {
    let report = report.map_err(|error| Failure::of(1, &error, error.hint()))?;
    face.show(&report, || render(&report))?;
    Ok(if report.hits.is_empty() { Exit::Findings } else { Exit::Good })
}

/// Lines of a passage that are shown, and characters of each.
const LINES: usize = 6;
const CHARACTERS: usize = 160;

/// A passage of the daemon's index: its number, where it stands, what encloses it, and how it begins.
fn passage(text: &mut String, number: usize, hit: &RecallHit) {
    let place = escape_ctl_line(hit.citation.as_deref().unwrap_or(&hit.id));
    let kind = escape_ctl_line(&hit.kind);
    let _ = write!(text, "[{number}] {NAME}{place}{NAME:#}  {DIM}{kind}");
    // The path stands there already.
    if let Some((_, scope)) = hit.title.split_once(" :: ") {
        let _ = write!(text, " · {}", escape_ctl_line(scope));
    }
    let _ = writeln!(text, "{DIM:#}");
    let lines: Vec<&str> = hit.snippet.lines().filter(|line| !line.trim().is_empty()).collect();
    let blanks = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let indent = lines.iter().map(blanks).min().unwrap_or_default();
    for line in lines.iter().take(LINES) {
        let line = escape_ctl_line(line.get(indent..).unwrap_or(line).trim_end()).into_owned();
        let shown: String = line.chars().take(CHARACTERS).collect();
        let cut = if shown.len() < line.len() { "…" } else { "" };
        let _ = writeln!(text, "    {shown}{cut}");
    }
    if lines.len() > LINES {
        let _ = writeln!(text, "    {DIM}… {} more lines{DIM:#}", lines.len() - LINES);
    }
}

fn render(report: &RecallReport) -> String {
    let mut text = String::new();
    if let Some(note) = &report.note {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", escape_ctl_line(note));
    }
    if let Some(answer) = &report.answer {
        let _ = writeln!(text, "{}\n", redact::escape::escape_ctl(answer));
    }
    if report.hits.is_empty() {
        let _ = writeln!(text, "Nothing is known about that here.");
    }
    if report.mode == "daemon" {
        for (place, hit) in report.hits.iter().enumerate() {
            passage(&mut text, place + 1, hit);
        }
        return text;
    }
    for hit in &report.hits {
        let kind = pad(&escape_ctl_line(&hit.kind), 6);
        let title = escape_ctl_line(&hit.title);
        let day = hit.at.as_deref().and_then(|at| at.get(..10)).unwrap_or_default();
        let _ = write!(text, "{DIM}{kind}{DIM:#} {NAME}{title}{NAME:#}");
        if !day.is_empty() {
            let _ = write!(text, " {DIM}{day}{DIM:#}");
        }
        if let Some(citation) = &hit.citation {
            let _ = write!(text, "  {}", escape_ctl_line(citation));
        }
        let _ = writeln!(text, "\n       {}", escape_ctl_line(&hit.snippet));
    }
    if report.partly_searchable_logs > 0 {
        let logs = report.partly_searchable_logs;
        let _ = writeln!(
            text,
            "{DIM}Of {logs} long logs only beginning and end are searchable.{DIM:#}"
        );
    }
    text
}
