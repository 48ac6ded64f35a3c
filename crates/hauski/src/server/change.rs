//! Changes that somebody asks for: recorded first, then made, then answered.
//!
//! A change runs in a task of its own. A client that goes away, or whose time is over, gets no answer; the change is
//! made to its end all the same, so that the database, the memory and the audit log never tell different stories.

use audit::{Event, Outcome};

use super::error::ApiError;
use crate::record;
use crate::state::AppState;

/// Puts `event` on the disk, then does the work, then answers. When the event cannot be recorded, nothing is done; when
/// the work fails, a second line of the same action says so.
pub(crate) async fn change<T: Send + 'static>(
    state: &AppState,
    event: Event,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let own = state.clone();
    let made = state.changes.spawn(async move {
        record::durable(&own, event.clone()).await?;
        let done = work.await;
        if done.is_err() {
            let failed = record::durable(&own, event.outcome(Outcome::Failed)).await;
            // The answer is a failure either way; the log of the daemon says why the line is missing.
            drop(failed);
        }
        done
    });
    made.await.map_err(|error| ApiError::internal(&error))?
}
