//! `hauski audit verify|prove|export|tail`: the audit log from outside; none of these needs the daemon.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ::audit::{
    self as log, Filter, Finding, Line, Outcome, Proof, Verdict, VerifierKey, VerifyOptions,
    VerifyReport,
};
use anyhow::Context;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Check every byte of the log: exit 0 sound, 1 tampered, 3 the tail cannot be verified
    Verify(Verify),
    /// Write a proof that a line belongs to the log, or check one
    Prove(Prove),
    /// Write the lines of a time, an actor or an action as an excerpt
    Export(Export),
    /// Show the last lines
    Tail(Tail),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// Folder or file with copies of checkpoints; may be given more than once
    #[arg(long = "anchor", value_name = "PATH")]
    anchors: Vec<PathBuf>,
    /// A key that must have signed the log, as an earlier verify printed it
    #[arg(long, value_name = "NAME+ID+BASE64")]
    key: Option<VerifierKey>,
    /// Begin with the segment of this line; segments before it may be missing
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Folder of the log [default: audit/ in the daemon's home]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Prove {
    /// Position of the line
    #[arg(value_name = "SEQ", required_unless_present = "check", conflicts_with = "check")]
    seq: Option<u64>,
    /// Check the proof in this file; needs no log
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// The log's key, known from elsewhere
    #[arg(long, value_name = "NAME+ID+BASE64", requires = "check")]
    key: Option<VerifierKey>,
    /// Folder of the log [default: audit/ in the daemon's home]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    wanted: Wanted,
    /// Folder of the log [default: audit/ in the daemon's home]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Tail {
    /// How many lines
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    #[command(flatten)]
    wanted: Wanted,
    /// Folder of the log [default: audit/ in the daemon's home]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Wanted {
    /// Not before this time (UTC): 2026-11-21, or more of it: 2026-11-21T16:30
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<String>,
    /// Before this time (UTC)
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<String>,
    /// Only of this actor; `key:*` means all that begin so
    #[arg(long)]
    actor: Option<String>,
    /// Only this action; `egress.*` means all that begin so
    #[arg(long)]
    action: Option<String>,
}

/// Runs what was asked for.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let folder = |log: Option<PathBuf>| log.unwrap_or_else(|| settings.home.join("audit"));
    match args.what {
        What::Verify(args) => verify(&folder(args.log.clone()), args, settings.json),
        What::Prove(Prove { check: Some(file), key, .. }) => {
            check(&file, key.as_ref(), settings.json)
        }
        What::Prove(args) => prove(&folder(args.log), args.seq.unwrap_or_default()),
        What::Export(args) => export(&folder(args.log), &args.wanted.into()),
        What::Tail(args) => tail(&folder(args.log), args.count, &args.wanted.into(), settings.json),
    }
}

impl From<Wanted> for Filter {
    fn from(wanted: Wanted) -> Self {
        let Wanted { since, until, actor, action } = wanted;
        Self { since, until, actor, action }
    }
}

/// A time as lines write it, or any beginning of one that names at least a year.
fn time(text: &str) -> Result<String, String> {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000000Z";
    let fits = (4..=FORM.len()).contains(&text.len())
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    if fits {
        Ok(text.to_owned())
    } else {
        Err("use 2026-11-21 or 2026-11-21T16:30:00, in UTC".to_owned())
    }
}

fn verify(folder: &Path, args: Verify, json: bool) -> anyhow::Result<Exit> {
    let options = VerifyOptions {
        anchors: args.anchors,
        key: args.key,
        since: args.since,
        ..VerifyOptions::default()
    };
    let report = log::verify(folder, &options).map_err(|error| {
        Failure::new(error.to_string(), "name its folder with --log, or the daemon's with --home")
            .exit(Exit::Usage)
    })?;
    match json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report, args.since.is_some()))?,
    }
    Ok(match report.verdict {
        Verdict::Sound => Exit::Good,
        Verdict::Tampered => Exit::Findings,
        Verdict::Unverifiable => Exit::Code(3),
    })
}

