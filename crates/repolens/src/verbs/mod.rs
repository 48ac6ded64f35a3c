//! The faces of the verbs, one module a verb: arguments, call, rendering.

pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod hub;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod pack;
pub(crate) mod prescan;
pub(crate) mod stats;
pub(crate) mod unpack;
pub(crate) mod validate;
pub(crate) mod watch;

use crate::cli::{Arguments, Verb};
use crate::exit::{self, Exit};

/// Calls the verb and turns a failure into its message and code.
pub(crate) fn dispatch(arguments: Arguments) -> Exit {
    call(arguments).unwrap_or_else(|error| exit::failed(&error))
}

fn call(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.verb {
        None => merge::run(&arguments.merge),
        Some(Verb::Completions(args)) => completions::run(&args),
        Some(Verb::Diff(args)) => diff::run(&args),
        Some(Verb::Hub(args)) => hub::run(&args),
        Some(Verb::Man(args)) => man::run(&args),
        Some(Verb::Pack(args)) => pack::run(&args),
        Some(Verb::Prescan(args)) => prescan::run(&args),
        Some(Verb::Stats(args)) => stats::run(&args),
        Some(Verb::Unpack(args)) => unpack::run(&args),
        Some(Verb::Validate(args)) => validate::run(&args),
        Some(Verb::Watch(args)) => watch::run(&args),
    }
}
