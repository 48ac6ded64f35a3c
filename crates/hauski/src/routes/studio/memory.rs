//! What is remembered: looking, pinning, forgetting.

use axum::extract::State;
use axum::response::Response;
use contracts::hauski::memory::ItemReport;
use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use studio_web::pages::memory::{self, Shown};

use crate::routes::memory::{change, forget, items};
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::{JsonBody, Params};
use crate::state::AppState;
use crate::studio::form::Form;
use crate::studio::{self, frame, go};

/// Items of a page.
const ITEMS: u32 = 50;

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    q: String,
    after: Option<String>,
    forget: Option<String>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio/memory");
    let mut shown = Shown {
        words: query.q.trim().to_owned(),
        items: Ok(Vec::new()),
        total: 0,
        next: None,
        preview: None,
    };
    let found = if shown.words.is_empty() {
        listed(&state, query.after).await
    } else {
        recalled(&state, &shown.words).await
    };
    match found {
        Ok((items, total, next)) => {
            (shown.items, shown.total, shown.next) = (Ok(items), total, next);
        }
        Err(error) => shown.items = Err(error.message().to_owned()),
    }
    if let Some(id) = query.forget {
        let body = body(json!({ "filter": { "ids": [id] }, "dry_run": true }))?;
        let axum::Json(report) = forget::forget(State(state), caller, body).await?;
        shown.preview = Some((id, report));
    }
    Ok(studio::page(memory::page(&frame, &shown)))
}

type Items = (Vec<ItemReport>, u64, Option<String>);

async fn listed(state: &AppState, after: Option<String>) -> Result<Items, ApiError> {
    let JsonBody(filter) = body(json!({ "limit": ITEMS, "after": after, "quarantined": true }))?;
    let axum::Json(report) = items::items(State(state.clone()), Params(filter)).await?;
    Ok((report.items, report.total, report.next))
}

async fn recalled(state: &AppState, words: &str) -> Result<Items, ApiError> {
    let JsonBody(filter) = body(json!({ "limit": ITEMS, "q": words, "quarantined": true }))?;
    let axum::Json(mut report) = items::recall(State(state.clone()), Params(filter)).await?;
    let hits = report["hits"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let found = hits.into_iter().map(|mut hit| serde_json::from_value(hit["item"].take()));
    let found: Vec<ItemReport> =
        found.collect::<Result<_, _>>().map_err(|error| ApiError::internal(&error))?;
    let total = found.len() as u64;
    Ok((found, total, None))
}

/// Keeps an item for good, or no longer.
pub(crate) async fn pin(
    state: State<AppState>,
    caller: Caller,
    form: Form,
) -> Result<Response, ApiError> {
    let wish = json!({ "id": form.need("id")?, "pinned": form.get("pinned") == "yes" });
    let _ = change::pin(state, caller, body(wish)?).await?;
    Ok(go("/studio/memory"))
}

/// Forgets an item for good; its page has shown what goes with it.
pub(crate) async fn forget(
    state: State<AppState>,
    caller: Caller,
    form: Form,
) -> Result<Response, ApiError> {
    let wish = json!({ "filter": { "ids": [form.need("id")?] }, "confirm": true, "reason": "asked for in the Studio" });
    let _ = forget::forget(state, caller, body(wish)?).await?;
    Ok(go("/studio/memory"))
}

/// What the route of the same work takes.
fn body<T: DeserializeOwned>(value: Value) -> Result<JsonBody<T>, ApiError> {
    serde_json::from_value(value).map(JsonBody).map_err(|error| ApiError::internal(&error))
}
