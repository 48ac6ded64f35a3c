//! `/admin/keys`: making, listing, replacing and revoking API keys.

use audit::Event;
use axum::Json;
use axum::extract::{Path, State};
use contracts::hauski::keys::{CREATED, Changed, Create, Created, KEY, Key, LIST, List, Rotate};
use http::StatusCode;

use crate::keys::{KeyError, NewKey};
use crate::server::auth::Caller;
use crate::server::change::change;
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
    caller: Caller,
    JsonBody(wish): JsonBody<Create>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let new = state.keys.plan(&wish, &caller.owner_name())?;
    added(&state, &caller, "key.create", new).await
}

/// Ends a key at once.
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Changed>, ApiError> {
    let key = state.keys.find(&id).await?;
    let event = event(caller.owner_name(), "key.revoke", &key);
    let own = state.clone();
    let key = change(&state, event, async move { Ok(own.keys.revoke(&id).await?) }).await?;
    Ok(Json(Changed { schema: KEY.to_owned(), key }))
}

/// A successor with the same rights.
pub(crate) async fn rotate(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(wish): JsonBody<Rotate>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let new = state.keys.plan_successor(&id, &wish).await?;
    added(&state, &caller, "key.rotate", new).await
}

async fn added(
    state: &AppState,
    caller: &Caller,
    action: &str,
    new: NewKey,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let event = event(caller.owner_name(), action, &new.key());
    let own = state.clone();
    let made = change(state, event, async move { Ok(own.keys.add(new).await?) }).await?;
    Ok((StatusCode::CREATED, Json(created(made))))
}

/// The event of a change of a key.
pub(crate) fn event(actor: String, action: &str, key: &Key) -> Event {
    Event::new(actor, action, format!("key:{}", key.id)).with("scopes", key.scopes.clone())
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
