//! Places at which a test ends this process as a power cut would. Nothing is armed outside tests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

static ARMED: AtomicUsize = AtomicUsize::new(0);
static PLACE: Mutex<Option<(String, usize)>> = Mutex::new(None);

/// Ends the process by SIGKILL when `place` is reached for the `nth` time from now on. For tests.
#[doc(hidden)]
pub fn arm(place: &str, nth: usize) {
    *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = Some((place.to_owned(), nth.max(1)));
    ARMED.store(1, Ordering::Release);
}

/// Costs one load where nothing is armed.
pub(crate) fn reached(place: &str) {
    if ARMED.load(Ordering::Acquire) == 0 {
        return;
    }
    let mut armed = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((name, left)) = armed.as_mut().filter(|(name, _)| name == place) else { return };
    *left -= 1;
    if *left == 0 {
        tracing::debug!(place = name.as_str(), "ends here");
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
