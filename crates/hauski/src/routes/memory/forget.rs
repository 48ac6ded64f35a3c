//! `/memory/evict` and `/memory/forget`: gone for good, with a receipt in the audit log.

use audit::{Durability, Event};
use axum::Json;
use axum::extract::State;
use contracts::hauski::memory::{FORGET_SCHEMA, ForgetReport};
use memory::{DEFAULT_NAMESPACE, ItemSelection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::invalid;
use crate::memories::refused;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Body of `/memory/evict`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evict {
    key: String,
    namespace: Option<String>,
}

/// Answer of `/memory/evict`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Evicted {
    status: &'static str,
    key: String,
    evicted: u64,
}

/// Forgets a key with its history.
pub(crate) async fn evict(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Evict>,
) -> Result<Json<Evicted>, ApiError> {
    let selection = ItemSelection {
        key: Some(body.key.clone()),
        namespace: Some(body.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())),
        ..ItemSelection::default()
    };
    let report = forget_now(&state, &caller, &selection, "evicted", false).await?;
    let evicted = report.forgotten_count;
    Ok(Json(Evicted { status: "ok", key: body.key, evicted }))
}

/// Body of `/memory/forget`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forget {
    filter: Filter,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    confirm: bool,
    #[serde(default)]
    dry_run: bool,
}

/// What to forget; all that is said must hold.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    ids: Vec<String>,
    key: Option<String>,
    namespace: Option<String>,
    source: Option<String>,
    query: Option<String>,
    #[serde(default)]
    allow_namespace_wipe: bool,
}

/// Shows what would go, or lets it go.
pub(crate) async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<Forget>,
) -> Result<Json<ForgetReport>, ApiError> {
    let filter = body.filter;
    let only_namespace = filter.namespace.is_some()
        && filter.ids.is_empty()
        && filter.key.is_none()
        && filter.source.is_none()
        && filter.query.is_none();
    if only_namespace && !filter.allow_namespace_wipe {
        return Err(invalid("filter", "A whole namespace goes only with allow_namespace_wipe."));
    }
    if !body.dry_run && !body.confirm {
        return Err(invalid("confirm", "Look at it with dry_run first, then send confirm."));
    }
    let selection = ItemSelection {
        ids: filter.ids,
        key: filter.key,
        namespace: filter.namespace,
        source: filter.source,
        query: filter.query,
    };
    let reason = if body.reason.is_empty() { "asked for" } else { body.reason.as_str() };
    forget_now(&state, &caller, &selection, reason, body.dry_run).await.map(Json)
}

async fn forget_now(
    state: &AppState,
    caller: &Caller,
    selection: &ItemSelection,
    reason: &str,
    is_dry: bool,
) -> Result<ForgetReport, ApiError> {
    let mut open = state.memories.open(&state.settings).await?;
    let store = open.store()?;
    let mut ids: Vec<String> = store
        .select_items(selection)
        .await
        .map_err(refused)?
        .into_iter()
        .map(|item| item.id)
        .collect();
    ids.sort_unstable();
    let mut report = ForgetReport {
        schema: FORGET_SCHEMA.to_owned(),
        dry_run: is_dry,
        forgotten_count: ids.len() as u64,
        ids,
        receipt_sha256: None,
        audit_seq: None,
        compacted: false,
    };
    if is_dry || report.ids.is_empty() {
        return Ok(report);
    }
    let done = store.forget_items(&report.ids, reason).await.map_err(refused)?;
    drop(open);
    report.compacted = done.compacted;
    let receipt: String =
        Sha256::digest(report.ids.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect();
    state.metrics.memory_forgotten(report.forgotten_count);
    let event = Event::new(caller.owner_name(), "memory.forget", format!("receipt:{receipt}"))
        .with("items", report.forgotten_count)
        .with("compacted", report.compacted);
    let written = state.audit.append(event, Durability::Durable).await;
    report.audit_seq = Some(written.map_err(|error| ApiError::internal(&error))?.seq);
    report.receipt_sha256 = Some(receipt);
    Ok(report)
}
