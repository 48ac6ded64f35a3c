//! `wgx seeds`.

use std::fmt::Write;
use std::path::PathBuf;

use contracts::wgx::seeds::{SeedApplyReport, SeedPlace, SeedsReport};
use redact::escape::escape_ctl_line;
use wgx_verbs::seeds::{self, ApplyRequest, SeedError, SeedName, SnapshotRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, NAME, pad};
use crate::verbs::run;

/// Small data states that tests start from: take, list, write back.
///
/// A seed is a set of files of this repository under a name, kept in the memory: a small database dump,
/// fixtures, a folder of samples. The same files give the same archive on every machine. It travels in
/// packs, so a file in which something looks like a secret is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The seeds of this repository, newest first
    List,
    /// Keep files and folders under a name
    Snapshot {
        /// NAME or NAME@VERSION; the version is that of the schema the data fits [default: 1]
        #[arg(value_name = "NAME[@VERSION]")]
        seed: SeedName,
        /// Files and folders of this repository
        #[arg(required = true, value_hint = clap::ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        /// The command that made them: noted, not started
        #[arg(long, value_name = "COMMAND", default_value = "")]
        made_by: String,
    },
    /// Write the files of a seed back where they were
    Apply {
        /// NAME or NAME@VERSION [default version: the newest snapshot]
        #[arg(value_name = "NAME[@VERSION]")]
        seed: SeedName,
        /// Write into this folder instead of the root of the repository
        #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
        into: Option<PathBuf>,
        /// Replace files that differ
        #[arg(long)]
        force: bool,
        /// Only show what would be written
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Forget a seed for good
    Forget {
        /// NAME (all versions) or NAME@VERSION
        #[arg(value_name = "NAME[@VERSION]")]
        seed: SeedName,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

pub(crate) fn run(args: Args, face: &Face) -> anyhow::Result<Exit> {
    let context = &face.context;
    let failed = |error: SeedError| Failure::of(1, &error, error.hint());
    let report = match args.what.unwrap_or(What::List) {
        What::List => seeds::list(context),
        What::Snapshot { seed, paths, made_by } => {
            seeds::snapshot(context, &SnapshotRequest { seed, paths, made_by })
        }
        What::Apply { seed, into, force, dry_run } => {
            let request = ApplyRequest { seed, into, force, dry_run };
            let report = seeds::apply(context, &request).map_err(failed)?;
            return face.show(&report, || render_applied(&report));
        }
        What::Forget { seed, yes } => {
            let what = match &seed.version {
                Some(version) => format!("the seed {}@{version}", seed.name),
                None => format!("all versions of the seed {}", seed.name),
            };
            let can_ask = context.terminal.can_ask();
            let agreed = yes || (can_ask && run::agrees(&format!("Forget {what}?")));
            if !agreed {
                let message = format!("forgetting {what} needs a yes");
                return Err(Failure::code(1, message, "answer yes in a terminal, or add --yes"));
            }
            seeds::forget(context, &seed)
        }
    };
    let report = report.map_err(failed)?;
    face.show(&report, || render(&report))
}

fn render(report: &SeedsReport) -> String {
    let mut text = String::new();
    if let Some(made) = &report.made {
        let _ = writeln!(text, "Kept {NAME}{}{NAME:#}", escape_ctl_line(made));
    }
    if report.forgotten > 0 {
        let _ = writeln!(text, "Forgot {} snapshots", report.forgotten);
    }
    if report.seeds.is_empty() {
        let _ = writeln!(text, "No seeds; `wgx seeds snapshot NAME PATH…` keeps files as one.");
    }
    for seed in &report.seeds {
        let name = pad(&escape_ctl_line(&format!("{}@{}", seed.name, seed.version)), 24);
        let size = match seed.bytes {
            Some(bytes) => format!("{} KiB", bytes.div_ceil(1024)),
            None => format!("{BAD}content is not here{BAD:#}"),
        };
        let (day, digest) = (seed.recorded_at.get(..10).unwrap_or(""), &seed.sha256[..12]);
        let _ = write!(text, "{NAME}{name}{NAME:#} {day}  {size}  {DIM}{digest}{DIM:#}");
        if !seed.made_by.is_empty() {
            let _ = write!(text, "  {DIM}{}{DIM:#}", escape_ctl_line(&seed.made_by));
        }
        if seed.older > 0 {
            let _ = write!(text, "  {DIM}and {} older{DIM:#}", seed.older);
        }
        text.push('\n');
    }
    text
}

fn render_applied(report: &SeedApplyReport) -> String {
    let mut text = String::new();
    let name = escape_ctl_line(&format!("{}@{}", report.name, report.version)).into_owned();
    let all_same = report.files.iter().all(|file| file.before == SeedPlace::Same);
    let done = match (report.applied, all_same) {
        (true, _) => format!("{GOOD}written{GOOD:#}"),
        (false, true) => "already there".to_owned(),
        (false, false) => "would be written".to_owned(),
    };
    let into = escape_ctl_line(&report.into);
    let _ = writeln!(text, "{NAME}{name}{NAME:#} {done}, {} in all, in {into}", report.files.len());
    for file in &report.files {
        let word = match file.before {
            SeedPlace::Absent => "new",
            SeedPlace::Same => "same",
            SeedPlace::Different => "replaces other content",
        };
        let _ = writeln!(text, "  {} {DIM}{word}{DIM:#}", escape_ctl_line(&file.path));
    }
    text
}
