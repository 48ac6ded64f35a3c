//! `hauski serve`: the daemon itself, from its listeners to its last answer.

use std::fs;
use std::io;
use std::time::Duration;

use anyhow::Context;
use contracts::hauski::daemon::Running;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;
use tracing_subscriber::prelude::*;

use crate::exit::{Exit, Failure};
use crate::home;
use crate::server::{self, listen::Listeners};
use crate::settings::{Settings, parse_bind};
use crate::state::AppState;
use crate::upkeep;

/// Options of `hauski serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes a free one [env: HAUSKI_BIND] [default: 127.0.0.1:7070]
    #[arg(long, value_name = "IP:PORT")]
    bind: Option<String>,
    /// Seconds that open requests get to finish when the daemon ends
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    drain: u64,
}

/// Serves until a signal ends it.
pub(crate) fn run(args: Args, mut settings: Settings) -> anyhow::Result<Exit> {
    if let Some(bind) = args.bind {
        settings.bind = parse_bind(&bind, "--bind")?;
    }
    log_to_stderr(&settings);
    // Two threads serve thousands of requests a second; each more costs memory while idle.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(serve(settings, Duration::from_secs(args.drain)));
    // A worker that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended.map(|()| Exit::Good)
}

async fn serve(settings: Settings, drain: Duration) -> anyhow::Result<()> {
    home::prepare(&settings)?;
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let listeners = Listeners::open(settings.bind, &settings.socket()).await?;
    let address = listeners.address()?;
    let (store, keys) = home::open(&settings).await?;
    let state = AppState::new(settings, policies, store, keys);
    let router = server::router(state.clone());
    let tracker = TaskTracker::new();
    let accepting = tokio::spawn(listeners.serve(router, state.clone(), tracker.clone()));
    let upkeep = tokio::spawn(upkeep::run(state.clone()));
    state.set_ready();
    let running = running_file(&state.settings, &address.to_string())?;
    tracing::info!(%address, socket = %state.settings.socket().display(), "ready");

    wait_for_the_end().await?;
    tracing::info!(open = tracker.len(), "ending: open requests may finish");
    state.draining.cancel();
    accepting.await?;
    tracker.close();
    if tokio::time::timeout(drain, tracker.wait()).await.is_err() {
        tracing::warn!(open = tracker.len(), "time is over: open requests are cut");
        state.ended.cancel();
        tracker.wait().await;
    }
    state.ended.cancel();
    upkeep.await?;
    for file in [running, state.settings.socket()] {
        // What is gone already needs no removal.
        let _ = fs::remove_file(file);
    }
    tracing::info!("ended");
    Ok(())
}

/// Tells other processes of this account where the daemon is.
fn running_file(settings: &Settings, address: &str) -> anyhow::Result<std::path::PathBuf> {
    let path = settings.run_folder().join("daemon.json");
    let running = Running {
        pid: std::process::id(),
        address: address.to_owned(),
        url: format!("http://{address}"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut file = tempfile::NamedTempFile::new_in(settings.run_folder())?;
    serde_json::to_writer(&mut file, &running)?;
    file.persist(&path).context("cannot write run/daemon.json")?;
    Ok(path)
}

/// SIGTERM or SIGINT.
async fn wait_for_the_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// One JSON object a line for machines, readable lines for a terminal.
fn log_to_stderr(settings: &Settings) {
    let level = tracing_subscriber::filter::LevelFilter::from_level(settings.log_level);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = match settings.stderr_is_terminal {
        true => layer.boxed(),
        false => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(level)).init();
}
