//! What both processes of the init role wait for: signals, and the daemon's end.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Something happened.
pub(super) enum Event {
    /// The plugin is asked to stop.
    Stop,
    /// A child may have ended.
    Child,
    /// The daemon is gone, or dropped its hold. Told once.
    Gone,
}

/// The descriptors that are polled.
pub(super) struct Watch {
    wake: UnixStream,
    stop: Arc<AtomicBool>,
    control: Cell<bool>,
}

impl Watch {
    /// Begins to catch signals; watches the control socket (standard input) where `control` says so.
    pub(super) fn new(control: bool) -> io::Result<Self> {
        let (wake, sender) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
            // Before the wake-up, so that it is seen with it.
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        signal_hook::low_level::pipe::register(SIGCHLD, sender)?;
        Ok(Self { wake, stop, control: Cell::new(control) })
    }

    /// Waits for the next event.
    pub(super) fn next(&self) -> Result<Event, Errno> {
        let input = io::stdin();
        // A closed side shows as RDHUP or HUP; packets that the inner process has yet to read do not.
        let mut polled = vec![PollFd::new(&self.wake, PollFlags::IN)];
        if self.control.get() {
            polled.push(PollFd::new(&input, PollFlags::RDHUP));
        }
        match rustix::event::poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if polled.get(1).is_some_and(|control| !control.revents().is_empty()) {
            self.control.set(false);
            return Ok(Event::Gone);
        }
        let mut drained = [0; 64];
        while matches!((&self.wake).read(&mut drained), Ok(length) if length > 0) {}
        Ok(if self.stop.swap(false, Ordering::SeqCst) { Event::Stop } else { Event::Child })
    }
}
