//! `/index/decisions/*`: what searches showed, and what became of it.

use axum::Json;
use axum::extract::{Path, State};
use contracts::hauski::index::{Decision, Decisions, Feedback, Outcomes};
use hauski_index::IndexError;
use http::StatusCode;

use crate::server::error::{ApiError, Code};
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// The newest decisions.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Json<Decisions>, ApiError> {
    Ok(Json(state.index()?.decisions().await?))
}

/// One decision.
pub(crate) async fn one(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Decision>, ApiError> {
    Ok(Json(state.index()?.decision(&id).await?))
}

/// Keeps a decision that the client made itself.
pub(crate) async fn put(
    State(state): State<AppState>,
    JsonBody(decision): JsonBody<Decision>,
) -> Result<(StatusCode, Json<Decision>), ApiError> {
    Ok((StatusCode::CREATED, Json(state.index()?.put_decision(decision).await?)))
}

/// Keeps feedback. A decision that is not there is a value that cannot be taken.
pub(crate) async fn feedback(
    State(state): State<AppState>,
    JsonBody(feedback): JsonBody<Feedback>,
) -> Result<(StatusCode, Json<Feedback>), ApiError> {
    match state.index()?.put_outcome(feedback).await {
        Ok(feedback) => Ok((StatusCode::CREATED, Json(feedback))),
        Err(error @ IndexError::NotFound { .. }) => {
            let message = format!("{error}.");
            Err(ApiError::new(Code::UnknownDecision, message).param("decision_id"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The newest feedback.
pub(crate) async fn outcomes(State(state): State<AppState>) -> Result<Json<Outcomes>, ApiError> {
    Ok(Json(state.index()?.outcomes(None).await?))
}

/// Feedback on one decision.
pub(crate) async fn outcomes_of(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Outcomes>, ApiError> {
    let index = state.index()?;
    index.decision(&id).await?;
    Ok(Json(index.outcomes(Some(&id)).await?))
}
