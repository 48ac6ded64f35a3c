//! `/memory/get`, `/memory/items`, `/memory/recall`, `/memory/stats`, `/memory/proposals`: reading items.

use audit::Event;
use axum::Json;
use axum::extract::State;
use contracts::hauski::memory::{ITEMS_SCHEMA, ItemReport, ItemsReport};
use memory::{DEFAULT_NAMESPACE, Decision, ItemFilter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{invalid, layer, report};
use crate::memories::{now_ms, refused, rules};
use crate::record;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::{JsonBody, Params};
use crate::state::AppState;

/// Body of `/memory/get`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Get {
    key: String,
    namespace: Option<String>,
    #[serde(default)]
    quarantined: bool,
}

/// Answer of `/memory/get`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Got {
    key: String,
    namespace: String,
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemReport>,
    /// Why a value that is there is not shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quarantined_for: Vec<String>,
}

/// The value of a key now; null where there is none, where it has ended, or where it is kept apart.
pub(crate) async fn get(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<Get>,
) -> Result<Json<Got>, ApiError> {
    let namespace = body.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let mut open = state.memories.open(&state.settings).await?;
    let found = open.store()?.item_of_key(&namespace, &body.key, now_ms()).await;
    drop(open);
    let found = found.map_err(refused)?;
    let mut got = Got {
        key: body.key,
        namespace,
        value: Value::Null,
        item: None,
        quarantined_for: Vec::new(),
    };
    match found {
        Some(item) if item.quarantined && !body.quarantined => got.quarantined_for = item.signs,
        Some(item) => {
            state.memories.note_use(&item.id);
            let item = report(item);
            got.value = item.value.clone();
            got.item = Some(item);
        }
        None => {}
    }
    Ok(Json(got))
}

/// Query of `/memory/items` and `/memory/recall`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    namespace: Option<String>,
    layer: Option<String>,
    prefix: Option<String>,
    pinned: Option<bool>,
    #[serde(default)]
    quarantined: bool,
    #[serde(default)]
    history: bool,
    after: Option<String>,
    limit: Option<u32>,
    q: Option<String>,
}

impl Filter {
    fn parts(&self, default: u32) -> Result<(ItemFilter, u32), ApiError> {
        let limit = self.limit.unwrap_or(default);
        if !(1..=1000).contains(&limit) {
            return Err(invalid("limit", "From 1 to 1000."));
        }
        let filter = ItemFilter {
            namespace: self.namespace.clone(),
            layer: layer(self.layer.as_deref())?,
            key_prefix: self.prefix.clone(),
            pinned: self.pinned,
            quarantined: self.quarantined,
            history: self.history,
        };
        Ok((filter, limit))
    }
}

/// A page of items, newest first.
pub(crate) async fn items(
    State(state): State<AppState>,
    Params(query): Params<Filter>,
) -> Result<Json<ItemsReport>, ApiError> {
    let (filter, limit) = query.parts(100)?;
    if query.q.is_some() {
        return Err(invalid("q", "Words are searched by /memory/recall."));
    }
    let mut open = state.memories.open(&state.settings).await?;
    let after = query.after.as_deref();
    let page = open.store()?.items(&filter, (after, limit), now_ms()).await.map_err(refused)?;
    Ok(Json(ItemsReport {
        schema: ITEMS_SCHEMA.to_owned(),
        items: page.items.into_iter().map(report).collect(),
        next: page.next,
        total: page.total,
    }))
}

/// Items that hold all words, the best first.
pub(crate) async fn recall(
    State(state): State<AppState>,
    Params(query): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    let (filter, limit) = query.parts(20)?;
    let words = query.q.as_deref().unwrap_or_default();
    let rules = rules(&state);
    let mut open = state.memories.open(&state.settings).await?;
    let hits = open
        .store()?
        .recall_items(words, &filter, (&rules, limit as usize), now_ms())
        .await
        .map_err(refused)?;
    drop(open);
    let mut shown = Vec::new();
    for hit in hits {
        state.memories.note_use(&hit.item.id);
        shown.push(json!({"score": hit.score, "snippet": hit.snippet, "item": report(hit.item)}));
    }
    Ok(Json(json!({"query": words, "hits": shown})))
}

/// Counts by namespace and layer.
pub(crate) async fn stats(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let mut open = state.memories.open(&state.settings).await?;
    let counts = open.store()?.item_counts(now_ms()).await.map_err(refused)?;
    let layers: Vec<_> = counts
        .layers
        .iter()
        .map(|one| {
            json!({"namespace": one.namespace, "layer": one.layer, "items": one.items, "pinned": one.pinned})
        })
        .collect();
    Ok(Json(json!({
        "layers": layers, "pinned": counts.pinned, "unpinned": counts.unpinned,
        "quarantined": counts.quarantined, "expired": counts.expired, "history": counts.history,
    })))
}

/// Pairs that say almost the same and that nobody decided about.
pub(crate) async fn proposals(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let mut open = state.memories.open(&state.settings).await?;
    let found = open.store()?.merge_proposals(100, now_ms()).await.map_err(refused)?;
    let pairs: Vec<_> = found
        .into_iter()
        .map(|pair| {
            json!({
                "similarity": f64::from(pair.similarity) / 1000.0,
                "item": report(pair.item), "into": report(pair.into),
            })
        })
        .collect();
    Ok(Json(json!({ "proposals": pairs })))
}

/// Body of `POST /memory/proposals`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    item: String,
    into: String,
    decision: String,
}

/// Merges a pair, keeps it apart, or takes a merge back.
pub(crate) async fn decide(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Decide>,
) -> Result<Json<ItemReport>, ApiError> {
    let decision = match body.decision.as_str() {
        "merge" => Decision::Merge,
        "distinct" => Decision::Distinct,
        "undo" => Decision::Undo,
        _ => return Err(invalid("decision", "There are merge, distinct and undo.")),
    };
    let mut open = state.memories.open(&state.settings).await?;
    let pair = (body.item.as_str(), body.into.as_str());
    let item = open.store()?.decide_merge(pair, decision, now_ms()).await.map_err(refused)?;
    drop(open);
    let event = Event::new(caller.owner_name(), "memory.merge", format!("item:{}", item.id));
    let event = event.with("into", body.into).with("decision", body.decision);
    record::durable(&state, event).await?;
    Ok(Json(report(item)))
}
