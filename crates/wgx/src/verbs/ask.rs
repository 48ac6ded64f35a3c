//! `wgx ask`.

use crate::exit::Exit;
use crate::face::Face;
use crate::verbs::recall;

/// A question, answered with the places that the answer comes from.
///
/// The daemon searches documents, code, notes, runs and logs. Without it this is a search for the words of the
/// question in notes, runs and logs, and says so. Citations are `path:line`. Exit code 1 when nothing is found.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    recall: recall::Args,
    /// Let this chat model of the daemon answer from the passages, each sentence with its citation
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    recall::show(
        wgx_verbs::ask::ask(&face.context, &args.recall.request(), args.model.as_deref()),
        face,
    )
}
