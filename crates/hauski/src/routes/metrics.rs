//! `/metrics`: the registry as text.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::server::error::ApiError;
use crate::state::AppState;

/// The text format of OpenMetrics.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is measured.
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let text = state.metrics.render().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
