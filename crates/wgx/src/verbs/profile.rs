//! `wgx profile`.

use std::collections::BTreeMap;
use std::fmt::Write;

use contracts::wgx::profile::ProfileReport;
use redact::escape::escape_ctl_line;
use wgx_verbs::profile;

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{DIM, NAME, STRONG, pad};

/// The words of this repository: declared in its profile, and learned from you.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// Show what is declared and what was learned
    Show,
    /// Write the learned shortcuts to profiles/REPO.yml in the memory
    Learn,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let report = match args.what {
        What::Show => profile::show(&face.context),
        What::Learn => profile::learn(&face.context),
    };
    let report = report.map_err(|error| Failure::of(1, &error, error.hint()))?;
    face.show(&report, || render(&report))
}

fn render(report: &ProfileReport) -> String {
    let mut text = String::new();
    match &report.profile {
        Some(file) => {
            let (file, count) = (escape_ctl_line(file), report.tasks.len());
            let _ = writeln!(text, "{STRONG}{file}{STRONG:#} {DIM}{count} tasks{DIM:#}");
        }
        None => {
            let _ = writeln!(text, "No profile; `wgx init` writes one.");
        }
    }
    words(&mut text, "synonyms", &report.synonyms);
    words(&mut text, "semantics", &report.semantics);
    words(&mut text, "learned", &report.learned);
    if !report.favourites.is_empty() {
        let _ = writeln!(text, "{STRONG}run most{STRONG:#}");
    }
    for favourite in &report.favourites {
        let task = pad(&escape_ctl_line(&favourite.task), 28);
        let (runs, failures) = (favourite.runs, favourite.failures);
        let _ = writeln!(text, "  {NAME}{task}{NAME:#} {runs} times, {failures} red");
    }
    if let Some(path) = &report.written {
        let _ = writeln!(text, "Written to {}", escape_ctl_line(path));
    }
    text
}

fn words(text: &mut String, title: &str, words: &BTreeMap<String, Vec<String>>) {
    if words.is_empty() {
        return;
    }
    let _ = writeln!(text, "{STRONG}{title}{STRONG:#}");
    for (word, means) in words {
        let (word, means) = (pad(&escape_ctl_line(word), 28), means.join(" + "));
        let _ = writeln!(text, "  {NAME}{word}{NAME:#} {}", escape_ctl_line(&means));
    }
}
