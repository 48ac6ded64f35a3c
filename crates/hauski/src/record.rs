//! Writes what happens to the audit log: ids, never contents.

use audit::{Durability, Event};

use crate::server::error::ApiError;
use crate::state::AppState;

/// Records something that must be on the disk before its answer.
pub(crate) async fn durable(state: &AppState, event: Event) -> Result<(), ApiError> {
    let written = state.audit.append(event, Durability::Durable).await;
    written.map(drop).map_err(|error| ApiError::internal(&error))
}

/// Records something ordinary: on the disk within milliseconds, together with others.
pub(crate) fn ordinary(state: &AppState, event: Event) {
    state.audit.note(event);
}
