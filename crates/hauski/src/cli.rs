//! The command line: the options that all verbs share. No IO; the verbs stand in `verbs/`, a file each.

use std::path::PathBuf;

use clap::Parser;

use crate::verbs::Verb;

/// The local daemon: one door to models, plugins and the memory, safe by default.
///
/// `hauski serve` starts it, `hauski status` asks it, everything else operates it.
#[derive(Debug, Parser)]
#[command(name = "hauski", version, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Shared {
    /// Where the daemon keeps its files [env: HAUSKI_HOME] [default: the XDG data folder, hauski/]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) home: Option<PathBuf>,
    /// Folder of routing.yaml, limits.yaml, memory.yaml and models.yml [env: HAUSKI_ROUTING,
    /// HAUSKI_LIMITS, HAUSKI_MEMORY, HAUSKI_MODELS name single files] [default: ./policies of the
    /// repository, then the XDG configuration folder, hauski/policies, then the built-in values]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) policies: Option<PathBuf>,
    /// Print the report as JSON (its `schema` field names the version)
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What was asked for, or what is wrong with it.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}
