//! The role that takes its own rights away and then becomes, as far as the kernel is concerned, the plugin's whole world.
//!
//! Two processes: the outer one joins the control groups, makes the namespaces and waits; the inner one is the first process
//! of the new process namespace, builds the view of the file system, gives up every right, starts the plugin, reaps and ends
//! with it. Both end when the daemon's side of the control socket closes. Neither has a second thread.

mod facts;
mod files;
mod inner;
mod outer;
pub(super) mod probe;
mod rights;
mod watch;

pub use facts::Fact;

use std::io;
use std::process::ExitCode;

use super::layer::Layer;
use super::plan::Refusal;
use super::wire::{self, Status};

/// Exit code of the role when the plugin was not started.
const NOT_STARTED: u8 = 70;

/// Runs the role. `arguments` are those after the words that lead here.
///
/// It must be the first thing that the program does: a process with a second thread cannot leave its namespaces.
pub fn main(arguments: &[String]) -> ExitCode {
    let run = match arguments.first().map(String::as_str) {
        None => outer::run(),
        Some("matrix") => return answer(&facts::matrix_of_this_process()),
        Some("probe") => return answer(&probe::run()),
        Some("inner") => inner::run(),
        Some(other) => {
            Err(Refusal::new("start", format!("no part of the sandbox is called {other:?}")))
        }
    };
    run.unwrap_or_else(|refusal| {
        wire::tell(io::stdin(), &Status::Refused(refusal));
        ExitCode::from(NOT_STARTED)
    })
}

/// Writes what was found to standard output.
fn answer(found: &impl serde::Serialize) -> ExitCode {
    let written = serde_json::to_writer(io::stdout(), found).is_ok();
    if written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A layer that the kernel did not give.
fn missing(layer: Layer, what: &str, error: impl std::fmt::Display) -> Refusal {
    let refusal = Refusal::new(layer, format!("{what}: {error}"));
    match facts::explain(layer) {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
