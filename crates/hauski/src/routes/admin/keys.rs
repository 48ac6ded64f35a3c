//! `/admin/keys`: making, listing, replacing and revoking API keys.

use axum::Json;
use axum::extract::{Path, State};
use contracts::hauski::keys::{CREATED, Changed, Create, Created, KEY, Key, LIST, List, Rotate};
use http::StatusCode;

use crate::keys::KeyError;
use crate::server::error::{ApiError, Code};
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// All keys, without their secrets.
pub(crate) async fn list(State(state): State<AppState>) -> Json<List> {
    Json(List { schema: LIST.to_owned(), keys: state.keys.list() })
}

/// A new key; the answer holds its secret for the only time.
pub(crate) async fn create(
    State(state): State<AppState>,
    JsonBody(wish): JsonBody<Create>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    Ok((StatusCode::CREATED, Json(created(state.keys.create(&wish).await?))))
}

/// Ends a key at once.
pub(crate) async fn revoke(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Changed>, ApiError> {
    let key = state.keys.revoke(&id).await?;
    Ok(Json(Changed { schema: KEY.to_owned(), key }))
}

/// A successor with the same rights.
pub(crate) async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    JsonBody(wish): JsonBody<Rotate>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    Ok((StatusCode::CREATED, Json(created(state.keys.rotate(&id, &wish).await?))))
}

fn created((secret, key): (String, Key)) -> Created {
    Created { schema: CREATED.to_owned(), secret, key }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Invalid { param, what } => Self::new(Code::InvalidValue, what).param(param),
            KeyError::Unknown { .. } => Self::not_found(),
            KeyError::Ended { .. } => Self::new(Code::Conflict, "This key works no more."),
            error => Self::internal(&error),
        }
    }
}
