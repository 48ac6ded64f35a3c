//! `/admin/audit`: the audit log, read as `hauski audit` reads it.

use audit::{Filter, Line, VerifyOptions, VerifyReport};
use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// What of the log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// At most so many lines, 1 to 1,000; default 100.
    limit: Option<usize>,
}

/// The end of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tail {
    /// Oldest first.
    lines: Vec<Line>,
}

/// The last lines.
pub(crate) async fn tail(
    State(state): State<AppState>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Tail>, ApiError> {
    let fault =
        || ApiError::new(Code::InvalidValue, "`limit` is a number from 1 to 1000.").param("limit");
    let Query(wanted) = wanted.map_err(|_| fault())?;
    let limit = wanted.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(fault());
    }
    let folder = state.audit.folder().to_owned();
    let read = move || audit::tail(&folder, limit, &Filter::default());
    let lines = at_work(read).await?.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(Tail { lines }))
}

/// Every line, checked.
pub(crate) async fn verify(State(state): State<AppState>) -> Result<Json<VerifyReport>, ApiError> {
    let folder = state.audit.folder().to_owned();
    let read = move || audit::verify(&folder, &VerifyOptions::default());
    let report = at_work(read).await?.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(report))
}

/// Files block, so the other requests go on beside it.
async fn at_work<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))
}
