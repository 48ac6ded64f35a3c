//! `/admin/plugins`: how plugins are, what they say, and starting, stopping and replacing them.

use std::convert::Infallible;
use std::sync::Arc;

use audit::Event;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, Sse as SseResponse};
use axum::response::{IntoResponse, Response};
use contracts::hauski::plugin::Plugin;
use contracts::hauski::plugin_status::{LogLine, PluginReport, PluginStatus, SCHEMA};
use contracts::hauski::protocol::Level;
use futures_util::stream;
use hauski_plugins::{Host, HostError, LogQuery, LogSubscription, Manifest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::entries;
use crate::server::auth::Caller;
use crate::server::change::change;
use crate::server::error::{ApiError, Code};
use crate::server::extract::Params;
use crate::state::AppState;

/// Most lines of log in one answer.
const MOST_LINES: usize = 10_000;

/// What somebody looks for in logs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Text in the message, whatever its case.
    text: Option<String>,
    /// A regular expression.
    pattern: Option<String>,
    /// Lines at least as loud.
    level: Option<Level>,
    /// Lines not before this time.
    since: Option<String>,
    /// So many of the newest lines; default 500, at most 10,000.
    limit: Option<usize>,
    /// Whether to go on with lines as they come, as server-sent events.
    #[serde(default)]
    follow: bool,
}

/// Lines of log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Lines {
    /// Oldest first.
    lines: Vec<Arc<LogLine>>,
}

/// All plugins.
pub(crate) async fn list(State(state): State<AppState>) -> Json<PluginReport> {
    Json(report(&state.host))
}

/// How all plugins are.
pub(crate) fn report(host: &Host) -> PluginReport {
    PluginReport { schema: SCHEMA.to_owned(), plugins: host.plugins() }
}

