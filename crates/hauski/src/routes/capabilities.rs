//! Routes that hand JSON to whoever has a capability: `/audio/profile`, `/obsidian/canvas/suggest` and
//! `/code/pr/draft`. What they take and give is the plugin's to say.

use axum::Json;
use axum::extract::State;
use contracts::hauski::engine::capability;
use serde_json::{Map, Value};

use crate::gateway::plugin;
use crate::server::error::{ApiError, Code};
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Facts about a recording.
pub(crate) async fn audio_profile(
    State(state): State<AppState>,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    ask(&state, capability::AUDIO_PROFILE, &body).await
}

/// Suggestions for a canvas.
pub(crate) async fn canvas_suggest(
    State(state): State<AppState>,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    ask(&state, capability::CANVAS_SUGGEST, &body).await
}

/// The draft of a pull request.
pub(crate) async fn pr_draft(
    State(state): State<AppState>,
    body: RawBody,
) -> Result<Json<Value>, ApiError> {
    ask(&state, capability::PR_DRAFT, &body).await
}

async fn ask(
    state: &AppState,
    capability: &'static str,
    RawBody(bytes): &RawBody,
) -> Result<Json<Value>, ApiError> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let params: Map<String, Value> = serde_json::from_slice(text)
        .map_err(|_| ApiError::new(Code::InvalidBody, "The body must be a JSON object."))?;
    plugin::ask(state, capability, &Value::Object(params)).await.map(Json)
}
