//! `/memory/set`, `/memory/pin`, `/memory/promote`, `/memory/release`: changes of single items.

use audit::Event;
use axum::Json;
use axum::extract::State;
use contracts::hauski::memory::{ItemReport, Origin};
use memory::{DEFAULT_NAMESPACE, NewItem, Ttl};
use redact::injection::Trust;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{invalid, layer, report};
use crate::keys::scopes::Right;
use crate::memories::{now_ms, refused, rules};
use crate::record;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Body of `/memory/set`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    key: Option<String>,
    value: Value,
    ttl_sec: Option<u64>,
    pinned: Option<bool>,
    #[serde(default)]
    clear_ttl: bool,
    namespace: Option<String>,
    layer: Option<String>,
    importance: Option<f64>,
    trust: Option<String>,
    origin: Option<Origin>,
}

/// Answer of `/memory/set`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WasSet {
    status: &'static str,
    is_new: bool,
    item: ItemReport,
    near: Vec<Near>,
    evicted: u64,
    masked: u64,
}

#[derive(Serialize, JsonSchema)]
struct Near {
    id: String,
    similarity: f64,
}

/// Sets a key, or remembers a text without one.
pub(crate) async fn set(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Set>,
) -> Result<Json<WasSet>, ApiError> {
    if body.clear_ttl && body.ttl_sec.is_some() {
        return Err(invalid("clear_ttl", "Either clear_ttl or ttl_sec, not both."));
    }
    let is_owner = caller.has(Right::Admin);
    let rules = rules(&state);
    let listed = body.key.as_deref().is_some_and(|key| rules.lists(key));
    if body.pinned == Some(true) && !is_owner && !listed {
        return Err(invalid("pinned", "pin_allowlist in memory.yaml does not name this key."));
    }
    let trust = match body.trust.as_deref() {
        None if is_owner => Trust::High,
        None => Trust::Medium,
        Some(name) => Trust::parse(name)
            .ok_or_else(|| invalid("trust", "There are the levels low, medium and high."))?,
    };
    if trust == Trust::High && !is_owner {
        return Err(invalid("trust", "Only the owner's own words are trusted highly."));
    }
    let importance = body.importance.map(importance).transpose()?;
    let (value, is_json) = match body.value {
        Value::String(text) => (text, false),
        value => (value.to_string(), true),
    };
    let new = NewItem {
        namespace: body.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        key: body.key,
        value,
        is_json,
        layer: layer(body.layer.as_deref())?,
        importance,
        trust,
        origin: body.origin.unwrap_or_else(|| Origin::Person { name: caller.owner_name() }),
        ttl: match (body.ttl_sec, body.clear_ttl) {
            (Some(seconds), _) => Ttl::Seconds(seconds),
            (None, true) => Ttl::Stays,
            (None, false) => Ttl::Unsaid,
        },
        pinned: body.pinned,
    };
    let mut open = state.memories.open(&state.settings).await?;
    let done = open.store()?.remember(&new, &rules, now_ms()).await.map_err(refused)?;
    drop(open);
    record::ordinary(
        &state,
        Event::new(caller.owner_name(), "memory.set", format!("item:{}", done.item.id))
            .with("is_new", done.is_new)
            .with("quarantined", done.item.quarantined),
    );
    Ok(Json(WasSet {
        status: "ok",
        is_new: done.is_new,
        near: done
            .near
            .into_iter()
            .map(|(id, similarity)| Near { id, similarity: f64::from(similarity) / 1000.0 })
            .collect(),
        evicted: done.evicted,
        masked: done.masked,
        item: report(done.item),
    }))
}

fn importance(value: f64) -> Result<u16, ApiError> {
    // Between 0.001 and 1, so it fits; a NaN lies in no range.
    if (0.001..=1.0).contains(&value) {
        Ok((value * 1000.0).round() as u16)
    } else {
        Err(invalid("importance", "From 0.001 to 1."))
    }
}

/// Body of `/memory/pin`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    id: String,
    #[serde(default = "yes")]
    pinned: bool,
}

fn yes() -> bool {
    true
}

/// Keeps an item for good, or no longer.
pub(crate) async fn pin(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Pin>,
) -> Result<Json<ItemReport>, ApiError> {
    let rules = rules(&state);
    let mut open = state.memories.open(&state.settings).await?;
    let store = open.store()?;
    let Some(item) = store.item(&body.id).await.map_err(refused)? else {
        return Err(ApiError::not_found());
    };
    let listed = item.key.as_deref().is_some_and(|key| rules.lists(key));
    if body.pinned && !listed && !caller.has(Right::Admin) {
        return Err(invalid(
            "id",
            "pin_allowlist in memory.yaml does not name the key of this item.",
        ));
    }
    let item = store.pin_item(&body.id, body.pinned, now_ms()).await.map_err(refused)?;
    drop(open);
    let event = Event::new(caller.owner_name(), "memory.pin", format!("item:{}", item.id));
    record::durable(&state, event.with("pinned", body.pinned)).await?;
    Ok(Json(report(item)))
}

/// Body of `/memory/promote`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promote {
    id: String,
    layer: Option<String>,
}

/// Moves an item to the next layer, or to the one that is named.
pub(crate) async fn promote(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Promote>,
) -> Result<Json<ItemReport>, ApiError> {
    let rules = rules(&state);
    let wanted = layer(body.layer.as_deref())?;
    let mut open = state.memories.open(&state.settings).await?;
    let store = open.store()?;
    let Some(item) = store.item(&body.id).await.map_err(refused)? else {
        return Err(ApiError::not_found());
    };
    let Some(to) = wanted.or(item.layer.next()) else {
        return Err(invalid("id", "It is in the layer long; there is none after it."));
    };
    let item = store.move_item(&body.id, to, &rules, now_ms()).await.map_err(refused)?;
    drop(open);
    let event = Event::new(caller.owner_name(), "memory.promote", format!("item:{}", item.id));
    record::durable(&state, event.with("layer", to.as_str())).await?;
    Ok(Json(report(item)))
}

/// Body of `/memory/release`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    id: String,
    #[serde(default = "yes")]
    released: bool,
}

/// Lets an item out of quarantine; only the owner may.
pub(crate) async fn release(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Release>,
) -> Result<Json<ItemReport>, ApiError> {
    let mut open = state.memories.open(&state.settings).await?;
    let store = open.store()?;
    if store.item(&body.id).await.map_err(refused)?.is_none() {
        return Err(ApiError::not_found());
    }
    let item = store.release_item(&body.id, body.released).await.map_err(refused)?;
    drop(open);
    let event = Event::new(caller.owner_name(), "memory.release", format!("item:{}", item.id));
    record::durable(&state, event.with("released", body.released)).await?;
    Ok(Json(report(item)))
}
