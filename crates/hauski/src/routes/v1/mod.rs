//! The OpenAI-compatible surface, a file a route; docs/gateway.md says what each takes.

pub(crate) mod audio_speech;
pub(crate) mod audio_transcriptions;
pub(crate) mod chat_completions;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod models;
pub(crate) mod responses;

use hauski::openai::render::Head;
use hauski::openai::wire::Bounds;

use crate::state::AppState;

/// Bounds of `limits.yaml` for a request.
pub(crate) fn bounds(state: &AppState) -> Bounds {
    Bounds { max_output_tokens: state.policies.load().limits.request.max_output_tokens }
}

/// What every answer to one request carries.
fn head(prefix: &str, model: &str, fingerprint: Option<String>) -> Head {
    let id = hauski::openai::render::id(prefix);
    Head { id, created: now(), model: model.to_owned(), fingerprint }
}

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
