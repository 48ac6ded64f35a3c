//! How many requests are at work at once, how many may wait for room, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ApiError, Code};

/// Longest wait for room.
const WAIT: Duration = Duration::from_secs(1);

/// Room for requests.
pub(crate) struct Room {
    size: ArcSwap<(usize, Arc<Semaphore>)>,
    waiting: AtomicUsize,
}

/// Room for one request, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Room {
    /// Room for so many at once; as many may wait.
    pub(crate) fn new(size: u32) -> Self {
        Self { size: ArcSwap::from_pointee(sized(size)), waiting: AtomicUsize::new(0) }
    }

    /// Changes the size. Requests at work keep their place and count no more.
    pub(crate) fn resize(&self, size: u32) {
        if self.size.load().0 != size as usize {
            self.size.store(Arc::new(sized(size)));
        }
    }

    /// A place, perhaps after a short wait; or the word that there is none.
    pub(crate) async fn enter(&self) -> Result<Place, ApiError> {
        let size = self.size.load_full();
        if let Ok(place) = size.1.clone().try_acquire_owned() {
            return Ok(place);
        }
        let full = || {
            let error = ApiError::new(Code::Overloaded, "Too many requests are at work.");
            error.retry_after(1)
        };
        let waiting = Waiting::new(&self.waiting);
        if waiting.ahead >= size.0 {
            return Err(full());
        }
        let place = tokio::time::timeout(WAIT, size.1.clone().acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(full)
    }
}

fn sized(size: u32) -> (usize, Arc<Semaphore>) {
    let size = (size as usize).clamp(1, Semaphore::MAX_PERMITS);
    (size, Arc::new(Semaphore::new(size)))
}

/// Counts one who waits, also when the client goes away meanwhile.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, ahead: count.fetch_add(1, Ordering::AcqRel) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}
