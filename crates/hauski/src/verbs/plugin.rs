//! `hauski plugin NAME`: the hidden role of a plugin that this program brings along.

use anyhow::Context as _;
use hauski_plugins::client::Transport;

use crate::exit::Exit;
use crate::plugins::repoagent;
use crate::settings::Settings;

/// Options of the role.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which plugin
    name: Name,
    /// Speak with the host over standard input and output instead of fd 3
    #[arg(long)]
    stdio: bool,
}

/// The plugins of this program.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Name {
    /// Looks at repositories and changes them, inside declared roots only
    Repoagent,
}

/// Serves the host until it ends.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let transport = Transport::detect(settings.variable("HAUSKI_PLUGIN_FD"), args.stdio)?;
    let environment = settings.environment.clone().into_iter().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let Name::Repoagent = args.name;
    runtime.block_on(repoagent::serve(transport, environment))?;
    Ok(Exit::Good)
}
