//! `/api-docs/openapi.json`: what this daemon answers, for programs that want to know. It tells nothing secret, yet
//! it is a map of the house: with `HAUSKI_EXPOSE_CONFIG=true` for every key, otherwise for `admin`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::keys::scopes::Right;
use crate::openapi;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;

/// The document.
pub(crate) async fn openapi(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Response, ApiError> {
    if !state.options.load().expose_config {
        caller.require(Right::Admin)?;
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], openapi::bytes()).into_response())
}
