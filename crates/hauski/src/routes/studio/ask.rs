//! A question to the index.

use axum::extract::State;
use axum::response::Response;
use contracts::hauski::engine::capability;
use contracts::hauski::index::SearchRequest;
use contracts::hauski::protocol::PluginModel;
use http::HeaderMap;
use serde::Deserialize;
use studio_web::pages::ask::{self, Shown};

use crate::routes::index::upkeep;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::Params;
use crate::state::AppState;
use crate::studio::{self, frame};

/// Passages of an answer.
const K: u32 = 12;

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    q: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio/ask");
    let question = query.q.trim().to_owned();
    let chats = |model: &PluginModel| model.capabilities.iter().any(|it| it == capability::CHAT);
    let models = state.host.models().into_iter().map(|it| it.model).filter(chats);
    let models = models.map(|model| model.id).collect();
    let mut shown = Shown { question, models, ..Shown::default() };
    if shown.question.is_empty() {
        shown.stats = upkeep::stats(State(state)).await.ok().map(|axum::Json(stats)| stats);
    } else {
        let request =
            SearchRequest { query: shown.question.clone(), k: Some(K), ..SearchRequest::default() };
        let found = match state.index() {
            Ok(index) => index.search(&request).await.map_err(ApiError::from),
            Err(error) => Err(error),
        };
        shown.found = Some(found.map_err(|error| error.message().to_owned()));
    }
    Ok(studio::page(ask::page(&frame, &shown)))
}
