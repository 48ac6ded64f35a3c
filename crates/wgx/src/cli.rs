//! The command line: verbs and the options that all of them share. No IO.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::verbs;

/// One vocabulary for every repository, with a memory.
///
/// `wgx list` shows what a repository offers, `wgx run` starts it, and every run is remembered.
#[derive(Debug, Parser)]
#[command(
    name = "wgx",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "wgx help VERB --plain explains a verb in one plain paragraph."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Shared {
    /// Work as if started in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print the report as JSON (its `schema` field names the version)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where the memory lies [env: HAUSKI_HOME] [default: the repository's own .hauski/, else the XDG
    /// data folder, hauski/]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) home: Option<PathBuf>,
    /// Which memory to work with: `daemon`, `local`, `off` (nothing is read, nothing stays), or `auto`: the daemon
    /// for questions where it answers, else the local one
    #[arg(long, value_name = "WHICH", global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "auto")]
    pub(crate) use_memory: Option<Memory>,
    /// When to use colours (`NO_COLOR` is respected)
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Language of plain help [default: by locale]
    #[arg(long, value_name = "LANGUAGE", global = true)]
    pub(crate) lang: Option<Language>,
}

/// Which memory to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Memory {
    /// The daemon where it answers, else the local one.
    Auto,
    /// Without the daemon.
    Local,
    /// Only the daemon.
    Daemon,
    /// None.
    Off,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// In a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Languages of the plain help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English.
    En,
    /// German.
    De,
}

/// The verbs, each in the file of its name.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List every task this repository offers
    List(verbs::list::Args),
    /// Run a task, or what free text means
    Run(verbs::run::Args),
    /// Look for small things that cause big trouble
    Guard(verbs::guard::Args),
    /// The shortest meaningful path, in about a minute
    Smoke(verbs::smoke::Args),
    /// Next sensible steps, each with its reason
    Suggest(verbs::suggest::Args),
    /// The words of this repository, declared and learned
    Profile(verbs::profile::Args),
    /// Make the environment of this repository ready
    Up(verbs::up::Args),
    /// Check this machine, this repository and the memory
    Doctor(verbs::doctor::Args),
    /// Check the profile, and run the checks that it declares
    Validate(verbs::validate::Args),
    /// Write a first profile from the tasks found here
    Init(verbs::init::Args),
    /// What was run here, newest first
    Runs(verbs::runs::Args),
    /// What is known about some words: notes, runs, logs, and what the daemon has indexed
    Recall(verbs::recall::Args),
    /// A question, answered with the places that the answer comes from
    Ask(verbs::ask::Args),
    /// Keep a note in the memory
    Remember(verbs::remember::Args),
    /// Look after the memory: size, health, retention, packs
    Memory(verbs::memory::Args),
    /// Small data states that tests start from: take, list, write back
    Seeds(verbs::seeds::Args),
    /// Which secrets are needed and where they are kept, never the secrets
    Secrets(verbs::secrets::Args),
    /// Trust this repository as it is now
    Trust(verbs::trust::Args),
    /// Write shell completions
    Completions(verbs::completions::Args),
    /// Write manual pages
    Man(verbs::man::Args),
    /// Explain wgx or one verb
    Help(verbs::help::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Parses the process's arguments.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}

/// Whether the call asks for JSON, even where it cannot be parsed; what follows `--` is a task's.
pub(crate) fn wants_json() -> bool {
    let ours = std::env::args_os().skip(1).take_while(|word| word != "--");
    ours.into_iter().any(|word| word == "--json")
}

/// The command as clap knows it, for completions and manual pages.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}
