//! Signals that reach wgx while a task runs, as something to poll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// Signals that end wgx when no task runs.
const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

/// Collects signals from its creation until it is dropped; afterwards signals end wgx again.
pub(super) struct SignalWatch(SignalDelivery<UnixStream, SignalOnly>);

impl SignalWatch {
    /// Starts watching. Signals that were ignored when wgx started (`nohup`) stay ignored, for wgx
    /// and for the task.
    pub(super) fn start() -> io::Result<Self> {
        let ignored = ignored_signals();
        let ending = ENDING.iter().copied().filter(|signal| !is_ignored(ignored, *signal));
        let signals: Vec<i32> = ending.chain([SIGCHLD, SIGWINCH, SIGCONT]).collect();
        suspend_default_actions(&signals)?;
        let (read, write) = UnixStream::pair()?;
        Ok(Self(SignalDelivery::with_pipe(read, write, SignalOnly, signals)?))
    }

    /// The signals since the last call.
    pub(super) fn pending(&mut self) -> Vec<i32> {
        self.0.pending().collect()
    }
}

impl AsFd for SignalWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        let defaults = defaults();
        let mut watches = defaults.watches.lock().unwrap_or_else(PoisonError::into_inner);
        *watches -= 1;
        defaults.are_active.store(*watches == 0, Ordering::SeqCst);
    }
}

/// A handler that was installed once stays installed and would swallow the signal, so the default
/// action is emulated whenever nobody watches.
struct Defaults {
    are_active: Arc<AtomicBool>,
    watches: Mutex<usize>,
}

fn defaults() -> &'static Defaults {
    static DEFAULTS: OnceLock<Defaults> = OnceLock::new();
    DEFAULTS.get_or_init(|| Defaults {
        are_active: Arc::new(AtomicBool::new(false)),
        watches: Mutex::new(0),
    })
}

fn suspend_default_actions(signals: &[i32]) -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let defaults = defaults();
    let mut watches = defaults.watches.lock().unwrap_or_else(PoisonError::into_inner);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*installed {
        for signal in signals.iter().filter(|signal| ENDING.contains(signal)) {
            let flag = Arc::clone(&defaults.are_active);
            signal_hook::flag::register_conditional_default(*signal, flag)?;
        }
        *installed = true;
    }
    *watches += 1;
    defaults.are_active.store(false, Ordering::SeqCst);
    Ok(())
}

fn is_ignored(mask: u64, signal: i32) -> bool {
    mask & (1 << (signal - 1)) != 0
}

/// The mask of ignored signals when no handler of ours was installed yet. Where the system does not
/// tell (macOS), none.
fn ignored_signals() -> u64 {
    static MASK: OnceLock<u64> = OnceLock::new();
    *MASK.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    })
}
