//! `/ws/plugins`: states, events and logs of plugins as they come.
//!
//! The client sends `{"action":"sub"|"unsub","topic":"status"|"logs","plugin":"NAME"}`; the daemon begins with
//! `{"type":"bootstrap","plugins":[…]}`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{State, ws};
use axum::response::Response;
use bytes::Bytes;
use contracts::hauski::plugin_status::LogLine;
use futures_util::future::{self, FutureExt};
use futures_util::{SinkExt, StreamExt};
use hauski_plugins::LogSubscription;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// Bytes of a message of the client.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// Logs that one client may follow at once.
const MOST_LOGS: usize = 64;

/// How often the other side is asked whether it is there.
const BEAT: Duration = Duration::from_secs(20);
/// After so long without a word it is not.
const SILENCE: Duration = Duration::from_secs(60);

/// What a client wants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    action: Action,
    topic: Topic,
    #[serde(default)]
    plugin: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Sub,
    Unsub,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Topic {
    Status,
    Logs,
}

/// Opens the socket; the guard has let the caller in before.
pub(crate) async fn plugins(
    State(state): State<AppState>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| {
        ApiError::new(Code::UpgradeRequired, "This address is a WebSocket of version 13.")
    })?;
    let place = Arc::clone(&state.sockets).try_acquire_owned().map_err(|_| {
        ApiError::new(Code::Overloaded, "Too many WebSockets are open.").retry_after(5)
    })?;
    Ok(upgrade.max_message_size(MAX_MESSAGE_BYTES).on_upgrade(move |socket| async move {
        let _place = place;
        tokio::select! {
            () = serve(&state, socket) => {}
            () = caller.rights_end() => {}
            () = state.draining.cancelled() => {}
        }
    }))
}

async fn serve(state: &AppState, socket: WebSocket) {
    let (mut out, mut input) = socket.split();
    let mut events = state.host.events();
    let mut wants_status = true;
    let mut logs: Vec<(String, LogSubscription)> = Vec::new();
    let mut heard = Instant::now();
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    let plugins = state.host.plugins();
    if out.send(text(&json!({"type": "bootstrap", "plugins": plugins}))).await.is_err() {
        return;
    }
    loop {
        let answers = tokio::select! {
            _ = beat.tick() => {
                // Of a side that is gone without a word nothing else would be noticed.
                let is_alive = heard.elapsed() < SILENCE;
                if !is_alive || out.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
                vec![]
            }
            message = heard_of(input.next(), &mut heard) => match message {
                Some(Ok(Message::Text(message))) => {
                    vec![obey(state, message.as_str(), &mut wants_status, &mut logs)]
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => vec![],
                Some(Ok(Message::Binary(_))) => vec![fault("messages are JSON text")],
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            event = events.recv() => match event {
                Ok(event) if wants_status => vec![json!({"type": "event", "event": event})],
                Ok(_) => vec![],
                Err(RecvError::Lagged(missed)) => vec![json!({"type": "dropped", "events": missed})],
                Err(RecvError::Closed) => return,
            },
            (plugin, lines, dropped) = next_lines(&mut logs) => log_messages(&plugin, &lines, dropped),
        };
        for answer in &answers {
            if out.feed(text(answer)).await.is_err() {
                return;
            }
        }
        if out.flush().await.is_err() {
            return;
        }
    }
}

/// What came, and when.
async fn heard_of<T>(next: impl Future<Output = T>, heard: &mut Instant) -> T {
    let came = next.await;
    *heard = Instant::now();
    came
}

/// Waits for lines of any log that is followed.
async fn next_lines(logs: &mut [(String, LogSubscription)]) -> (String, Vec<Arc<LogLine>>, u64) {
    if logs.is_empty() {
        return future::pending().await;
    }
    let mut next = Vec::with_capacity(logs.len());
    for (plugin, log) in logs {
        next.push(lines_of(plugin, log).boxed());
    }
    future::select_all(next).await.0
}

async fn lines_of(plugin: &str, log: &mut LogSubscription) -> (String, Vec<Arc<LogLine>>, u64) {
    let (lines, dropped) = log.next().await;
    (plugin.to_owned(), lines, dropped)
}

fn log_messages(plugin: &str, lines: &[Arc<LogLine>], dropped: u64) -> Vec<Value> {
    let lost =
        (dropped > 0).then(|| json!({"type": "dropped", "plugin": plugin, "lines": dropped}));
    let lines = lines.iter().map(|line| json!({"type": "log", "line": line}));
    lost.into_iter().chain(lines).collect()
}

fn obey(
    state: &AppState,
    message: &str,
    wants_status: &mut bool,
    logs: &mut Vec<(String, LogSubscription)>,
) -> Value {
    let Ok(Wish { action, topic, plugin }) = serde_json::from_str(message) else {
        return fault("a message has action, topic and perhaps plugin");
    };
    if topic == Topic::Status {
        *wants_status = action == Action::Sub;
        return json!({"type": "ok", "topic": "status"});
    }
    let Some(plugin) = plugin else { return fault("logs need the name of a plugin") };
    logs.retain(|(name, _)| *name != plugin);
    if action == Action::Sub {
        let followed: BTreeSet<_> = logs.iter().map(|(name, _)| name).collect();
        if followed.len() >= MOST_LOGS {
            return fault("too many logs are followed");
        }
        let Some(book) = state.host.logs(&plugin) else { return fault("there is no such plugin") };
        logs.push((plugin.clone(), book.subscribe()));
    }
    json!({"type": "ok", "topic": "logs", "plugin": plugin})
}

fn fault(what: &str) -> Value {
    json!({"type": "error", "message": what})
}

fn text(value: &Value) -> Message {
    Message::Text(ws::Utf8Bytes::from(value.to_string()))
}
