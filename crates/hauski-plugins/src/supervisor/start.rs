//! Starting one instance: process, connection, `initialize`, first ping.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use std::time::Duration;

use contracts::hauski::plugin::{Kind, Network, Plugin};
use contracts::hauski::plugin_status::LogStream;
use contracts::hauski::protocol::{Initialize, Initialized, Level, VERSION};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::instance::{End, Instance, Offered, ask};
use super::unit::Unit;
use crate::host::{HostSide, mcp};
use crate::logs::read_stream;
use crate::process::{Launched, launch};
use crate::protocol::{
    CallError, CallErrorKind, Dialect, Endpoint, EndpointEnd, Outbox, Reader, Stream,
};
use crate::sandbox::{Access, BROKER_INSIDE, Plan, Refusal};

/// What the address of a Unix socket holds, its final zero byte left out.
const MAX_SOCKET_PATH: usize = 107;
/// After its connection has ended, a plugin has this time to end too.
const LINGER: Duration = Duration::from_secs(1);

/// Starts an instance that has passed `initialize` and answers. The error is a sentence for people.
pub(super) async fn start(unit: &Arc<Unit>, spec: &Plugin) -> Result<Arc<Instance>, String> {
    unit.log_from.store(unit.options.book.next_seq(), Ordering::Relaxed);
    let http_socket = http_socket(unit, spec)?;
    let launched = launch_process(unit, spec, http_socket.as_deref()).await?;
    let started = connect(unit, spec, launched, http_socket).await?;
    let limit = Duration::from_millis(spec.health.start_ms);
    let ready = tokio::time::timeout(limit, introduce(spec, &started)).await;
    let offered = match ready {
        Ok(Ok(offered)) => offered,
        Ok(Err(error)) => return Err(explain(started, error).await),
        Err(_) => {
            let ms = spec.health.start_ms;
            return Err(format!("it did not answer initialize within {ms} ms"));
        }
    };
    let (offered, models) = offered;
    let Started { endpoint, process, end, log_readers, bound, http_socket } = started;
    let instance = Arc::new(Instance {
        name: Arc::clone(&unit.name),
        kind: spec.kind,
        endpoint,
        process,
        places: Arc::new(Semaphore::new(spec.limits.inflight as usize)),
        models,
        http_socket,
        offered: RwLock::new(offered),
        topics: Mutex::default(),
        draining: AtomicBool::new(false),
        end,
        log_readers: Mutex::new(log_readers),
    });
    // The reader learns which instance it reads for. It is set once, so this cannot fail.
    let _ = bound.set(Arc::downgrade(&instance));
    let timeout = Duration::from_millis(spec.health.timeout_ms);
    if let Err(error) = instance.ping(timeout).await {
        return Err(format!("it did not pass its first ping: {error}"));
    }
    Ok(instance)
}

struct Started {
    endpoint: Arc<Endpoint>,
    process: crate::process::Process,
    end: watch::Receiver<Option<End>>,
    log_readers: Vec<tokio::task::JoinHandle<()>>,
    bound: Arc<OnceLock<Weak<Instance>>>,
    http_socket: Option<PathBuf>,
}

/// Where a plugin finds the folder of its HTTP socket.
const HTTP_INSIDE: &str = "/run/hauski/http";
/// Its name there.
const HTTP_SOCKET: &str = "http.sock";

async fn launch_process(
    unit: &Unit,
    spec: &Plugin,
    http_socket: Option<&Path>,
) -> Result<Launched, String> {
    let mut asked = spec.clone();
    if spec.kind == Kind::Stdio && !asked.command.iter().any(|arg| arg == "--stdio") {
        asked.command.push("--stdio".to_owned());
    }
    let paths = unit.options.paths.clone();
    let shared = http_socket.and_then(Path::parent).map(Path::to_owned);
    let planned = tokio::task::spawn_blocking(move || {
        let mut plan = Plan::new(&asked, &paths)?;
        if let Some(folder) = shared {
            plan.share(&folder, Path::new(HTTP_INSIDE), Access::Write)?;
        }
        Ok(plan)
    });
    let refused = |refusal: Refusal| format!("the sandbox refused it: {refusal}");
    let plan = planned.await.map_err(|_| "planning its sandbox failed".to_owned())?;
    let plan = plan.map_err(refused)?;
    if !plan.waived().is_empty() {
        let names: Vec<_> = plan.waived().iter().map(|layer| layer.name()).collect();
        let text = format!("it runs WITHOUT these layers of the sandbox: {}", names.join(", "));
        unit.options.book.host(Level::Warn, &text);
    }
    let limit = Duration::from_millis(spec.health.start_ms);
    launch(plan, unit.options.init.clone(), limit).await.map_err(refused)
}

