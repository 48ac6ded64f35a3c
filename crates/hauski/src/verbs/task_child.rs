//! `hauski task-child`: the hidden role that runs one task for an agent, in a process of its own.

use crate::exit::Exit;
use crate::mcp;
use crate::settings::Settings;

/// Options of the role.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The order, as JSON
    order: String,
}

/// Runs the one task.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    mcp::run_task_child(&args.order, settings.environment.clone().into_iter().collect())?;
    Ok(Exit::Good)
}
