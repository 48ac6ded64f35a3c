//! `wgx remember`.

use std::fmt::Write;

use contracts::wgx::recall::RememberReport;
use wgx_verbs::remember::{self, Note};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::verbs::duration_ms;

/// Keep a note in the memory; `wgx recall` finds it.
///
/// Secrets in it are masked before it is stored. The same text twice is one note; with --key a new note stands
/// before the old one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The note
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
    /// The name under which it is found again
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Its namespace [default: default]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// How long it stays, for example 12h [default: for good]
    #[arg(long = "for", value_name = "TIME", value_parser = duration_ms)]
    lifetime_ms: Option<u64>,
    /// Where it comes from, as PATH or PATH:LINE [default: you]
    #[arg(long, value_name = "PLACE")]
    source: Option<String>,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let note = Note {
        text: args.text.join(" "),
        key: args.key.clone(),
        namespace: args.namespace.clone(),
        ttl_sec: args.lifetime_ms.map(|ms| ms.div_ceil(1000)),
        source: args.source.clone(),
    };
    let report = remember::remember(&face.context, &note)
        .map_err(|error| Failure::of(1, &error, error.hint()))?;
    face.show(&report, || render(&report))
}

fn render(report: &RememberReport) -> String {
    let mut text = String::new();
    let verb = if report.is_new { "Remembered" } else { "Already known" };
    let _ = writeln!(text, "{verb}: {}", report.id);
    if report.masked > 0 {
        let _ = writeln!(text, "Masked {} secrets in it.", report.masked);
    }
    for id in &report.near {
        let _ = writeln!(text, "{id} says almost the same.");
    }
    text
}
