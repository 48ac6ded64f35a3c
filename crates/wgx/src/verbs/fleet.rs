//! `wgx fleet`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;

use clap_complete::{ArgValueCompleter, CompletionCandidate};
use contracts::wgx::fleet::{FleetReport, FleetRepository, GitState};
use contracts::wgx::runs::RunRow;
use jiff::Timestamp;
use redact::escape::escape_ctl_line;
use wgx_verbs::fleet::{self, AddRequest, FleetError, Only};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, NAME, WARN, fit, pad};

/// Terminals below this get two lines a repository instead of a table.
const TABLE_COLUMNS: usize = 100;
/// Widest columns of the table: name, branch, changes.
const WIDEST: [usize; 3] = [28, 44, 48];

/// The repositories of this device: how each of them stands.
///
/// Without more words: `status`. Git is asked as it is for everything else: nothing that a repository's
/// configuration names is started, and nothing is fetched. `status` ends with 1 when a repository cannot
/// be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Remember repositories [default: the one around the current folder]
    Add {
        /// Folders in them; with --scan, folders above them
        #[arg(value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
        paths: Vec<PathBuf>,
        /// Every git work tree in and below PATH, at most 6 levels deep; hidden folders, node_modules,
        /// target and links are passed over and counted
        #[arg(long)]
        scan: bool,
    },
    /// Forget a repository; nothing in its folder changes
    Rm {
        /// Its path, a folder in it, or its name
        #[arg(value_name = "PATH|NAME", add = ArgValueCompleter::new(complete))]
        word: String,
    },
    /// Names and paths, without asking git about their state
    Ls,
    /// Branch, changes and last run of each, asked of many at once
    Status {
        /// Only those that are like this, and those that cannot be read
        #[arg(long, value_enum)]
        only: Option<Wanted>,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Wanted {
    /// Something is not committed, or in progress
    Dirty,
    /// The upstream has more, as of the last fetch
    Behind,
    /// The last run failed
    Red,
}

impl From<Wanted> for Only {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Dirty => Self::Dirty,
            Wanted::Behind => Self::Behind,
            Wanted::Red => Self::Red,
        }
    }
}

pub(crate) fn run(args: Args, face: &Face) -> anyhow::Result<Exit> {
    let context = &face.context;
    match args.what.unwrap_or(What::Status { only: None }) {
        What::Add { paths, scan } => {
            let report = told(fleet::add(context, &AddRequest { paths, scan }))?;
            let exit = if report.repositories.is_empty() { Exit::Findings } else { Exit::Good };
            face.show(&report, || render_names(&report))?;
            Ok(exit)
        }
        What::Rm { word } => {
            let report = told(fleet::remove(context, &word))?;
            face.show(&report, || render_forgotten(&report))
        }
        What::Ls => {
            let report = told(fleet::list(context))?;
            face.show(&report, || render_names(&report))
        }
        What::Status { only } => {
            let report = told(fleet::status(context))?;
            let is_empty = report.repositories.is_empty();
            let report = match only {
                Some(wanted) => fleet::only(report, wanted.into()),
                None => report,
            };
            let has_problem = report.repositories.iter().any(|found| found.problem.is_some());
            let exit = if has_problem { Exit::Findings } else { Exit::Good };
            face.show(&report, || match is_empty {
                true => render_names(&report),
                false => render_status(&report, face.output.width(), Timestamp::now()),
            })?;
            Ok(exit)
        }
    }
}

fn told(report: Result<FleetReport, FleetError>) -> anyhow::Result<FleetReport> {
    report.map_err(|error| Failure::of(error.exit_code(), &error, error.hint()))
}

/// Names that only one repository has, and paths of the others, for a shell that asks.
fn complete(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(context) = crate::settings::context_for_completion() else { return Vec::new() };
    let Ok(report) = fleet::list(&context) else { return Vec::new() };
    let all = &report.repositories;
    let word = |found: &FleetRepository| {
        let is_only = all.iter().filter(|other| other.name == found.name).count() == 1;
        if is_only { found.name.clone() } else { found.root.clone() }
    };
    let words = all.iter().map(|found| (word(found), &found.root));
    words
        .filter(|(word, _)| word.starts_with(current) && super::is_harmless(word))
        .map(|(word, root)| {
            CompletionCandidate::new(word).help(Some(escape_ctl_line(root).into_owned().into()))
        })
        .collect()
}

fn render_names(report: &FleetReport) -> String {
    let mut text = String::new();
    if report.repositories.is_empty() && report.notes.is_empty() {
        let _ = writeln!(text, "The fleet is empty. `wgx fleet add` remembers this repository,");
        let _ = writeln!(text, "`wgx fleet add --scan DIR` every one below a folder.");
    }
    let names: Vec<_> =
        report.repositories.iter().map(|found| escape_ctl_line(&found.name)).collect();
    let column = widest(names.iter().map(AsRef::as_ref), 40);
    for (found, name) in report.repositories.iter().zip(names) {
        let root = escape_ctl_line(&found.root);
        let _ = writeln!(text, "{NAME}{}{NAME:#}  {root}", pad(&name, column));
        render_problem(&mut text, found);
    }
    render_notes(&mut text, report);
    text
}

