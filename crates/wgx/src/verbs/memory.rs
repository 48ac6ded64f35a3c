//! `wgx memory`.

use std::fmt::Write;
use std::path::PathBuf;

use contracts::wgx::memory::{
    CheckReport, ExportReport, ForgetReport, ImportReport, RetentionLimits, StatsReport,
};
use memory::ExportOptions;
use redact::escape::escape_ctl_line;
use wgx_verbs::memory::{
    self as verb, ForgetRequest, MemoryError, RetentionChange, RetentionRequest,
};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, pad};
use crate::verbs::run;

/// Look after the memory: size, health, retention, packs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Counts and sizes
    Stats,
    /// Compare everything with what it should be; exit code 1 when something is damaged
    Check,
    /// Drop what the retention does not keep (`wgx memory retention`), and what nothing names
    Gc {
        #[command(flatten)]
        limits: Limits,
    },
    /// Show or set what `gc` keeps; nothing is dropped before `gc` is called
    Retention {
        #[command(subcommand)]
        what: Option<Keep>,
    },
    /// Forget for good: runs, this repository, or everything older than a time
    Forget {
        /// Runs, by id or the beginning of it
        #[arg(required_unless_present_any = ["repository", "older"])]
        runs: Vec<String>,
        /// Everything about this repository
        #[arg(long, conflicts_with_all = ["runs", "older"])]
        repository: bool,
        /// Everything older than this, for example 720h
        #[arg(long, value_name = "TIME", value_parser = super::duration_ms, conflicts_with = "runs")]
        older: Option<u64>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Write the whole memory into one file, without secrets
    Export {
        /// The file, for example memory.tar.gz
        file: PathBuf,
        /// Only facts, without logs and artefacts
        #[arg(long)]
        facts_only: bool,
    },
    /// Take a pack of another device in
    Import {
        /// The file
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Keep {
    /// The limits, and whether they were set
    Show,
    /// Set limits for this device; those that are not named stay as they are
    Set {
        #[command(flatten)]
        limits: Limits,
    },
    /// Go back to the default
    Reset,
}

/// Limits of the retention [default: those of `wgx memory retention show`].
#[derive(Clone, Copy, Debug, clap::Args)]
struct Limits {
    /// Drop runs older than so many days (0: never)
    #[arg(long, value_name = "DAYS", alias = "max-age-days")]
    keep_days: Option<u32>,
    /// Drop the oldest runs while all logs together are larger, for example 500MiB or 2GiB; a plain
    /// number is MiB (0: no limit)
    #[arg(long, value_name = "SIZE", value_parser = size_bytes, alias = "max-log-mib")]
    max_size: Option<u64>,
    /// Drop the oldest runs while there are more (0: no limit)
    #[arg(long, value_name = "N")]
    max_runs: Option<u32>,
    /// So many newest runs of each task stay whatever their age, size and number
    #[arg(long, value_name = "N")]
    keep_runs: Option<u32>,
}

impl Limits {
    fn change(self) -> RetentionChange {
        RetentionChange {
            keep_days: self.keep_days,
            max_bytes: self.max_size,
            max_runs: self.max_runs,
            keep_runs: self.keep_runs,
        }
    }
}

/// `500MiB`, `2GiB`, `64KiB`, or a number of MiB, in bytes.
fn size_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "b" => 1,
        "k" | "kib" => 1 << 10,
        "" | "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        unit => return Err(format!("`{unit}` is not a unit; use KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
    number.checked_mul(factor).ok_or_else(|| format!("`{text}` is too large"))
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let context = &face.context;
    match &args.what {
        What::Stats => {
            let report = verb::stats(context).map_err(|error| failed(&error))?;
            face.show(&report, || render_stats(&report))
        }
        What::Check => {
            let report = verb::check(context).map_err(|error| failed(&error))?;
            face.show(&report, || render_check(&report))?;
            Ok(if report.sound { Exit::Good } else { Exit::Findings })
        }
        What::Gc { limits } => {
            let report = verb::gc(context, limits.change()).map_err(|error| failed(&error))?;
            face.show(&report, || render_forgotten(&report))
        }
        What::Retention { what } => retention(face, *what),
        What::Forget { runs, repository, older, yes } => {
            let request = match (repository, older) {
                (true, _) => ForgetRequest::Repository,
                (_, Some(age_ms)) => ForgetRequest::Older(*age_ms),
                _ => ForgetRequest::Runs(runs.clone()),
            };
            forget(face, &request, *yes)
        }
        What::Export { file, facts_only } => {
            let file = context.cwd.join(file);
            let options = ExportOptions { objects: !facts_only, ..ExportOptions::default() };
            let report = verb::export(context, &file, &options).map_err(|error| failed(&error))?;
            face.show(&report, || render_export(&report))
        }
        What::Import { file } => {
            let file = context.cwd.join(file);
            let report = verb::import(context, &file).map_err(|error| failed(&error))?;
            face.show(&report, || render_import(&report))
        }
    }
}

fn failed(error: &MemoryError) -> anyhow::Error {
    Failure::at(1, error, (error.hint().to_owned(), error.place()))
}

fn retention(face: &Face, what: Option<Keep>) -> anyhow::Result<Exit> {
    let request = match what {
        None | Some(Keep::Show) => RetentionRequest::Show,
        Some(Keep::Reset) => RetentionRequest::Reset,
        Some(Keep::Set { limits }) if limits.change() == RetentionChange::default() => {
            let hint = "for example --keep-days 90, --max-size 500MiB, --max-runs 5000";
            return Err(Failure::usage("no limit was named", hint));
        }
        Some(Keep::Set { limits }) => RetentionRequest::Set(limits.change()),
    };
    let report = verb::retention(&face.context, request).map_err(|error| failed(&error))?;
    face.show(&report, || {
        format!("Retention of {}\n{}", report.home, lines(&kept(&report.retention)))
    })
}

/// The limits as people read them.
fn kept(limits: &RetentionLimits) -> [(&'static str, String); 5] {
    let or_none = |limit: Option<String>| limit.unwrap_or_else(|| "no limit".to_owned());
    let origin = if limits.is_set { "set on this device" } else { "the default" };
    [
        ("age of a run", or_none(limits.keep_days.map(|days| format!("{days} days")))),
        ("all logs", or_none(limits.max_bytes.map(bytes))),
        ("all runs", or_none(limits.max_runs.map(|runs| runs.to_string()))),
        ("always kept", format!("the newest {} of each task", limits.keep_runs)),
        ("limits are", format!("{origin}; `wgx memory gc` applies them")),
    ]
}

fn forget(face: &Face, request: &ForgetRequest, yes: bool) -> anyhow::Result<Exit> {
    let what = match request {
        ForgetRequest::Runs(ids) => format!("{} run(s)", ids.len()),
        ForgetRequest::Repository => "everything about this repository".to_owned(),
        ForgetRequest::Older(_) => "everything older than that, of all repositories".to_owned(),
    };
    let can_ask = face.context.terminal.can_ask();
    let agreed = yes || (can_ask && run::agrees(&format!("Forget {what} for good?")));
    if !agreed {
        let message = format!("forgetting {what} needs a yes");
        return Err(Failure::code(1, message, "answer yes in a terminal, or add --yes"));
    }
    let report = verb::forget(&face.context, request).map_err(|error| failed(&error))?;
    face.show(&report, || render_forgotten(&report))
}

fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{} KiB", count / 1_024),
        1_048_576..1_073_741_824 => format!("{} MiB", count / 1_048_576),
        _ => {
            format!("{}.{} GiB", count / 1_073_741_824, count % 1_073_741_824 * 10 / 1_073_741_824)
        }
    }
}

