//! `hauski openapi`: the document of every route, without a daemon.

use crate::exit::Exit;
use crate::{openapi, output};

/// Options of `hauski openapi`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the document.
pub(crate) fn run(_: &Args) -> anyhow::Result<Exit> {
    output::print_json(&openapi::document())?;
    Ok(Exit::Good)
}