/// The report for people: the verdict first.
fn plain(report: &VerifyReport, in_part: bool) -> String {
    let mut text = String::new();
    let place = |finding: &Finding| {
        let line = if finding.seq == u64::MAX {
            "the end".into()
        } else {
            format!("line {}", finding.seq)
        };
        format!("{} at {line} in {}: {}", finding.kind, finding.file, finding.detail)
    };
    // Writing to a string cannot fail.
    let _ = match (&report.tampering, &report.tail) {
        (Some(found), _) => writeln!(text, "tampered: {}", place(found)),
        (None, Some(found)) => writeln!(text, "tail not verifiable: {}", place(found)),
        (None, None) if in_part => writeln!(text, "sound from the segment asked for to the end"),
        (None, None) => writeln!(text, "sound"),
    };
    let counted = |count: u64, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let _ = writeln!(
        text,
        "{}, {} signed, in {}; {} and {} checked",
        counted(report.lines, "line"),
        report.signed,
        counted(report.segments, "segment"),
        counted(report.checkpoints, "checkpoint"),
        counted(report.anchors, "anchored copy").replace("copys", "copies"),
    );
    if let Some(key) = &report.key {
        let _ = writeln!(text, "key   {key}");
    }
    if let Some(root) = &report.root {
        let _ = writeln!(text, "root  {root} of {} lines", report.signed);
    }
    for note in &report.notes {
        let _ = writeln!(text, "note  {}", place(note));
    }
    text
}

fn prove(folder: &Path, seq: u64) -> anyhow::Result<Exit> {
    let proof = log::prove(folder, seq).map_err(|error| {
        Failure::new(error.to_string(), "`hauski audit verify` says what is there")
    })?;
    output::print_json(&proof)?;
    Ok(Exit::Good)
}

fn check(file: &Path, key: Option<&VerifierKey>, json: bool) -> anyhow::Result<Exit> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the proof {}", file.display()))?;
    let proof: Proof = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no proof", file.display()))?;
    let line = log::check_proof(&proof, key).map_err(|error| {
        Failure::new(
            error.to_string(),
            "compare the key with the one that `hauski audit verify` prints",
        )
    })?;
    let signed_by = if key.is_some() {
        "the key you gave"
    } else {
        "the key in the proof, which you must know to be the log's"
    };
    match json {
        true => output::print_json(&json!({
            "schema": "hauski.audit.proof.check/1", "included": true, "seq": line.seq,
            "key": proof.key, "key_was_given": key.is_some(), "line": line,
        }))?,
        false => output::print(&format!(
            "line {} is in the log; its checkpoint is signed by {signed_by}\nkey   {}\n{}",
            line.seq,
            proof.key,
            one_line(&line)
        ))?,
    }
    Ok(Exit::Good)
}

fn export(folder: &Path, filter: &Filter) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let exported = log::export(folder, filter, &mut out)
        .with_context(|| format!("cannot export the audit log in {}", folder.display()))?;
    out.flush().context("cannot write to standard output")?;
    output::note(&format!("an excerpt: {} of {} lines", exported.lines, exported.of));
    Ok(Exit::Good)
}

fn tail(folder: &Path, count: u32, filter: &Filter, json: bool) -> anyhow::Result<Exit> {
    let lines = log::tail(folder, count.try_into().unwrap_or(usize::MAX), filter)
        .with_context(|| format!("cannot read the audit log in {}", folder.display()))?;
    match json {
        true => output::print_json(&json!({"schema": "hauski.audit.tail/1", "lines": lines}))?,
        false => output::print(&lines.iter().map(one_line).collect::<String>())?,
    }
    Ok(Exit::Good)
}

/// A line for people: time, outcome, action, actor, target, data.
fn one_line(line: &Line) -> String {
    let outcome = match line.outcome {
        Outcome::Ok => "ok",
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
    };
    // The long texts of the log's own lines are for programs.
    let data = line.data.iter().filter(|_| !line.action.starts_with("log."));
    let data: Vec<String> = data.map(|(name, value)| format!("{name}={value}")).collect();
    let (seq, ts, action, actor, target) =
        (line.seq, line.ts.get(..23).unwrap_or(&line.ts), &line.action, &line.actor, &line.target);
    let text = format!(
        "{seq:>6}  {ts}Z  {outcome:6}  {action:16}  {actor:12}  {target}  {}",
        data.join(" ")
    );
    format!("{}\n", text.replace(['\n', '\r'], " ").trim_end())
}