/// A fresh path for the HTTP socket of a plugin with routes.
fn http_socket(unit: &Unit, spec: &Plugin) -> Result<Option<PathBuf>, String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if spec.routes.is_empty() {
        return Ok(None);
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = unit.options.run_folder.join(format!("{}.{number}", spec.name));
    make_private(&folder).map_err(|e| format!("failed to make {}: {e}", folder.display()))?;
    let socket = folder.join(HTTP_SOCKET);
    if socket.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(format!(
            "the path of its HTTP socket is too long for the system: {}",
            socket.display()
        ));
    }
    Ok(Some(socket))
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn connect(
    unit: &Arc<Unit>,
    spec: &Plugin,
    launched: Launched,
    http_socket: Option<PathBuf>,
) -> Result<Started, String> {
    let Launched { process, connection, stdout, stderr } = launched;
    let failed = |error: std::io::Error| format!("failed to connect to it: {error}");
    let book = &unit.options.book;
    let out = stdout.map(|out| tokio::spawn(read_stream(out, LogStream::Stdout, Arc::clone(book))));
    let err = stderr.map(|err| tokio::spawn(read_stream(err, LogStream::Stderr, Arc::clone(book))));
    let log_readers = out.into_iter().chain(err).collect();
    let stream = Arc::new(Stream::socket(connection).map_err(failed)?);
    let dialect = match spec.kind {
        Kind::Rpc | Kind::Stdio => Dialect::Plugin,
        Kind::Mcp => Dialect::Mcp,
    };
    let max_message = spec.limits.message_bytes as usize;
    let endpoint = Endpoint::new(Outbox::new(Arc::clone(&stream)), dialect, max_message);
    tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.outbox().run().await }
    });
    let bound = Arc::new(OnceLock::new());
    let service = HostSide::new(unit, &endpoint, &bound, spec.kind);
    let reading = tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        let reader = Reader::new(stream, max_message);
        async move { endpoint.read(reader, &service).await }
    });
    let (ended, end) = watch::channel(None);
    tokio::spawn(watch_end(Arc::clone(&endpoint), process.watch(), reading, ended));
    Ok(Started { endpoint, process, end, log_readers, bound, http_socket })
}

/// Notices the end of an instance, whichever side of it ends first, and fails what waits for it.
async fn watch_end(
    endpoint: Arc<Endpoint>,
    process: crate::process::ProcessWatch,
    mut reading: tokio::task::JoinHandle<EndpointEnd>,
    ended: watch::Sender<Option<End>>,
) {
    let connection_first = tokio::select! {
        end = &mut reading => Some(end.unwrap_or(EndpointEnd::Closed)),
        _ = process.ended() => None,
    };
    let end = match connection_first {
        Some(EndpointEnd::Protocol(what)) => {
            close(&endpoint, &format!("it broke the protocol: {what}"));
            process.kill();
            let _ = tokio::time::timeout(LINGER, process.ended()).await;
            End { cause: format!("it broke the protocol: {what}"), success: false }
        }
        Some(EndpointEnd::Closed) => {
            close(&endpoint, "it closed its connection");
            match tokio::time::timeout(LINGER, process.ended()).await {
                Ok(exit) => End { cause: exit.to_string(), success: exit.is_success() },
                Err(_) => {
                    process.kill();
                    let cause = "it closed its connection and went on running".to_owned();
                    End { cause, success: false }
                }
            }
        }
        None => {
            let exit = process.ended().await;
            // What it wrote before its end still counts.
            let _ = tokio::time::timeout(LINGER, &mut reading).await;
            reading.abort();
            close(&endpoint, &exit.to_string());
            End { cause: exit.to_string(), success: exit.is_success() }
        }
    };
    let _ = ended.send(Some(end));
}

fn close(endpoint: &Endpoint, why: &str) {
    endpoint.close(&CallError::new(CallErrorKind::Crashed, format!("the plugin ended: {why}")));
}

type Introduced = (Offered, Vec<contracts::hauski::protocol::PluginModel>);

async fn introduce(spec: &Plugin, started: &Started) -> Result<Introduced, CallError> {
    let limit = Duration::from_millis(spec.health.start_ms);
    if spec.kind == Kind::Mcp {
        let offered = mcp::introduce(&started.endpoint, spec, limit).await?;
        return Ok((offered, Vec::new()));
    }
    let about = Initialize {
        versions: vec![VERSION.to_owned()],
        name: spec.name.clone(),
        capabilities: spec.capabilities.clone(),
        config: spec.config.clone(),
        http_socket: started.http_socket.as_ref().map(|_| format!("{HTTP_INSIDE}/{HTTP_SOCKET}")),
        broker_socket: broker(spec),
    };
    let answer = ask(&started.endpoint, "initialize", json!(about), limit).await?;
    let broken = |what: String| CallError::new(CallErrorKind::Protocol, what);
    let answer: Initialized = serde_json::from_value(answer)
        .map_err(|error| broken(format!("its answer to initialize does not fit: {error}")))?;
    if answer.version != VERSION {
        let what = format!("it speaks version {:?}, the host speaks {VERSION}", answer.version);
        return Err(broken(what));
    }
    let undeclared = answer.capabilities.iter().find(|name| !spec.capabilities.contains(name));
    if let Some(name) = undeclared {
        return Err(broken(format!("it offers {name:?}, which its manifest does not declare")));
    }
    let offered = Offered { capabilities: answer.capabilities, tools: Vec::new() };
    Ok((offered, answer.models))
}

/// Where a plugin that may use the broker finds it.
fn broker(spec: &Plugin) -> Option<String> {
    (spec.sandbox.network == Network::Broker).then(|| BROKER_INSIDE.to_owned())
}

/// The best reason for a start that went wrong: how the process ended, where it did.
async fn explain(started: Started, error: CallError) -> String {
    if error.kind != CallErrorKind::Crashed {
        return format!("initialize failed: {error}");
    }
    let mut end = started.end;
    let ended = tokio::time::timeout(LINGER * 2, end.wait_for(Option::is_some)).await;
    let cause = ended.ok().and_then(|end| Some(end.ok()?.as_ref()?.cause.clone()));
    for reader in started.log_readers {
        let _ = tokio::time::timeout(Duration::from_millis(300), reader).await;
    }
    let cause = cause.unwrap_or_else(|| error.to_string());
    format!("{cause} before it answered initialize")
}
