//! `repolens pack`: chooses what matters for a task, inside an exact token budget.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use contracts::repolens::pack::{PackKind, PackReport};
use repolens::pack::select::Grain;
use repolens::pack::{LEAST_BUDGET, PackError, PackRequest, repo_pack};
use repolens::scan::ScanOptions;
use repolens::tokens::Vocabulary;

use crate::exit::{Exit, UsageError};
use crate::output;

/// Choose what matters for a task, inside an exact token budget.
///
/// Files are ranked by the words of the task, by names, and by what git history says of similar changes;
/// then whole files, definitions and signatures fill the budget. The text goes to standard output (or
/// --out) with secrets masked; what was left out is said on standard error and in the report (--json).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What you want to do, in plain words; a commit message or an issue serves too
    #[arg(value_name = "TEXT")]
    task: String,
    /// Working copies, each the root of its own repository [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Most tokens of the whole text, such as 8k or 32000
    #[arg(long, short, value_name = "TOKENS", default_value = "32k", value_parser = tokens)]
    budget: u64,
    /// What counts the tokens: o200k, o200k_harmony, cl100k, p50k, r50k
    #[arg(long, value_name = "NAME", default_value = "o200k", value_parser = vocabulary)]
    vocabulary: Vocabulary,
    /// What is taken of files
    #[arg(long, value_name = "GRAIN", default_value = "auto")]
    grain: GrainArg,
    /// Say the value of every signal of every item
    #[arg(long)]
    explain: bool,
    /// Print the report as JSON instead of the text
    #[arg(long)]
    json: bool,
    /// Write the text to a file
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also what ignore files and the tooling rule leave out (never .git)
    #[arg(long)]
    no_ignore: bool,
    /// Threads; the pack does not depend on it [default: one for every core]
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    threads: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GrainArg {
    /// Definitions in small budgets, whole files first from 16k on
    Auto,
    /// Whole files alone
    Files,
    /// Definitions first
    Definitions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let roots = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let request = PackRequest {
        task: args.task.clone(),
        roots,
        budget: args.budget,
        vocabulary: args.vocabulary,
        grain: match args.grain {
            GrainArg::Auto => Grain::Auto,
            GrainArg::Files => Grain::Files,
            GrainArg::Definitions => Grain::Definitions,
        },
        explain: args.explain,
        scan: ScanOptions {
            no_ignore: args.no_ignore,
            threads: args.threads,
            ..ScanOptions::default()
        },
    };
    let packed = repo_pack(&request).map_err(as_failure)?;
    if let Some(path) = &args.out {
        std::fs::write(path, &packed.text)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if args.json {
        output::json(&packed.report)?;
        return Ok(Exit::Good);
    }
    if args.out.is_none() {
        // A pack is a file for an AI: its bytes are not changed for terminals.
        output::raw(packed.text.as_bytes())?;
    }
    for note in &packed.report.notes {
        output::warning(note);
    }
    output::note(&summary(&packed.report));
    if args.explain {
        output::note(&explained(&packed.report));
    }
    Ok(Exit::Good)
}

fn as_failure(error: PackError) -> anyhow::Error {
    match error {
        PackError::NoTask => UsageError::with_hint(
            "the task has no words to look for",
            "say what you want to do, such as `repolens pack \"retry failed uploads\"`",
        ),
        PackError::Budget(_) => UsageError::plain(error.to_string()),
        PackError::Scan(_) | PackError::Root { .. } => error.into(),
    }
}

/// One paragraph: how full, how much of what, and what was left out.
fn summary(report: &PackReport) -> String {
    let kinds = [
        (PackKind::Full, "whole files"),
        (PackKind::Definitions, "by definitions"),
        (PackKind::Signatures, "by signatures"),
    ];
    let mut text = format!("{} of {} tokens ({})", report.tokens, report.budget, report.vocabulary);
    for (kind, name) in kinds {
        let number = report.items.iter().filter(|item| item.kind == kind).count();
        if number > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, ", {number} {name}");
        }
    }
    let masked: u64 = report.redacted.values().sum();
    if masked > 0 {
        let _ = write!(text, ", {masked} secrets masked");
    }
    let reasons = report.left_out.reasons.iter().map(|(reason, times)| format!("{reason} {times}"));
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        let _ = write!(text, "\nleft out: {}", reasons.join(", "));
    }
    let next: Vec<&str> = report.left_out.next.iter().map(|next| next.path.as_str()).collect();
    if !next.is_empty() {
        let _ = write!(text, "\nnext would be: {}", next.join(", "));
    }
    text
}

fn explained(report: &PackReport) -> String {
    let mut text = "why each file was chosen, and its signals above 0".to_owned();
    for item in &report.items {
        let _ = write!(
            text,
            "\n{:.3} {} ({} tokens): {}",
            item.score, item.path, item.tokens, item.why
        );
        let told = item.signals.iter().filter(|(_, value)| **value > 0.0);
        let told: Vec<String> = told.map(|(name, value)| format!("{name} {value:.2}")).collect();
        let _ = write!(text, "\n      {}", told.join(" · "));
    }
    text
}

/// `8k`, `32000`, `1m`.
fn tokens(word: &str) -> Result<u64, String> {
    let lower = word.trim().to_ascii_lowercase();
    let (digits, times) = match lower.strip_suffix(['k', 'm']) {
        Some(digits) => (digits, if lower.ends_with('k') { 1_000 } else { 1_000_000 }),
        None => (lower.as_str(), 1),
    };
    let number: u64 =
        digits.parse().map_err(|_| "a number of tokens, such as 8k or 32000".to_owned())?;
    match number.checked_mul(times) {
        Some(budget) if budget >= LEAST_BUDGET => Ok(budget),
        Some(_) => Err(format!("at least {LEAST_BUDGET} tokens")),
        None => Err("too large".to_owned()),
    }
}

/// A vocabulary by its name, with or without `_base`.
fn vocabulary(word: &str) -> Result<Vocabulary, String> {
    let full = if word.contains('_') { word.to_owned() } else { format!("{word}_base") };
    full.parse().map_err(|error: repolens::tokens::VocabularyError| error.to_string())
}
