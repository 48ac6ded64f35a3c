//! The Studio's routes: pages as HTML, changes as forms, and what is live as events.

pub(crate) mod admin;
pub(crate) mod ask;
pub(crate) mod fleet;
pub(crate) mod home;
pub(crate) mod jobs;
pub(crate) mod memory;
pub(crate) mod plugins;
pub(crate) mod repository;
pub(crate) mod runs;
pub(crate) mod shell;

use crate::server::error::ApiError;

/// Does what waits for disks and programs on a thread that may wait.
async fn at_work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))?
}
