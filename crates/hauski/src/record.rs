//! Writes what happens to the audit log: ids, never contents.
//!
//! Where the log has no room because its disk does not keep up, the wait is left to a thread that may wait: the threads that
//! answer requests go on.

use audit::{AppendError, Durability, Event, Log};

use crate::server::error::ApiError;
use crate::state::AppState;

/// Records something that must be on the disk before its answer.
pub(crate) async fn durable(state: &AppState, event: Event) -> Result<(), ApiError> {
    on_disk(&state.audit, event).await.map_err(|error| ApiError::internal(&error))
}

async fn on_disk(log: &Log, event: Event) -> Result<(), AppendError> {
    let written = match log.try_append(event.clone(), Durability::Durable) {
        Some(receipt) => receipt.await,
        None => {
            let log = log.clone();
            let waiting = move || log.append(event, Durability::Durable).wait();
            tokio::task::spawn_blocking(waiting).await.map_err(|_| AppendError::Closed)?
        }
    };
    written.map(drop)
}

/// Records something ordinary: on the disk within milliseconds, together with others.
pub(crate) fn ordinary(state: &AppState, event: Event) {
    if state.audit.try_append(event.clone(), Durability::Grouped).is_none() {
        let log = state.audit.clone();
        // What finds no room even then is counted by the log.
        drop(tokio::task::spawn_blocking(move || log.note(event)));
    }
}
