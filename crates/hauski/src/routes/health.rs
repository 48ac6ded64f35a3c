//! `/health`, `/healthz` and `/ready`: open to everybody, so their bodies are constant.

use axum::extract::State;
use http::StatusCode;

use crate::state::AppState;

/// The process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// Requests are taken; not while the daemon starts or ends.
pub(crate) async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    match state.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
