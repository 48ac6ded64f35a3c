//! `wgx trust`.

use std::fmt::Write;

use contracts::wgx::TrustReport;
use redact::escape::escape_ctl_line;
use wgx_verbs::trust::{self, TrustRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD};

/// Trust this repository as it is now.
///
/// A task that you name runs without trust. What would start by itself (`needs`, an implied `up`, free
/// text, smoke, the repository's own linters, `--ask-tools`) needs it. Trust is bound to a hash of the
/// files that describe tasks; when one of them changes, wgx asks again. A no to the question about an
/// implied `up` is remembered for the same hash; --status shows it, --revoke forgets it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take trust in this repository back, and a remembered no
    #[arg(long, conflicts_with = "status")]
    revoke: bool,
    /// Only show; exit code 1 when it is not trusted
    #[arg(long)]
    status: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let request = match (args.revoke, args.status) {
        (true, _) => TrustRequest::Revoke,
        (_, true) => TrustRequest::Status,
        _ => TrustRequest::Grant,
    };
    let report = trust::trust(&face.context, request)
        .map_err(|error| Failure::of(1, &error, error.hint()))?;
    if face.json {
        face.print_json(&report)?;
    } else {
        face.output.print(&render(&report))?;
    }
    let wanted = request == TrustRequest::Status && !report.trusted;
    Ok(if wanted { Exit::Findings } else { Exit::Good })
}

fn render(report: &TrustReport) -> String {
    let mut text = String::new();
    let (style, word) = if report.trusted { (GOOD, "trusted") } else { (BAD, "not trusted") };
    let _ = writeln!(text, "{style}{word}{style:#} {}", escape_ctl_line(&report.root));
    if report.changed_since_trust {
        let _ = writeln!(text, "It was trusted with other content; look at what changed.");
    }
    if report.declined {
        let _ = writeln!(
            text,
            "You said no to this content, so its `up` is left out without a question; \
             `wgx trust --revoke` lets wgx ask again."
        );
    }
    for file in &report.files {
        let path = escape_ctl_line(&file.path);
        let _ = writeln!(text, "  {DIM}{}{DIM:#} {path}", &file.sha256[..12]);
    }
    text
}
