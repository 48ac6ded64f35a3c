//! `repolens stats`: where the tokens go, as a tree and as a treemap.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contracts::repolens::stats::{StatsNode, StatsReport};
use redact::escape::escape_ctl_line;
use repolens::merge::{Density, MergeRequest, Mode, Progress, Target, merge};
use repolens::pool::Pools;
use repolens::reader::{Outline, outline};
use repolens::scan::ScanOptions;
use repolens::select::{Level, Selection};
use repolens::stats::{Sized, of_merge, stats, svg};
use repolens::tokens::Vocabulary;

use crate::exit::{Exit, UsageError};
use crate::{output, settings};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Working copies, or merges (their part 1)
    #[arg(value_name = "PATH|MERGE")]
    paths: Vec<PathBuf>,
    /// Levels of the tree that are shown
    #[arg(long, default_value_t = 3, value_name = "N")]
    depth: usize,
    /// Lines of one folder; the others are summed up
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    /// Also write the treemap of everything
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let report = stats(&files(args)?);
    if let Some(path) = &args.svg {
        std::fs::write(path, svg(&report))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&said(&report, args))?;
    }
    Ok(Exit::Good)
}

fn files(args: &Args) -> anyhow::Result<Vec<Sized>> {
    let here = settings::working_directory()?;
    let given = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let (folders, merges): (Vec<PathBuf>, Vec<PathBuf>) =
        given.into_iter().map(|path| here.join(path)).partition(|path| path.is_dir());
    let mut files = Vec::new();
    for path in &merges {
        let file = File::open(path).map_err(|error| {
            UsageError::plain(format!("cannot read {}: {error}", path.display()))
        })?;
        let outline = readable(outline(file), path)?;
        if outline.meta.is_none() {
            let message = format!("{} has no manifest", path.display());
            return Err(UsageError::with_hint(message, "give part 1 of a merge"));
        }
        files.extend(of_merge(&outline));
    }
    if !folders.is_empty() {
        let count = |text: &str| Vocabulary::default().count(text);
        let merged = merge(&request(folders)?, Some(&count), &Silent)?;
        for mut stream in merged.into_iter().filter_map(|one| one.stream) {
            std::io::Seek::rewind(&mut stream)?;
            files.extend(of_merge(&readable(outline(stream), Path::new("the merge"))?));
        }
    }
    Ok(files)
}

fn readable<E: std::error::Error>(
    read: Result<Outline, E>,
    path: &Path,
) -> anyhow::Result<Outline> {
    read.map_err(|error| UsageError::plain(format!("{}: {error}", path.display())))
}

/// Says nothing while the files are counted.
struct Silent;

impl Progress for Silent {
    fn total(&self, _: usize) {}

    fn files(&self, _: usize) {}
}

/// A merge of everything, which nobody keeps: its manifest has exact sizes and tokens.
fn request(roots: Vec<PathBuf>) -> anyhow::Result<MergeRequest> {
    Ok(MergeRequest {
        roots,
        scan: ScanOptions::default(),
        selection: Selection {
            level: Level::Max,
            code_only: false,
            plan_only: false,
            path_filter: None,
            extensions: Vec::new(),
            max_file_bytes: None,
            pools: Pools::default(),
        },
        mode: Mode::Combined,
        density: Density::Min,
        meta_none: true,
        split_files: false,
        split_size: None,
        extras: contracts::repolens::report::Extras::default(),
        delta_from: None,
        nav_headings: false,
        generated_at: settings::generated_at()?,
        threads: 0,
        debug: false,
        cache: settings::cache(),
        target: Target::Stream,
        name: None,
        dated: true,
    })
}

fn said(report: &StatsReport, args: &Args) -> String {
    let mut text = format!("{:>12} {:>12} {:>8}  path\n", "tokens", "bytes", "files");
    line(&mut text, &report.total, 0, args);
    text
}

fn line(text: &mut String, node: &StatsNode, depth: usize, args: &Args) {
    let tokens = node.tokens.map_or("-".to_owned(), |tokens| tokens.to_string());
    let slash = if matches!(node.kind.as_str(), "repository" | "folder") { "/" } else { "" };
    let name = if depth == 0 { "all" } else { &node.name };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{tokens:>12} {:>12} {:>8}  {}{}{slash}",
        node.bytes,
        node.files,
        "  ".repeat(depth),
        escape_ctl_line(name)
    );
    if depth >= args.depth {
        return;
    }
    for child in node.children.iter().take(args.top) {
        line(text, child, depth + 1, args);
    }
    let rest = node.children.get(args.top..).unwrap_or_default();
    if !rest.is_empty() {
        let bytes: u64 = rest.iter().map(|node| node.bytes).sum();
        let files: u64 = rest.iter().map(|node| node.files).sum();
        let tokens: u64 = rest.iter().filter_map(|node| node.tokens).sum();
        let indent = "  ".repeat(depth + 1);
        let _ = writeln!(text, "{tokens:>12} {bytes:>12} {files:>8}  {indent}{} more", rest.len());
    }
}
