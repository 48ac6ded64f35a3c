//! Starting one instance: process, connection, `initialize`, first ping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use std::time::Duration;

use contracts::hauski::plugin::{Kind, Network, Plugin};
use contracts::hauski::plugin_status::LogStream;
use contracts::hauski::protocol::{Initialize, Initialized, Level, VERSION};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::http::HttpFolder;
use super::instance::{End, Instance, Offered, ask};
use super::unit::Unit;
use crate::host::{HostSide, mcp};
use crate::logs::read_stream;
use crate::process::{Launched, launch};
use crate::protocol::{
    CallError, CallErrorKind, Dialect, Endpoint, EndpointEnd, Outbox, Reader, Stream,
};
use crate::sandbox::{BROKER_INSIDE, HTTP_INSIDE, HTTP_SOCKET, Plan, Refusal};

/// Stands in the cause of a state when the sandbox did not start a plugin; layer and reason follow.
pub const REFUSED: &str = "the sandbox refused it";
/// After its connection has ended, a plugin has this time to end too.
const LINGER: Duration = Duration::from_secs(1);

/// Starts an instance that has passed `initialize` and answers. The error is a sentence for people.
pub(super) async fn start(unit: &Arc<Unit>, spec: &Plugin) -> Result<Arc<Instance>, String> {
    unit.log_from.store(unit.options.book.next_seq(), Ordering::Relaxed);
    let launched = launch_process(unit, spec).await?;
    let started = connect(unit, spec, launched).await?;
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
    let Started { endpoint, process, end, log_readers, bound, http } = started;
    let instance = Arc::new(Instance {
        name: Arc::clone(&unit.name),
        kind: spec.kind,
        endpoint,
        process,
        places: Arc::new(Semaphore::new(spec.limits.inflight as usize)),
        models,
        http,
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
    http: Option<Arc<HttpFolder>>,
}

async fn launch_process(unit: &Unit, spec: &Plugin) -> Result<Launched, String> {
    let mut asked = spec.clone();
    if spec.kind == Kind::Stdio && !asked.command.iter().any(|arg| arg == "--stdio") {
        asked.command.push("--stdio".to_owned());
    }
    let paths = unit.options.paths.clone();
    let planned = tokio::task::spawn_blocking(move || Plan::new(&asked, &paths));
    let refused = |refusal: Refusal| format!("{REFUSED}: {refusal}");
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

async fn connect(unit: &Arc<Unit>, spec: &Plugin, launched: Launched) -> Result<Started, String> {
    let Launched { process, connection, stdout, stderr, http } = launched;
    let http = http.map(|folder| Arc::new(HttpFolder::new(folder)));
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
    Ok(Started { endpoint, process, end, log_readers, bound, http })
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
        http_socket: started.http.as_ref().map(|_| format!("{HTTP_INSIDE}/{HTTP_SOCKET}")),
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
