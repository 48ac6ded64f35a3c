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
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    recall::show(wgx_verbs::ask::ask(&face.context, &args.recall.request()), face)
}
