//! `hauski observability`, hidden: the files that follow from the registry of metrics, for `cargo xtask`.

use std::collections::BTreeMap;

use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::metrics::observability;
use crate::output;

/// Options of `hauski observability`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the files by name.
pub(crate) fn run(_: &Args) -> anyhow::Result<Exit> {
    let files: BTreeMap<_, _> = observability::files(&Metrics::with_examples().render()?).into();
    output::print_json(&files)?;
    Ok(Exit::Good)
}
