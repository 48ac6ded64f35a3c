//! `wgx memory`.

use std::fmt::Write;
use std::path::PathBuf;

use contracts::wgx::memory::{CheckReport, ExportReport, ForgetReport, ImportReport, StatsReport};
use memory::{ExportOptions, Retention};
use redact::escape::escape_ctl_line;
use wgx_verbs::memory::{self as verb, ForgetRequest, MemoryError};

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
    /// Drop what is older or larger than the retention allows, and what nothing names
    Gc {
        /// Drop runs older than so many days (0: never)
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        max_age_days: u32,
        /// Drop the oldest runs while all logs together are larger, in MiB (0: no limit)
        #[arg(long, value_name = "MIB", default_value_t = 2048)]
        max_log_mib: u64,
        /// So many newest runs of each task stay whatever their age and size
        #[arg(long, value_name = "N", default_value_t = 20)]
        keep_runs: u32,
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
        What::Gc { max_age_days, max_log_mib, keep_runs } => {
            let retention = Retention {
                max_age_days: Some(*max_age_days).filter(|days| *days > 0),
                max_log_bytes: Some(max_log_mib.saturating_mul(1 << 20)).filter(|bytes| *bytes > 0),
                keep_runs: *keep_runs,
            };
            let report = verb::gc(context, &retention).map_err(|error| failed(&error))?;
            face.show(&report, || render_forgotten(&report))
        }
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
    Failure::of(1, error, error.hint())
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
        "Memory at {}\n{}",
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
        ])
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
