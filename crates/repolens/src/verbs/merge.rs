//! `repolens PATH…`: makes merges.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use clap::ValueEnum;
use contracts::repolens::merge::{MergeReport, MergeResult, SCHEMA};
use contracts::repolens::report::Extras;
use repolens::delta::Base;
use repolens::hub;
use repolens::merge::{
    Density, MergeError, MergeRequest, Merged, Mode, Progress, Target, TokenCounter, merge,
};
use repolens::pool::Pools;
use repolens::render::view::short_size;
use repolens::scan::ScanOptions;
use repolens::select::{Level, Selection, extension};
use repolens::tokens::Vocabulary;

use super::validate::with_cause;
use crate::exit::{Exit, UsageError};
use crate::{output, settings};

/// Options of a merge.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Working copies, each the root of its own repository [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Every working copy in the hub (`repolens hub set FOLDER`)
    #[arg(long, conflicts_with = "paths", help_heading = "Selection")]
    hub: bool,

    /// How much of the files is shown
    #[arg(long, short, value_name = "LEVEL", default_value = "max", help_heading = "Selection")]
    level: LevelArg,
    /// Leave out documents and uncategorised files
    #[arg(long, help_heading = "Selection")]
    code_only: bool,
    /// Only paths that contain this text; stronger than every other rule
    #[arg(long, value_name = "TEXT", help_heading = "Selection")]
    path_filter: Option<String>,
    /// Only files with these extensions, such as rs,toml
    #[arg(
        long,
        visible_alias = "extensions",
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "Selection"
    )]
    ext: Vec<String>,
    /// A saved selection: JSON, from repository to paths
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pool: Option<PathBuf>,
    /// Also what ignore files and the tooling rule leave out (never .git)
    #[arg(long, help_heading = "Selection")]
    no_ignore: bool,
    /// Most bytes of one file (such as 64KiB); what is longer is truncated and marked
    #[arg(long, visible_alias = "max-bytes", value_name = "SIZE", value_parser = size, help_heading = "Selection")]
    max_file_bytes: Option<u64>,
    /// Show longer files in pieces of --max-file-bytes instead of truncating them
    #[arg(long, requires = "max_file_bytes", help_heading = "Selection")]
    split_files: bool,

    /// One merge of all repositories, or one each
    #[arg(long, value_name = "MODE", default_value = "gesamt", help_heading = "Form")]
    mode: ModeArg,
    /// Only header, profile, reading plan and plan
    #[arg(long, help_heading = "Form")]
    plan_only: bool,
    /// Nothing interpreted: no lenses, hotspots, heatmap, health, augment
    #[arg(long, help_heading = "Form")]
    meta_none: bool,
    /// How much is said about every file; auto is standard with a filter, else full
    #[arg(long, value_name = "DENSITY", default_value = "auto", help_heading = "Form")]
    meta_density: DensityArg,
    /// Largest part (such as 25MB); larger merges become several files. 0 is no limit
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = split_size,
        allow_negative_numbers = true,
        help_heading = "Form"
    )]
    split_size: Option<u64>,
    /// Additional blocks: health, organism_index, fleet_panorama, augment_sidecar, delta_reports (with
    /// --delta-from), json_sidecar, heatmap (or ai_heatmap), all, none
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Form")]
    extras: Vec<String>,
    /// Say what changed since an earlier merge or sidecar (FILE), since a git revision (REV), or
    /// between two (REV..REV); turns delta_reports on
    #[arg(long, value_name = "FILE|REV|REV..REV", help_heading = "Form")]
    delta_from: Option<String>,
    /// Write a JSON sidecar beside the merge (as --extras json_sidecar)
    #[arg(long, help_heading = "Form")]
    json_sidecar: bool,
    /// More navigation, for viewers that show neither anchors nor heading tokens
    #[arg(long, value_name = "KIND", help_heading = "Form")]
    nav: Option<NavArg>,

    /// Folder for the merge [default: .]
    #[arg(long, short, value_name = "DIR", conflicts_with = "stdout", help_heading = "Output")]
    out: Option<PathBuf>,
    /// First part of the file names [default: from repository, level, filters and time]
    #[arg(long, value_name = "NAME", value_parser = file_name, help_heading = "Output")]
    name: Option<String>,
    /// Write the merge to standard output
    #[arg(long, help_heading = "Output")]
    stdout: bool,
    /// Print a report as JSON
    #[arg(long, conflicts_with = "stdout", help_heading = "Output")]
    json: bool,
    /// Say what is unusual: files without tags, shared anchors, order of the sections
    #[arg(long, help_heading = "Output")]
    debug: bool,
    /// Threads; the merge does not depend on it [default: one for every core]
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        hide_default_value = true,
        help_heading = "Output"
    )]
    threads: usize,
    /// Do not count tokens
    #[arg(long, help_heading = "Output")]
    no_tokens: bool,
    /// Neither use nor keep what is known of unchanged files
    #[arg(long, help_heading = "Output")]
    no_cache: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LevelArg {
    /// README, runbooks, notes for agents
    Overview,
    /// And documents, configuration, contracts, pipelines
    Summary,
    /// Source, tests, configuration, contracts, pipelines
    Dev,
    /// As dev, with the least overhead
    MachineLean,
    /// Every text
    Max,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArg {
    /// All in one
    #[value(alias = "combined")]
    Gesamt,
    /// One merge a repository
    #[value(alias = "per-repo")]
    ProRepo,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DensityArg {
    /// Paths only
    Min,
    /// No hashes
    Standard,
    /// Everything
    Full,
    /// By the filters
    Auto,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NavArg {
    /// Headings that are bare tokens
    Headings,
}

impl Args {
    /// Whether the merge goes to standard output.
    pub(crate) fn is_stream(&self) -> bool {
        self.stdout
    }

    /// Whether a report is asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let request = request(args)?;
    let merged = with_tools(args, |tokens, progress| merge(&request, tokens, progress))?;
    if args.stdout {
        return stream(merged);
    }
    if args.json {
        output::json(&report(&merged))?;
    } else {
        output::print(&said(&merged))?;
    }
    Ok(Exit::Good)
}

/// Merges with a counter of tokens and a bar for who waits, and says what has to be said.
pub(crate) fn with_tools(
    args: &Args,
    merge: impl FnOnce(Option<&TokenCounter>, &dyn Progress) -> Result<Vec<Merged>, MergeError>,
) -> anyhow::Result<Vec<Merged>> {
    let progress = Bar::new(args.json);
    let count = |text: &str| Vocabulary::default().count(text);
    let tokens: Option<&TokenCounter> = (!args.no_tokens).then_some(&count);
    let merged = merge(tokens, &progress);
    progress.clear();
    let merged = merged.map_err(as_failure)?;
    for one in &merged {
        for note in &one.notes {
            output::warning(note);
        }
        if args.debug {
            for line in &one.debug {
                output::note(&format!("debug: {line}"));
            }
        }
    }
    Ok(merged)
}

pub(crate) fn request(args: &Args) -> anyhow::Result<MergeRequest> {
    let extensions: Result<Vec<String>, _> = args.ext.iter().map(|word| extension(word)).collect();
    let extensions = extensions.map_err(|error| UsageError::plain(error.to_string()))?;
    let selection = Selection {
        level: match args.level {
            LevelArg::Overview => Level::Overview,
            LevelArg::Summary => Level::Summary,
            LevelArg::Dev => Level::Dev,
            LevelArg::MachineLean => Level::MachineLean,
            LevelArg::Max => Level::Max,
        },
        code_only: args.code_only,
        plan_only: args.plan_only,
        path_filter: args.path_filter.clone().filter(|filter| !filter.is_empty()),
        extensions,
        max_file_bytes: args.max_file_bytes.filter(|max| *max > 0),
        pools: pools(args)?,
    };
    let here = settings::working_directory()?;
    let given = given(args)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    Ok(MergeRequest {
        roots: given.into_iter().map(|path| here.join(path)).collect(),
        scan: ScanOptions {
            no_ignore: args.no_ignore,
            threads: args.threads,
            ..ScanOptions::default()
        },
        selection,
        mode: match args.mode {
            ModeArg::Gesamt => Mode::Combined,
            ModeArg::ProRepo => Mode::PerRepo,
        },
        density: match args.meta_density {
            DensityArg::Min => Density::Min,
            DensityArg::Standard => Density::Standard,
            DensityArg::Full => Density::Full,
            DensityArg::Auto => Density::Auto,
        },
        meta_none: args.meta_none,
        split_files: args.split_files,
        split_size: args.split_size.filter(|size| *size > 0),
        extras: extras(args)?,
        delta_from: delta_from(args, &here)?,
        nav_headings: args.nav.is_some(),
        generated_at: settings::generated_at()?,
        threads: args.threads,
        debug: args.debug,
        cache: if args.no_cache { None } else { settings::cache() },
        target: if args.stdout { Target::Stream } else { Target::Folder(here.join(out)) },
        name: args.name.clone(),
        dated: true,
    })
}

/// The working copies that the call names: paths, all of the hub, or this folder.
fn given(args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    if args.hub {
        let hub = hub::get(&settings::configuration()?)?;
        let copies = hub::working_copies(&hub)
            .with_context(|| format!("cannot read the hub {}", hub.display()))?;
        if copies.is_empty() {
            return Err(UsageError::with_hint(
                format!("the hub {} holds no working copy", hub.display()),
                "clone one into it, or name another folder with `repolens hub set FOLDER`",
            ));
        }
        return Ok(copies);
    }
    Ok(if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() })
}

fn delta_from(args: &Args, here: &Path) -> anyhow::Result<Option<Base>> {
    let Some(text) = &args.delta_from else { return Ok(None) };
    let base = Base::parse(text, here);
    Ok(Some(base.map_err(|error| UsageError::plain(with_cause(&error)))?))
}

fn pools(args: &Args) -> anyhow::Result<Pools> {
    let Some(path) = &args.pool else { return Ok(Pools::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the pool {}", path.display()))?;
    Pools::parse(&text).map_err(|error| UsageError::plain(format!("{}: {error}", path.display())))
}

fn extras(args: &Args) -> anyhow::Result<Extras> {
    let mut extras = Extras {
        json_sidecar: args.json_sidecar,
        delta_reports: args.delta_from.is_some(),
        ..Extras::default()
    };
    for word in &args.extras {
        match word.trim().replace('-', "_").as_str() {
            "health" => extras.health = true,
            "organism_index" => extras.organism_index = true,
            "fleet_panorama" => extras.fleet_panorama = true,
            "augment_sidecar" => extras.augment_sidecar = true,
            "delta_reports" if args.delta_from.is_none() => {
                return Err(UsageError::with_hint(
                    "the delta block needs something to compare with",
                    "name an earlier merge or sidecar, a revision, or two: --delta-from HEAD~10",
                ));
            }
            "delta_reports" => extras.delta_reports = true,
            "json_sidecar" => extras.json_sidecar = true,
            "heatmap" | "ai_heatmap" => extras.heatmap = true,
            "all" => {
                extras = Extras {
                    health: true,
                    organism_index: true,
                    fleet_panorama: true,
                    augment_sidecar: true,
                    json_sidecar: !args.stdout,
                    heatmap: true,
                    delta_reports: args.delta_from.is_some(),
                }
            }
            "none" | "" => {}
            word => {
                return Err(UsageError::with_hint(
                    format!("`{word}` is no extra"),
                    "the extras are health, organism_index, fleet_panorama, augment_sidecar, delta_reports, json_sidecar, heatmap",
                ));
            }
        }
    }
    Ok(extras)
}

/// What is wrong with the call ends with another code than what went wrong.
pub(crate) fn as_failure(error: MergeError) -> anyhow::Error {
    match error {
        MergeError::Delta(error) => UsageError::plain(with_cause(&error)),
        MergeError::Scan(_) | MergeError::Options(_) | MergeError::SameName { .. } => {
            UsageError::plain(error.to_string())
        }
        MergeError::Write { .. } | MergeError::Structure { .. } => error.into(),
    }
}

fn stream(merged: Vec<Merged>) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    for mut file in merged.into_iter().filter_map(|one| one.stream) {
        std::io::copy(&mut file, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Good)
}

pub(crate) fn report(merged: &[Merged]) -> MergeReport {
    let result = |one: &Merged| MergeResult {
        files: one.files.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        sidecar: one.sidecar.as_ref().map(|path| path.to_string_lossy().into_owned()),
        bytes: one.bytes,
        total_files: one.totals.files,
        coverage: one.totals.coverage(),
        tokens: one.totals.tokens,
        redacted: one.totals.redacted.clone(),
        redacted_elsewhere: one.totals.redacted_elsewhere,
        meta_only: one.totals.meta_only.clone(),
        left_out: one.totals.left_out.clone(),
        notes: one.notes.clone(),
    };
    MergeReport { schema: SCHEMA.to_owned(), merges: merged.iter().map(result).collect() }
}

pub(crate) fn said(merged: &[Merged]) -> String {
    let mut text = String::new();
    for one in merged {
        for path in one.files.iter().chain(&one.sidecar) {
            let _ = writeln!(text, "{}", path.display());
        }
        let totals = &one.totals;
        let tokens = totals.tokens.map_or(String::new(), |tokens| format!(", {tokens} tokens"));
        let _ = writeln!(
            text,
            "  {} of {} files with full content{tokens}, {}",
            totals.full,
            totals.files,
            short_size(one.bytes)
        );
        let meta_only: u64 = totals.meta_only.values().sum();
        let parts = [
            ("truncated", totals.truncated),
            ("without content", meta_only),
            ("secrets masked", totals.redacted_sum() + totals.redacted_elsewhere),
            ("not listed", totals.left_out.values().sum()),
        ];
        let said: Vec<String> = { parts.iter() }
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !said.is_empty() {
            let _ = writeln!(text, "  {}", said.join(", "));
        }
    }
    text
}

/// `64KiB`, `25MB`, `4096`: bytes.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        unit => return Err(format!("`{unit}` is no unit; use B, KB, MB, GB, KiB, MiB, GiB")),
    };
    let number: u64 = digits.trim().parse().map_err(|_| format!("`{digits}` is no number"))?;
    number.checked_mul(factor).ok_or_else(|| format!("`{text}` is too large"))
}

/// As [`size`]; the specification says that a number below zero is no limit either.
fn split_size(text: &str) -> Result<u64, String> {
    match text.strip_prefix('-') {
        Some(below) => size(below).map(|_| 0),
        None => size(text),
    }
}

/// A name that stays in its folder.
fn file_name(text: &str) -> Result<String, String> {
    let bad = text.is_empty()
        || text.starts_with('.')
        || text.contains(['/', '\\', '\0', '#', '(', ')', '<', '>', '"', '`', '|', '&', '{', '}'])
        || text.contains(|c: char| c.is_whitespace() || c.is_control());
    if bad {
        Err("a name of letters, digits, `-`, `_` and `.`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Files done, on a terminal and only when it takes a while.
struct Bar {
    shown: bool,
    started: Instant,
    total: AtomicUsize,
    last_ms: AtomicU64,
}

impl Bar {
    /// Work that is shorter than this is not reported.
    const QUIET_MS: u64 = 700;
    const EVERY_MS: u64 = 100;

    fn new(quiet: bool) -> Self {
        Self {
            shown: !quiet && std::io::stderr().is_terminal(),
            started: Instant::now(),
            total: AtomicUsize::new(0),
            last_ms: AtomicU64::new(0),
        }
    }

    fn clear(&self) {
        if self.last_ms.load(Ordering::Relaxed) > 0 {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Progress for Bar {
    fn total(&self, files: usize) {
        self.total.store(files, Ordering::Relaxed);
    }

    fn files(&self, done: usize) {
        if !self.shown {
            return;
        }
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last_ms = self.last_ms.load(Ordering::Relaxed);
        if now_ms < Self::QUIET_MS || now_ms < last_ms + Self::EVERY_MS {
            return;
        }
        self.last_ms.store(now_ms, Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed);
        let _ = write!(std::io::stderr(), "\r\x1b[Kmerging: {done} of {total} files");
    }
}
