//! `hauski mcp`: the tools of this house for one agent, over standard input and output.
//!
//! The process lives as long as its client. It needs the daemon only for what the daemon alone knows, so a
//! daemon that ends or starts anew interrupts nothing.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use rmcp::ServiceExt as _;

use crate::exit::{Exit, Failure};
use crate::mcp::install::{self, Client};
use crate::mcp::{Distant, Door, Server, Surroundings};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski mcp`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// The repository that is meant when a call names none [default: the working folder]
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    #[command(subcommand)]
    what: Option<What>,
}

/// What else than serving.
#[derive(Debug, Subcommand)]
enum What {
    /// Write this server into the settings of a client; everything else in them stays
    Install {
        /// Which client: claude writes .mcp.json, vscode .vscode/mcp.json, cursor .cursor/mcp.json
        #[arg(long)]
        client: Client,
        /// Folder of the project [default: the working folder]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Serves one client, or installs.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let program = std::env::current_exe().context("cannot find this very program")?;
    if let Some(What::Install { client, folder }) = args.what {
        let folder = folder.map_or_else(|| settings.cwd.clone(), |it| settings.cwd.join(it));
        return install(client, &folder, &program);
    }
    let folder = args.repo.map_or_else(|| settings.cwd.clone(), |repo| settings.cwd.join(repo));
    let surroundings = Surroundings::of(settings, program);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let socket = settings.socket();
    let house = Distant::new(socket, runtime.handle().clone(), settings.policies.clone());
    let door = Door::Stdio { folder };
    let server = Server::new(surroundings, Arc::new(house), move |_| door.clone());
    runtime.block_on(async {
        let running = server.serve(rmcp::transport::stdio()).await;
        let running = match running {
            Ok(running) => running,
            // A client that leaves before it said anything has simply left.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(anyhow::Error::new(error).context("the client spoke no MCP")),
        };
        running.waiting().await.context("the connection broke")?;
        Ok(())
    })?;
    // A tool that still works belongs to a client that has gone.
    runtime.shutdown_background();
    Ok(Exit::Good)
}

fn install(
    client: Client,
    folder: &std::path::Path,
    program: &std::path::Path,
) -> anyhow::Result<Exit> {
    let done = install::install(client, folder, program).map_err(|error| {
        let entry = format!(
            "add by hand: \"hauski\": {{ \"type\": \"stdio\", \"command\": \"{}\", \"args\": [\"mcp\"] }}",
            program.display()
        );
        Failure::new(error.to_string(), entry)
    })?;
    let what = if done.changed { "written" } else { "as it was" };
    output::note(&format!("{} {what}", done.file.display()));
    Ok(Exit::Good)
}
