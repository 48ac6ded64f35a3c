//! `/admin/budgets`: the budgets of `limits.yaml` against the daemon's own histograms.

use axum::Json;
use axum::extract::State;
use contracts::hauski::budget::Report;

use crate::budgets::{self, Exposition};
use crate::server::error::ApiError;
use crate::state::AppState;

/// All budgets with what was measured since the daemon started.
pub(crate) async fn budgets(State(state): State<AppState>) -> Result<Json<Report>, ApiError> {
    let text = state.metrics.render().map_err(|error| ApiError::internal(&error))?;
    let figures = Exposition::parse(&text);
    let policies = state.policies.load();
    let latency = &policies.limits.latency;
    Ok(Json(budgets::check(latency, "metrics of the daemon", |subject| figures.p95(subject))))
}