/// One plugin.
pub(crate) async fn one(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<PluginStatus>, ApiError> {
    state.host.plugin(&name).map(Json).ok_or_else(ApiError::not_found)
}

/// Its entry in `plugins.json` as it is in force; values of its environment are masked.
pub(crate) async fn config(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<Plugin>, ApiError> {
    let mut entry = state.host.entry(&name).ok_or_else(ApiError::not_found)?;
    let mask = redact::Redactor::for_merges();
    for (name, value) in &mut entry.env {
        *value = mask.mask_env(name, value);
    }
    Ok(Json(entry))
}

/// Starts it; answers when it runs.
pub(crate) async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<PluginStatus>, ApiError> {
    let (host, plugin) = (state.host.clone(), name.clone());
    let order = async move { host.start_plugin(&plugin).await };
    told(&state, &caller, "plugin.start", name, order).await
}

/// Stops it; answers when nothing of it is left.
pub(crate) async fn stop(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<PluginStatus>, ApiError> {
    let (host, plugin) = (state.host.clone(), name.clone());
    let order = async move { host.stop_plugin(&plugin).await };
    told(&state, &caller, "plugin.stop", name, order).await
}

/// Stops and starts it.
pub(crate) async fn restart(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<PluginStatus>, ApiError> {
    let (host, plugin) = (state.host.clone(), name.clone());
    let order = async move { host.restart_plugin(&plugin).await };
    told(&state, &caller, "plugin.restart", name, order).await
}

/// Puts a fresh process in its place without a failed call, with its entry as `plugins.json` says it now.
pub(crate) async fn reload(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<PluginStatus>, ApiError> {
    let file = state.settings.plugins_file.clone();
    let manifest = tokio::task::spawn_blocking(move || Manifest::load(&file)).await;
    let manifest = manifest.map_err(|error| ApiError::internal(&error))?.map_err(|error| {
        tracing::error!(fault = error.to_string(), "plugins.json refused");
        ApiError::new(Code::Conflict, format!("plugins.json, line {}: {}", error.line, error.what))
    })?;
    let entry = manifest.get(&name).cloned();
    if let Some(entry) = &entry {
        entries::check_one(entry, state.settings.test_plugins).map_err(|fault| {
            ApiError::new(Code::Conflict, format!("The {fault}: {}.", fault.hint))
        })?;
    }
    let (host, plugin) = (state.host.clone(), name.clone());
    let order = async move { host.reload_plugin(&plugin, entry).await };
    told(&state, &caller, "plugin.reload", name, order).await
}

/// The log of one plugin.
pub(crate) async fn logs(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let book = state.host.logs(&name).ok_or_else(ApiError::not_found)?;
    let wanted = log_query(&query)?;
    if !query.follow {
        return Ok(Json(Lines { lines: book.search(&wanted) }).into_response());
    }
    // Subscribed before the past is read, so that no line is lost; a line that comes twice has the same number.
    let subscription = book.subscribe();
    let past = book.search(&wanted);
    let from = past.last().map_or(0, |line| line.seq + 1);
    Ok(SseResponse::new(follow(past, subscription, wanted, from)).into_response())
}

/// The logs of all plugins.
pub(crate) async fn all_logs(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Json<Lines>, ApiError> {
    Ok(Json(Lines { lines: state.host.search_logs(&log_query(&query)?) }))
}

fn log_query(query: &Query) -> Result<LogQuery, ApiError> {
    let limit = query.limit.unwrap_or(500);
    if limit > MOST_LINES {
        let message = format!("At most {MOST_LINES} lines can be asked for at once.");
        return Err(ApiError::new(Code::InvalidValue, message).param("limit"));
    }
    let (text, since) = (query.text.clone(), query.since.clone());
    let wanted = LogQuery { text, since, min_level: query.level, limit, ..LogQuery::default() };
    let Some(pattern) = &query.pattern else { return Ok(wanted) };
    wanted.with_pattern(pattern).map_err(|_| {
        ApiError::new(Code::InvalidValue, "This is no regular expression.").param("pattern")
    })
}

/// What was there, then what comes; lines that a slow reader missed are counted in an event of their own.
fn follow(
    past: Vec<Arc<LogLine>>,
    subscription: LogSubscription,
    query: LogQuery,
    from: u64,
) -> impl stream::Stream<Item = Result<Sse, Infallible>> {
    use futures_util::StreamExt;
    let past = stream::iter(past.into_iter().map(|line| event(&line)));
    let state = (subscription, query, from);
    let coming = stream::unfold(state, |(mut subscription, query, from)| async move {
        let (lines, dropped) = subscription.next().await;
        let mut events = Vec::new();
        if dropped > 0 {
            events.push(Ok(Sse::default().event("dropped").data(dropped.to_string())));
        }
        let new = lines.iter().filter(|line| line.seq >= from && query.matches(line));
        events.extend(new.map(|line| event(line)));
        Some((stream::iter(events), (subscription, query, from)))
    });
    past.chain(coming.flatten())
}

fn event(line: &LogLine) -> Result<Sse, Infallible> {
    let text = serde_json::to_string(line).unwrap_or_default();
    Ok(Sse::default().event("line").id(line.seq.to_string()).data(text))
}

/// Records what a plugin is told, tells it, and answers how the plugin is then.
async fn told(
    state: &AppState,
    caller: &Caller,
    action: &str,
    name: String,
    order: impl Future<Output = Result<(), HostError>> + Send + 'static,
) -> Result<Json<PluginStatus>, ApiError> {
    state.host.plugin(&name).ok_or_else(ApiError::not_found)?;
    let event = Event::new(caller.owner_name(), action, format!("plugin:{name}"));
    let own = state.clone();
    change(state, event, async move {
        match order.await {
            Ok(()) => own.host.plugin(&name).map(Json).ok_or_else(ApiError::not_found),
            Err(HostError::UnknownPlugin(_)) => Err(ApiError::not_found()),
            Err(error) => {
                tracing::error!(error = error.to_string(), "a plugin did not do what it was told");
                Err(ApiError::new(
                    Code::Conflict,
                    format!("The plugin did not follow; `hauski plugins logs {name}` says why."),
                ))
            }
        }
    })
    .await
}