fn lines(rows: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (label, value) in rows {
        let _ = writeln!(text, "  {DIM}{}{DIM:#} {}", pad(label, 16), escape_ctl_line(value));
    }
    text
}

fn render_stats(report: &StatsReport) -> String {
    if !report.exists {
        return format!("No memory at {} yet. `wgx run TASK` begins one.\n", report.home);
    }
    let span = match (&report.oldest_run_at, &report.newest_run_at) {
        (Some(oldest), Some(newest)) => format!("{oldest} to {newest}"),
        _ => "none yet".to_owned(),
    };
    let runs =
        format!("{} ({} failed, {} open)", report.runs, report.failed_runs, report.open_runs);
    let objects = format!("{} in {} objects", bytes(report.object_bytes), report.objects);
    format!(
        "Memory at {}\n{}Retention\n{}",
        report.home,
        lines(&[
            ("repositories", report.repos.to_string()),
            ("runs", runs),
            ("from", span),
            ("environments", report.environments.to_string()),
            ("policy events", report.policy_events.to_string()),
            ("evidence packs", report.evidence_packs.to_string()),
            ("forgotten", report.tombstones.to_string()),
            ("devices", report.devices.to_string()),
            ("database", bytes(report.database_bytes)),
            ("logs", objects),
        ]),
        lines(&kept(&report.retention))
    )
}

fn render_check(report: &CheckReport) -> String {
    let mut text = String::new();
    let (style, word) = if report.sound { (GOOD, "sound") } else { (BAD, "damaged") };
    let _ = writeln!(text, "{style}{word}{style:#} {}", escape_ctl_line(&report.home));
    for problem in &report.problems {
        let _ = writeln!(text, "  {BAD}fault{BAD:#} {}", escape_ctl_line(problem));
    }
    for note in &report.notes {
        let _ = writeln!(text, "  {DIM}note{DIM:#}  {}", escape_ctl_line(note));
    }
    let _ = writeln!(text, "  {} objects compared, {}", report.objects, bytes(report.object_bytes));
    text
}

fn render_forgotten(report: &ForgetReport) -> String {
    format!(
        "Forgotten: {} facts, {} objects ({}); unused: {} objects ({})\n",
        report.facts,
        report.objects,
        bytes(report.bytes),
        report.unused_objects,
        bytes(report.unused_bytes)
    )
}

fn render_export(report: &ExportReport) -> String {
    let rows = [
        ("left out", report.objects_left_out.to_string()),
        ("with secrets", report.objects_with_secrets.to_string()),
        ("missing", report.objects_missing.to_string()),
        ("masked", report.masked.to_string()),
    ];
    format!("Wrote {} ({})\n{}", report.file, bytes(report.bytes), lines(&rows))
}

fn render_import(report: &ImportReport) -> String {
    let rows = [
        ("new facts", report.new_facts.to_string()),
        ("known facts", report.known_facts.to_string()),
        ("forgotten here", report.forgotten_facts.to_string()),
        ("conflicting", report.conflicting_facts.to_string()),
        ("new objects", report.new_objects.to_string()),
        ("with secrets", report.objects_with_secrets.to_string()),
        ("masked", report.masked.to_string()),
    ];
    format!("Took in {}\n{}", report.file, lines(&rows))
}