fn render_forgotten(report: &FleetReport) -> String {
    let mut text = String::new();
    for found in &report.repositories {
        let (name, root) = (escape_ctl_line(&found.name), escape_ctl_line(&found.root));
        let _ = writeln!(text, "Forgot {NAME}{name}{NAME:#}  {root}");
    }
    text
}

fn render_problem(text: &mut String, found: &FleetRepository) {
    if let Some(problem) = &found.problem {
        let _ = writeln!(text, "  {BAD}{}{BAD:#}", escape_ctl_line(problem));
    }
    render_hint(text, found);
}

fn render_hint(text: &mut String, found: &FleetRepository) {
    if let Some(hint) = &found.hint {
        let _ = writeln!(text, "  {DIM}{}{DIM:#}", escape_ctl_line(hint));
    }
}

fn render_notes(text: &mut String, report: &FleetReport) {
    for note in &report.notes {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", escape_ctl_line(note));
    }
}

/// What stands in the columns of one repository.
struct Row {
    name: String,
    branch: String,
    changes: String,
    run: String,
}

fn render_status(report: &FleetReport, width: Option<usize>, now: Timestamp) -> String {
    let mut text = String::new();
    let labels = labels(&report.repositories);
    let row = |(found, name): (&FleetRepository, &String)| Row {
        name: fit(&escape_ctl_line(name), WIDEST[0]),
        branch: fit(&found.state.as_ref().map(branch).unwrap_or_default(), WIDEST[1]),
        changes: fit(&found.state.as_ref().map(changes).unwrap_or_default(), WIDEST[2]),
        run: last_run(found.last_run.as_ref(), now),
    };
    let rows: Vec<Row> = report.repositories.iter().zip(&labels).map(row).collect();
    let is_table = width.is_none_or(|width| width >= TABLE_COLUMNS);
    let columns = [
        widest(rows.iter().map(|row| row.name.as_str()), WIDEST[0]),
        widest(rows.iter().map(|row| row.branch.as_str()), WIDEST[1]),
        widest(rows.iter().map(|row| row.changes.as_str()), WIDEST[2]),
    ];
    for (found, row) in report.repositories.iter().zip(&rows) {
        let state_style = style_of(found.state.as_ref());
        let run_style = match found.last_run.as_ref().map(|run| run.exit_code) {
            Some(Some(0)) => GOOD,
            Some(Some(_)) => BAD,
            Some(None) => WARN,
            None => DIM,
        };
        let name = format!("{NAME}{}{NAME:#}", pad(&row.name, columns[0]));
        if found.state.is_none() {
            let problem = escape_ctl_line(found.problem.as_deref().unwrap_or("not asked"));
            let _ = writeln!(text, "{name}  {BAD}{problem}{BAD:#}");
            if found.last_run.is_some() {
                let _ = writeln!(text, "  {run_style}{}{run_style:#}", row.run);
            }
        } else if is_table {
            let used = columns.iter().sum::<usize>() + 6;
            let room = width.map_or(usize::MAX, |width| width.saturating_sub(used).max(12));
            let _ = writeln!(
                text,
                "{name}  {}  {state_style}{}{state_style:#}  {run_style}{}{run_style:#}",
                pad(&row.branch, columns[1]),
                pad(&row.changes, columns[2]),
                fit(&row.run, room),
            );
        } else {
            let _ = writeln!(text, "{name}  {}", row.branch);
            let (changes, run) = (&row.changes, &row.run);
            let _ = writeln!(
                text,
                "  {state_style}{changes}{state_style:#} · {run_style}{run}{run_style:#}"
            );
        }
        render_hint(&mut text, found);
    }
    render_notes(&mut text, report);
    text
}

fn style_of(state: Option<&GitState>) -> anstyle::Style {
    match state {
        Some(state) if state.conflicts > 0 => BAD,
        Some(state) if fleet::is_dirty(state) => WARN,
        _ => GOOD,
    }
}

/// Names, with as many folders before those that several have as it takes to tell them apart.
fn labels(all: &[FleetRepository]) -> Vec<String> {
    let ending = |found: &FleetRepository, parts: usize| {
        if parts == 1 {
            return found.name.clone();
        }
        let folders: Vec<&str> = found.root.split('/').collect();
        folders[folders.len().saturating_sub(parts)..].join("/")
    };
    let mut labels: Vec<String> = all.iter().map(|found| ending(found, 1)).collect();
    let deepest = all.iter().map(|found| found.root.split('/').count()).max().unwrap_or(0);
    for parts in 2..=deepest {
        let mut times = BTreeMap::<String, usize>::new();
        labels.iter().for_each(|label| *times.entry(label.clone()).or_default() += 1);
        for (label, found) in labels.iter_mut().zip(all) {
            if times.get(label).is_some_and(|times| *times > 1) {
                *label = ending(found, parts);
            }
        }
    }
    labels
}

