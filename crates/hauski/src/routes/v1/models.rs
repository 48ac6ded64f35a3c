//! `GET /v1/models` and `GET /v1/models/{id}`: what can be asked for, and who answers.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use hauski::openai::wire::models::{Model, Models};
use http::HeaderValue;

use crate::gateway::route;
use crate::gateway::stream::CONTEXT_LIMIT;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;

/// All models that the caller may ask for.
pub(crate) async fn list(State(state): State<AppState>, caller: Caller) -> Json<Models> {
    let models = route::models(&state, &caller);
    let data = models.into_iter().map(|(id, owner)| model(&state, id, owner)).collect();
    Json(Models { object: "list", data })
}

/// One model.
pub(crate) async fn one(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (id, owner) = route::model(&state, &caller, &id)?;
    let context = route::context(&state, &id);
    let mut response = Json(model(&state, id, owner)).into_response();
    if let Some(context) = context {
        response.headers_mut().insert(CONTEXT_LIMIT, HeaderValue::from(context));
    }
    Ok(response)
}

fn model(state: &AppState, id: String, owned_by: String) -> Model {
    let uptime = i64::try_from(state.started.elapsed().as_secs()).unwrap_or(0);
    Model { id, object: "model", created: super::now() - uptime, owned_by }
}
