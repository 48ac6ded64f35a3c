//! `POST /index/forget`: counted, confirmed, gone, with a line in the audit log as receipt.

use audit::{Durability, Event};
use axum::Json;
use axum::extract::State;
use contracts::hauski::index::{ForgetRequest, Forgot};

use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// Forgets, or says what would go.
pub(crate) async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<ForgetRequest>,
) -> Result<Json<Forgot>, ApiError> {
    let mut forgot = state.index()?.forget(&request).await?;
    if !forgot.dry_run {
        // Counts and which fields narrowed it down, never their values: the log is kept for ever.
        let event = Event::new(caller.owner_name(), "index.forget", "index");
        let event = event.with("documents", forgot.forgotten_count).with("chunks", forgot.chunks);
        let event = event.with("vectors", forgot.vectors).with("erased", forgot.erased);
        let event = event.with("by", by(&request));
        let written = state.audit.append(event, Durability::Durable).await;
        let written = written.map_err(|error| ApiError::internal(&error))?;
        forgot.receipt = Some(written.seq);
    }
    Ok(Json(forgot))
}

fn by(request: &ForgetRequest) -> Vec<&'static str> {
    let filter = &request.filter;
    let fields = [
        ("namespace", filter.namespace.is_some()),
        ("older_than", filter.older_than.is_some()),
        ("source_ref_origin", filter.source_ref_origin.is_some()),
        ("source_ref_id", filter.source_ref_id.is_some()),
        ("doc_id", filter.doc_id.is_some()),
        ("query", filter.query.is_some()),
    ];
    fields.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
}
