//! `POST /index/search` and `POST /index/related`.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use contracts::hauski::index::{RelatedRequest, SearchReport, SearchRequest};

use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Under which name the budget `latency.index_topk20_ms` looks for its figures.
pub(crate) const CAPABILITY: &str = "search";

/// Searches.
pub(crate) async fn search(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<SearchRequest>,
) -> Result<Json<SearchReport>, ApiError> {
    let began = Instant::now();
    let mut report = state.index()?.search(&request).await?;
    state.metrics.engine_time(CAPABILITY, began.elapsed());
    report.budget_ms = budget_ms(&state);
    Ok(Json(report))
}

/// What else speaks of the same.
pub(crate) async fn related(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<RelatedRequest>,
) -> Result<Json<SearchReport>, ApiError> {
    let mut report = state.index()?.related(&request).await?;
    report.budget_ms = budget_ms(&state);
    Ok(Json(report))
}

/// The budget in force now.
pub(super) fn budget_ms(state: &AppState) -> u64 {
    u64::from(state.policies.load().limits.latency.index_topk20_ms)
}
