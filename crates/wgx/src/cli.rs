//! The command line: verbs and the options that all of them share. No IO.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

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

/// The verbs, each in the file of its name, where its help stands too: a description here would hide that.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    List(verbs::list::Args),
    Run(verbs::run::Args),
    Guard(verbs::guard::Args),
    Smoke(verbs::smoke::Args),
    Suggest(verbs::suggest::Args),
    Profile(verbs::profile::Args),
    Up(verbs::up::Args),
    Doctor(verbs::doctor::Args),
    Validate(verbs::validate::Args),
    Init(verbs::init::Args),
    Runs(verbs::runs::Args),
    Fleet(verbs::fleet::Args),
    Recall(verbs::recall::Args),
    Ask(verbs::ask::Args),
    Remember(verbs::remember::Args),
    Memory(verbs::memory::Args),
    Seeds(verbs::seeds::Args),
    Secrets(verbs::secrets::Args),
    Trust(verbs::trust::Args),
    Completions(verbs::completions::Args),
    Man(verbs::man::Args),
    Help(verbs::help::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Parses the process's arguments.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    match parse_often_used(std::env::args_os()) {
        Some(arguments) => Ok(arguments),
        None => Arguments::try_parse(),
    }
}

/// What a call of one of the verbs that start most often means. `None` for every other call, and for a wrong
/// one: its message needs all verbs. Describing all of them costs more than the rest of a `wgx list`.
fn parse_often_used(words: impl Iterator<Item = OsString>) -> Option<Arguments> {
    let mut words = words.peekable();
    let program = words.next()?;
    let verb = match words.peek()?.to_str()? {
        "list" => verbs::list::Args::augment_args(Command::new("list")),
        "run" => verbs::run::Args::augment_args(Command::new("run")),
        _ => return None,
    };
    let mut command = Shared::augment_args(Command::new("wgx")).subcommand(verb);
    let found = command.try_get_matches_from_mut(std::iter::once(program).chain(words));
    // Freeing hundreds of descriptions takes time, and the program is about to end anyway.
    std::mem::forget(command);
    Arguments::from_arg_matches_mut(&mut found.ok()?).ok()
}

/// Whether the call asks for JSON, even where it cannot be parsed; what follows `--` is a task's.
pub(crate) fn wants_json() -> bool {
    let ours = std::env::args_os().skip(1).take_while(|word| word != "--");
    ours.into_iter().any(|word| word == "--json")
}

/// The command as clap knows it, for completions and manual pages.
pub(crate) fn command() -> Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn often_used_verbs_mean_what_they_mean_among_all() {
        for line in [
            "wgx list",
            "wgx list --json --deep -C /tmp",
            "wgx list --color=never --home h",
            "wgx run build test",
            "wgx run -n --json build -- --json -x",
            "wgx run --use-memory=off --timeout 3m --parallel -j 2 a b",
            "wgx run please check the docs",
        ] {
            let alone = parse_often_used(words(line).into_iter()).expect(line);
            let among_all = Arguments::try_parse_from(words(line)).expect(line);
            assert_eq!(format!("{alone:?}"), format!("{among_all:?}"), "{line}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_whole_command() {
        for line in [
            "wgx",
            "wgx runs",
            "wgx -C x list",
            "wgx list --help",
            "wgx run",
            "wgx list --no",
            "wgx lens",
        ] {
            assert!(parse_often_used(words(line).into_iter()).is_none(), "{line}");
        }
    }
}
