//! Plugins: how they are, what they say, and telling them what to do.

use axum::extract::{Path, State};
use axum::response::Response;
use hauski_plugins::LogQuery;
use http::HeaderMap;
use serde::Deserialize;
use studio_web::pages::plugins as pages;

use crate::routes::admin::plugins;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::Params;
use crate::state::AppState;
use crate::studio::{self, frame, go};

/// Lines of log on a page.
const LINES: usize = 500;

/// Query of the pages.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    q: String,
}

fn wanted(words: &str) -> LogQuery {
    let text = (!words.is_empty()).then(|| words.to_owned());
    LogQuery { text, limit: LINES, ..LogQuery::default() }
}

/// All plugins.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Response {
    let frame = frame(&headers, &caller, "/studio/plugins");
    let words = query.q.trim();
    let lines = if words.is_empty() { Vec::new() } else { state.host.search_logs(&wanted(words)) };
    studio::page(pages::list(&frame, &state.host.plugins(), words, &lines))
}

/// One plugin.
pub(crate) async fn one(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Path(name): Path<String>,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, &format!("/studio/plugins/{name}"));
    let plugin = state.host.plugin(&name).ok_or_else(ApiError::not_found)?;
    let words = query.q.trim();
    let lines = state.host.logs(&name).map(|book| book.search(&wanted(words))).unwrap_or_default();
    Ok(studio::page(pages::one(&frame, &plugin, words, &lines)))
}

/// Tells a plugin to start, stop, restart or give way to a fresh process.
pub(crate) async fn order(
    state: State<AppState>,
    caller: Caller,
    Path((name, order)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let path = Path(name.clone());
    let _ = match order.as_str() {
        "start" => plugins::start(state, caller, path).await?,
        "stop" => plugins::stop(state, caller, path).await?,
        "restart" => plugins::restart(state, caller, path).await?,
        "reload" => plugins::reload(state, caller, path).await?,
        _ => return Err(ApiError::not_found()),
    };
    Ok(go(&format!("/studio/plugins/{name}")))
}
