//! `repolens prescan`: what there is to choose from before a merge.

use std::fmt::Write as _;
use std::path::PathBuf;

use contracts::repolens::prescan::{PrescanKind, PrescanNode, PrescanReport};
use repolens::merge::TokenCounter;
use repolens::prescan::prescan;
use repolens::render::view::short_size;
use repolens::scan::ScanOptions;
use repolens::tokens::Vocabulary;

use crate::exit::Exit;
use crate::{output, settings};

/// Show working copies as trees with sizes and tokens, before anything is merged.
///
/// The signature of a working copy changes with the paths and sizes of its files: a saved selection (a
/// pool) made for another signature may no longer fit.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Working copies, each the root of its own repository [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How many levels are shown; deeper ones are counted in their folder
    #[arg(long, value_name = "N", default_value = "2")]
    depth: usize,
    /// Print the whole trees as JSON
    #[arg(long)]
    json: bool,
    /// Do not count tokens
    #[arg(long)]
    no_tokens: bool,
    /// Also what ignore files and the tooling rule leave out (never .git)
    #[arg(long)]
    no_ignore: bool,
    /// Neither use nor keep what is known of unchanged files
    #[arg(long)]
    no_cache: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let here = settings::working_directory()?;
    let roots: Vec<PathBuf> = match args.paths.as_slice() {
        [] => vec![here],
        paths => paths.iter().map(|path| here.join(path)).collect(),
    };
    let options = ScanOptions { no_ignore: args.no_ignore, ..ScanOptions::default() };
    let cache = if args.no_cache { None } else { settings::cache() };
    let count = |text: &str| Vocabulary::default().count(text);
    let tokens: Option<&TokenCounter> = (!args.no_tokens).then_some(&count);
    let report = prescan(&roots, &options, cache.as_deref(), tokens)?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&rendered(&report, args.depth))?;
    }
    Ok(Exit::Good)
}

fn rendered(report: &PrescanReport, depth: usize) -> String {
    let mut text = String::new();
    for repo in &report.repos {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  {} files, {}, {} tokens, {} left out\n  signature {}",
            one_line(&repo.name),
            repo.file_count,
            short_size(repo.total_bytes),
            repo.total_tokens,
            repo.left_out,
            repo.signature
        );
        for child in &repo.tree.children {
            node(&mut text, child, 1, depth);
        }
    }
    text
}

fn node(text: &mut String, here: &PrescanNode, level: usize, depth: usize) {
    let name = here.path.rsplit('/').next().unwrap_or(&here.path);
    let mark = match here.kind {
        PrescanKind::Folder => "/",
        PrescanKind::Text => "",
        PrescanKind::Binary => "  (binary)",
        PrescanKind::Secret => "  (secrets)",
        PrescanKind::Other => "  (no file with text)",
    };
    let tokens = here.tokens.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string());
    let (indent, name) = ("  ".repeat(level), one_line(name));
    let _ = writeln!(text, "{:>10} {tokens:>9} {indent}{name}{mark}", short_size(here.size));
    if level < depth {
        for child in &here.children {
            node(text, child, level + 1, depth);
        }
    }
}

/// Names may hold line breaks; a line of the tree is one line.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], "\u{fffd}")
}