/// The branch and how far it is from its upstream, with words beside the arrows.
fn branch(state: &GitState) -> String {
    let mut text = match (&state.branch, &state.commit) {
        (Some(branch), Some(_)) => escape_ctl_line(branch).into_owned(),
        (Some(branch), None) => format!("{}, no commit yet", escape_ctl_line(branch)),
        (None, Some(commit)) => format!("detached at {}", commit.get(..10).unwrap_or(commit)),
        (None, None) => "no commit".to_owned(),
    };
    if state.ahead > 0 {
        let _ = write!(text, "  ↑{} ahead", state.ahead);
    }
    if state.behind > 0 {
        let _ = write!(text, "  ↓{} behind", state.behind);
    }
    text
}

fn changes(state: &GitState) -> String {
    let operation = state.operation.as_ref().map(|operation| format!("{operation} in progress"));
    let counts = [
        (state.conflicts, "in conflict"),
        (state.staged, "staged"),
        (state.unstaged, "changed"),
        (state.untracked, "new"),
        (state.stashes, "stashed"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{count} {what}"));
    let clean = (!fleet::is_dirty(state)).then(|| "clean".to_owned());
    clean.into_iter().chain(operation).chain(counts).collect::<Vec<_>>().join(", ")
}

fn last_run(run: Option<&RunRow>, now: Timestamp) -> String {
    let Some(run) = run else { return "no run".to_owned() };
    let outcome = match run.exit_code {
        Some(0) => "ok".to_owned(),
        Some(code) => format!("exit {code}"),
        None => "open".to_owned(),
    };
    let age = run.started_at.parse::<Timestamp>().map(|at| ago(now, at));
    let age = age.unwrap_or_else(|_| escape_ctl_line(&run.started_at).into_owned());
    format!("{outcome}, {age}: {}", escape_ctl_line(&run.task))
}

fn ago(now: Timestamp, at: Timestamp) -> String {
    let minutes = (now.as_second() - at.as_second()).max(0) / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> usize {
    texts.map(crate::output::columns).max().unwrap_or(0).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(root: &str, state: Option<GitState>) -> FleetRepository {
        FleetRepository {
            name: root.rsplit('/').next().unwrap().to_owned(),
            root: root.to_owned(),
            key: None,
            state,
            last_run: None,
            problem: None,
            hint: None,
        }
    }

    #[test]
    fn repositories_of_one_name_are_told_apart() {
        let all =
            ["/x/a/app", "/x/b/app", "/y/b/app", "/x/tool"].map(|root| repository(root, None));
        assert_eq!(labels(&all), ["a/app", "x/b/app", "y/b/app", "tool"]);
    }

    #[test]
    fn the_table_says_in_words_what_the_arrows_mean() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let mut first = repository(
            "/x/app",
            Some(GitState {
                branch: Some("main".into()),
                commit: Some("a".repeat(40)),
                ahead: 2,
                behind: 13,
                staged: 1,
                conflicts: 3,
                operation: Some("merge".into()),
                ..GitState::default()
            }),
        );
        first.last_run = Some(RunRow {
            id: "r".into(),
            repo: "app".into(),
            task: "just:test".into(),
            source: "just".into(),
            args: Vec::new(),
            exit_code: Some(3),
            started_at: "2026-01-02T09:30:00.000Z".into(),
            duration_ms: Some(1),
            log: None,
            reason: "named".into(),
        });
        let second = repository(
            "/x/tool",
            Some(GitState { commit: Some("b".repeat(40)), stashes: 1, ..GitState::default() }),
        );
        let mut third = repository("/x/gone", None);
        third.problem = Some("the folder is gone".into());
        third.hint = Some("forget it".into());
        let report = FleetReport {
            schema: String::new(),
            repositories: vec![first, second, third],
            notes: vec!["a note".into()],
        };
        let plain =
            |width| anstream::adapter::strip_str(&render_status(&report, width, now)).to_string();
        insta::assert_snapshot!(plain(None), @r"
        app   main  ↑2 ahead  ↓13 behind  merge in progress, 3 in conflict, 1 staged  exit 3, 2 h ago: just:test
        tool  detached at bbbbbbbbbb      clean, 1 stashed                            no run
        gone  the folder is gone
          forget it
        a note
        ");
        insta::assert_snapshot!(plain(Some(60)), @r"
        app   main  ↑2 ahead  ↓13 behind
          merge in progress, 3 in conflict, 1 staged · exit 3, 2 h ago: just:test
        tool  detached at bbbbbbbbbb
          clean, 1 stashed · no run
        gone  the folder is gone
          forget it
        a note
        ");
    }
}
