//! `hauski serve`: the daemon itself, from its listeners to its last answer.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use audit::{Durability, Event, Outcome};
use contracts::hauski::config::Source;
use contracts::hauski::daemon::Running;
use contracts::hauski::plugin_status::HostEvent;
use hauski_index::Index;
use hauski_plugins::sandbox::{Init, Paths};
use hauski_plugins::{Host, HostOptions, Manifest, REFUSED};
use policy::Policies;
use redact::Redactor;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing_subscriber::prelude::*;

use crate::exit::{Exit, Failure, with_causes};
use crate::gateway::{brokers, outside};
use crate::keys::Keys;
use crate::options::Options;
use crate::server::listen::Listeners;
use crate::server::{self, tls};
use crate::settings::Settings;
use crate::state::{AppState, Parts};
use crate::systemd::Manager;
use crate::{embed, entries, home, plugin_files, record, reload, upkeep};

/// Changes that were begun get this time to be made when the daemon ends.
const CHANGES: Duration = Duration::from_secs(5);

/// Options of `hauski serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes a free one [env: HAUSKI_BIND] [default: 127.0.0.1:7070]
    #[arg(long, value_name = "IP:PORT")]
    bind: Option<String>,
    /// Serve nothing but this: the memory, its health and its metrics, without plugins
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Let plugins.json name the scripted engine for tests [env: HAUSKI_TEST_PLUGINS]
    #[arg(long, hide = true)]
    test_plugins: bool,
    /// Seconds that open requests get to finish when the daemon ends
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    drain: u64,
    /// Start, become ready, and end at once: does it work here?
    #[arg(long)]
    check: bool,
}

/// What may be served alone.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    /// Items of the memory.
    Memory,
}

/// Serves until a signal ends it.
pub(crate) fn run(args: Args, mut settings: Settings) -> anyhow::Result<Exit> {
    if let Some(bind) = args.bind {
        settings.given.insert("bind", (bind, Source::Flag));
    }
    settings.test_plugins |= args.test_plugins;
    settings.only_memory = matches!(args.only, Some(Part::Memory));
    // What can be wrong in the call is said before anything is made.
    Options::resolve(&settings.given, &[])?;
    // Two threads serve thousands of requests a second; each more costs memory while idle.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(serve(settings, Duration::from_secs(args.drain), args.check));
    // A worker that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended.map(|()| Exit::Good)
}

async fn serve(settings: Settings, drain: Duration, is_check: bool) -> anyhow::Result<()> {
    let (state, listeners, events) = open(settings).await?;
    let embedding = tokio::spawn(embed::run(state.clone(), state.host.events()));
    if let Ok(index) = &state.index
        && !state.settings.only_memory
    {
        let index = index.clone();
        // It ends when the index is closed.
        tokio::spawn(async move { index.keep_sources().await });
    }
    let refusals = tokio::spawn(record_refusals(state.clone(), events));
    let manager = Manager::connect(&state.settings).context("NOTIFY_SOCKET cannot be used")?;
    let tracker = TaskTracker::new();
    let router = server::router(state.clone());
    let accepting = tokio::spawn(listeners.serve(router, state.clone(), tracker.clone()));
    let upkeep = tokio::spawn(upkeep::run(state.clone()));
    let changes = reload::watch(&state);
    let reloading = tokio::spawn(reload::run(state.clone(), changes));
    let watching = tokio::spawn(plugin_files::run(state.clone()));
    state.set_ready();
    let running = running_file(&state)?;
    let socket = state.settings.socket();
    tracing::info!(url = state.url, socket = %socket.display(), "ready");
    if let Some(manager) = &manager {
        manager.say(&format!("READY=1\nSTATUS=serving {}", state.url));
    }
    if !is_check {
        tokio::select! {
            ended = wait_for_the_end() => ended?,
            () = watch(manager.as_ref(), &state) => {}
        }
    }
    tracing::info!(open = tracker.len(), "ending: open requests may finish");
    if let Some(manager) = &manager {
        manager.say("STOPPING=1");
    }
    state.draining.cancel();
    state.jobs.stop_all();
    accepting.await?;
    tracker.close();
    let is_over = tokio::select! {
        drained = tokio::time::timeout(drain, tracker.wait()) => drained.is_err(),
        // Who asks twice does not want to wait.
        asked = wait_for_the_end() => asked.is_ok(),
    };
    if is_over {
        tracing::warn!(open = tracker.len(), "time is over: open requests are cut");
        state.ended.cancel();
        tracker.wait().await;
    }
    state.ended.cancel();
    upkeep.await?;
    if let Some(tracer) = &state.tracer {
        tracer.end().await;
    }
    reloading.await??;
    watching.await?;
    embedding.await?;
    refusals.await?;
    // What was begun is made to its end, also when its client has gone.
    state.changes.close();
    if tokio::time::timeout(CHANGES, state.changes.wait()).await.is_err() {
        tracing::warn!(open = state.changes.len(), "time is over: changes are cut");
    }
    state.host.shutdown().await;
    if let Ok(index) = &state.index {
        index.close().await;
    }
    let event = Event::new("system", "daemon.stop", state.url.clone());
    state.audit.append(event, Durability::Durable).await?;
    let audit = state.audit.clone();
    tokio::task::spawn_blocking(move || audit.close()).await??;
    for file in [running, socket] {
        // What is gone already needs no removal.
        let _ = fs::remove_file(file);
    }
    tracing::info!("ended");
    Ok(())
}

