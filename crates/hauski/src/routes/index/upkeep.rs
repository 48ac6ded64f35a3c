//! Counts, retention, decay, sources, verification and rebuilding.

use audit::Event;
use axum::Json;
use axum::extract::State;
use contracts::hauski::index::{
    Decay, DecayRequest, Retentions, SetRetention, Stats, Status, Verified,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::search::budget_ms;
use crate::record;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Counts.
pub(crate) async fn stats(State(state): State<AppState>) -> Result<Json<Stats>, ApiError> {
    let mut stats = state.index()?.stats().await?;
    stats.budget_ms = budget_ms(&state);
    Ok(Json(stats))
}

/// Counts and sources.
pub(crate) async fn status(State(state): State<AppState>) -> Result<Json<Status>, ApiError> {
    let mut status = state.index()?.status().await?;
    status.stats.budget_ms = budget_ms(&state);
    Ok(Json(status))
}

/// How long namespaces keep what they hold.
pub(crate) async fn retention(State(state): State<AppState>) -> Result<Json<Retentions>, ApiError> {
    Ok(Json(state.index()?.retention().await?))
}

/// Sets that for one namespace.
pub(crate) async fn set_retention(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<SetRetention>,
) -> Result<Json<Retentions>, ApiError> {
    let retentions = state.index()?.set_retention(&request).await?;
    let event = Event::new(caller.owner_name(), "index.retention", "index");
    record::durable(&state, event).await?;
    Ok(Json(retentions))
}

/// What age does to the documents of a namespace.
pub(crate) async fn decay(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<DecayRequest>,
) -> Result<Json<Decay>, ApiError> {
    Ok(Json(state.index()?.decay_preview(&request.namespace).await?))
}

/// Whether all stores agree.
pub(crate) async fn verify(State(state): State<AppState>) -> Result<Json<Verified>, ApiError> {
    Ok(Json(state.index()?.verify().await?))
}

/// Derives text index and vectors anew; `GET /index/stats` tells how far it is.
pub(crate) async fn rebuild(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let index = state.index()?.clone();
    record::durable(&state, Event::new(caller.owner_name(), "index.rebuild", "index")).await?;
    tokio::spawn(async move {
        if let Err(error) = index.rebuild().await {
            let cause = crate::exit::with_causes(&error);
            tracing::error!(cause, "the index could not be derived anew");
        }
    });
    Ok((StatusCode::ACCEPTED, Json(json!({"status": "started"}))))
}
