//! `hauski fake-plugin`: the hidden role of the scripted engine for tests.

use anyhow::Context as _;
use hauski_plugins::client::Transport;

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Options of the role.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Speak with the host over standard input and output instead of fd 3
    #[arg(long)]
    stdio: bool,
}

/// Serves the host until it ends; only where tests say that they are tests.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    if !settings.test_plugins {
        let hint =
            "tests set HAUSKI_TEST_PLUGINS=1; for real answers add an engine to plugins.json";
        let failure = Failure::new("the scripted engine is for tests alone", hint);
        return Err(failure.exit(Exit::Usage).into());
    }
    let transport = Transport::detect(settings.variable("HAUSKI_PLUGIN_FD"), args.stdio)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(hauski::fake::run(transport))?;
    Ok(Exit::Good)
}
