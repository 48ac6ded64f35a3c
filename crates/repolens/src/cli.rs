//! The command line: merging is what happens without a verb. No IO.

use clap::{CommandFactory, Parser, Subcommand};

use crate::verbs;

/// Turn working copies into merges that an AI can navigate, cite and trust.
///
/// A merge is one Markdown file with plan, structure, index, manifest and contents, linked throughout,
/// without secrets, honest about what is missing. A folder that is called like a verb is given as ./NAME.
#[derive(Debug, Parser)]
#[command(
    name = "repolens",
    version,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) merge: verbs::merge::Args,
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// The verbs, each in the file of its name.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Check merges against their format
    Validate(verbs::validate::Args),
    /// Turn a merge back into files
    Unpack(verbs::unpack::Args),
    /// Say what changed between two merges
    Diff(verbs::diff::Args),
    /// Say where the tokens go
    Stats(verbs::stats::Args),
    /// Write shell completions
    Completions(verbs::completions::Args),
    /// Remember or show the folder of your working copies
    Hub(verbs::hub::Args),
    /// Write manual pages
    Man(verbs::man::Args),
    /// Choose what matters for a task, inside an exact token budget
    Pack(verbs::pack::Args),
    /// Show trees with sizes and tokens, before anything is merged
    Prescan(verbs::prescan::Args),
    /// Merge, and merge again whenever something changed
    Watch(verbs::watch::Args),
}

/// Parses the process's arguments.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}

/// The command as clap knows it, for completions and manual pages.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}
