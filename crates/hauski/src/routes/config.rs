//! `/config/*`: the policies in force, only with `HAUSKI_EXPOSE_CONFIG=true`.

use axum::Json;
use axum::extract::State;
use contracts::hauski::policy::{Limits, Memory, Models, Routing};
use policy::Policies;

use crate::server::error::ApiError;
use crate::state::AppState;

/// `limits.yaml`.
pub(crate) async fn limits(State(state): State<AppState>) -> Result<Json<Limits>, ApiError> {
    exposed(&state, |policies| (*policies.limits).clone())
}

/// `models.yml`.
pub(crate) async fn models(State(state): State<AppState>) -> Result<Json<Models>, ApiError> {
    exposed(&state, |policies| (*policies.models).clone())
}

/// `routing.yaml`.
pub(crate) async fn routing(State(state): State<AppState>) -> Result<Json<Routing>, ApiError> {
    exposed(&state, |policies| (*policies.routing).clone())
}

/// `memory.yaml`.
pub(crate) async fn memory(State(state): State<AppState>) -> Result<Json<Memory>, ApiError> {
    exposed(&state, |policies| (*policies.memory).clone())
}

/// One policy, unless the owner keeps them to themselves; then the address does not exist.
fn exposed<T>(state: &AppState, part: fn(&Policies) -> T) -> Result<Json<T>, ApiError> {
    match state.options.load().expose_config {
        true => Ok(Json(part(&state.policies.load()))),
        false => Err(ApiError::not_found()),
    }
}