/// Opens everything that a daemon needs; whatever is missing or wrong is said before it serves.
async fn open(settings: Settings) -> anyhow::Result<(AppState, Listeners, Receiver<HostEvent>)> {
    named_policies(&settings)?;
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let mut manifest = manifest(&settings)?;
    entries::check(&manifest, settings.test_plugins)
        .map_err(|fault| Failure::new(fault.to_string(), fault.hint).exit(Exit::Config))?;
    let program = std::env::current_exe().context("cannot find this very program")?;
    match settings.only_memory {
        true => manifest.plugins.clear(),
        false => {
            let models = embed::found(&settings.home, &policies.models.models);
            embed::add_worker(&mut manifest, &models, &program);
        }
    }
    home::prepare(&settings)?;
    let (store, keys) = home::open(&settings).await?;
    let options =
        Options::resolve(&settings.given, &store.settings().await.map_err(Failure::from)?)?;
    log_to_stderr(&settings, &options);
    let tls = beyond_loopback(&settings, &options, &keys)?;
    let listeners = Listeners::open(options.bind, &settings.socket(), tls).await?;
    let url = listeners.url()?;
    let audit = home::audit(&settings)?;
    audit.append(Event::new("system", "daemon.start", url.clone()), Durability::Durable).await?;
    let index = open_index(&settings, &policies).await;
    let egress = outside::open(&policies, &audit)?;
    let brokers = brokers::open(&settings.run_folder(), &manifest.plugins, &egress)?;
    let paths = Paths {
        brokers: Some(brokers),
        hidden: vec![settings.plugins_file.clone()],
        home: settings.home.clone(),
        plugins: manifest.folder.clone(),
        person: settings.variable_os("HOME").map(PathBuf::from),
        waivers: settings.sandbox_waivers()?,
    };
    let redactor = Redactor::for_merges();
    let host = Host::start(HostOptions {
        manifest,
        paths,
        init: Init { program, role: vec!["sandbox-init".to_owned()] },
        redactor: redactor.clone(),
    })?;
    let events = host.events();
    let parts = Parts {
        settings,
        options,
        policies,
        store,
        keys,
        audit,
        index,
        host,
        egress,
        redactor,
        url,
    };
    Ok((AppState::new(parts), listeners, events))
}

/// Puts on record which plugin the sandbox did not start, and why: a layer that is missing, a self-test that found a way
/// out, a folder or a hash that is wrong.
async fn record_refusals(state: AppState, mut events: Receiver<HostEvent>) {
    loop {
        let event = tokio::select! {
            () = state.draining.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(HostEvent::State { plugin, cause, .. }) if cause.contains(REFUSED) => {
                let event = Event::new("system", "plugin.refuse", format!("plugin:{plugin}"));
                let event = event.outcome(Outcome::Denied).with("cause", cause);
                // Where it cannot be written, the log of the daemon says so.
                let _ = record::durable(&state, event).await;
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "states of plugins were missed");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// A folder that somebody happens to stand in, such as a repository of others, does not rule the daemon.
fn named_policies(settings: &Settings) -> Result<(), Failure> {
    let Some(folder) = &settings.unnamed_policies else { return Ok(()) };
    let message =
        format!("{} would rule the daemon, and nobody has said that it may", folder.display());
    let hint = "read it, then start with `--policies policies`; or start in another folder";
    Err(Failure::new(message, hint).exit(Exit::Config))
}

/// The index; a daemon whose index cannot be opened serves everything else and says so.
async fn open_index(settings: &Settings, policies: &Policies) -> Result<Index, String> {
    let opened = Index::open(&settings.home, home::index_options(policies)).await;
    opened.map_err(|error| {
        let cause = with_causes(&error);
        tracing::error!(
            cause,
            hint = error.hint(),
            "the index cannot be opened; searches are refused"
        );
        cause
    })
}

/// Beyond loopback only with keys and TLS.
fn beyond_loopback(
    settings: &Settings,
    options: &Options,
    keys: &Keys,
) -> anyhow::Result<Option<TlsAcceptor>> {
    let address = options.bind.ip();
    if address.to_canonical().is_loopback() {
        return Ok(None);
    }
    if !keys.has_active() {
        let message =
            format!("{} is reached from other machines, and there is no API key", options.bind);
        let hint = "make one with `hauski keys create --scope chat`, or listen on 127.0.0.1";
        return Err(Failure::new(message, hint).exit(Exit::Config).into());
    }
    tls::acceptor(settings, address, &options.allowed_hosts).map(Some)
}

/// The plugins of this home; a file that is not there names none.
fn manifest(settings: &Settings) -> anyhow::Result<Manifest> {
    let file = &settings.plugins_file;
    let is_named = settings.variable_os("HAUSKI_PLUGINS").is_some();
    if !is_named && !file.exists() {
        return Ok(Manifest::empty(file.parent().unwrap_or(&settings.home)));
    }
    Manifest::load(file).map_err(|error| {
        let hint = "correct the file; its schema is schemas/hauski.plugins.1.schema.json";
        Failure::new(error.to_string(), hint).exit(Exit::Config).into()
    })
}

async fn watch(manager: Option<&Manager>, state: &AppState) {
    match manager {
        Some(manager) => manager.watch(state).await,
        None => std::future::pending().await,
    }
}

/// Tells other processes of this account where the daemon is.
fn running_file(state: &AppState) -> anyhow::Result<PathBuf> {
    let folder = state.settings.run_folder();
    let path = folder.join("daemon.json");
    let address = state.url.split_once("://").map_or("", |(_, address)| address);
    let running = Running {
        pid: std::process::id(),
        address: address.to_owned(),
        url: state.url.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
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
fn log_to_stderr(settings: &Settings, options: &Options) {
    let level = tracing_subscriber::filter::LevelFilter::from_level(options.log_level);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = match settings.stderr_is_terminal {
        true => layer.boxed(),
        false => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(level)).init();
}
