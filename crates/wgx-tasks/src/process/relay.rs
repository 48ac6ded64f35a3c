//! Passes the output of a task on, byte by byte as it comes, without ever blocking the loop that
//! also watches signals and the clock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat};
use rustix::io::{Errno, ioctl_fionread};

use super::lines::LineWriter;
use super::log::{LogRecorder, Stream};

/// Bytes read at once; the capacity of a pipe.
const BUFFER_BYTES: usize = 64 * 1024;
/// A writable pipe takes at least this much without blocking (PIPE_BUF on Linux, one page).
const SAFE_WRITE_BYTES: usize = 4096;

/// Where output goes.
pub(super) enum Target<'a> {
    /// As it is.
    Direct {
        fd: BorrowedFd<'a>,
        /// How much one write may take.
        piece_bytes: usize,
    },
    /// Line by line, next to other tasks.
    Lines(LineWriter<'a, 'a>),
}

impl<'a> Target<'a> {
    pub(super) fn direct(fd: BorrowedFd<'a>) -> Self {
        let is_file = fstat(fd)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self::Direct { fd, piece_bytes: if is_file { BUFFER_BYTES } else { SAFE_WRITE_BYTES } }
    }
}

/// One stream of a task on its way to our own.
pub(super) struct Relay<'a> {
    /// `None` after its end, or when nobody reads our side any more.
    source: Option<OwnedFd>,
    target: Target<'a>,
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    /// Bytes that were waiting when the task ended and are still to be passed on.
    owed_bytes: u64,
}

impl<'a> Relay<'a> {
    /// Starts passing on; `source` becomes non-blocking.
    pub(super) fn new(source: OwnedFd, target: Target<'a>, stream: Stream) -> io::Result<Self> {
        fcntl_setfl(&source, fcntl_getfl(&source)? | OFlags::NONBLOCK)?;
        // Empty: zeroes that nobody reads would touch sixteen pages of each stream of each task.
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { source: Some(source), target, stream, buffer, start: 0, owed_bytes: 0 })
    }

    /// What to poll for, unless this stream is at its end.
    pub(super) fn wish(&self) -> Option<PollFd<'_>> {
        match (&self.target, &self.source) {
            (Target::Direct { fd, .. }, _) if self.has_pending() => {
                Some(PollFd::new(fd, PollFlags::OUT))
            }
            (_, Some(source)) => Some(PollFd::new(source, PollFlags::IN)),
            (_, None) => None,
        }
    }

    /// Does what [`Relay::wish`] waited for.
    pub(super) fn advance(&mut self, log: &mut LogRecorder<'_>) {
        if !self.has_pending() {
            self.read(log);
        }
        if self.pass_on().is_err() {
            // Like a pipe of its own: the task gets SIGPIPE or EPIPE at its next write.
            self.source = None;
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// The task has ended: what waits now is still its output.
    pub(super) fn note_end_of_task(&mut self) {
        self.owed_bytes =
            self.source.as_ref().and_then(|source| ioctl_fionread(source).ok()).unwrap_or(0);
    }

    /// Everything that belongs to the task has been passed on.
    pub(super) fn has_passed_on(&self) -> bool {
        !self.has_pending() && (self.source.is_none() || self.owed_bytes == 0)
    }

    /// Nothing can come any more.
    pub(super) fn is_done(&self) -> bool {
        self.source.is_none() && !self.has_pending()
    }

    /// Shows a last line that has no end; only line-wise targets hold one back.
    pub(super) fn finish(&mut self) {
        if let Target::Lines(lines) = &mut self.target {
            // Nobody reads any more: there is nobody to tell.
            let _ = lines.finish();
        }
    }

    fn has_pending(&self) -> bool {
        self.start < self.buffer.len()
    }

    fn read(&mut self, log: &mut LogRecorder<'_>) {
        let Some(source) = &self.source else { return };
        self.buffer.clear();
        self.start = 0;
        match rustix::io::read(source, spare_capacity(&mut self.buffer)) {
            Ok(0) => self.source = None,
            Ok(length) => {
                self.owed_bytes = self.owed_bytes.saturating_sub(length as u64);
                log.write(self.stream, &self.buffer);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // A terminal whose last user is gone says so with EIO.
            Err(_) => self.source = None,
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        while self.start < self.buffer.len() {
            let pending = &self.buffer[self.start..];
            match &mut self.target {
                Target::Lines(lines) => {
                    lines.write(pending)?;
                    self.start = self.buffer.len();
                }
                Target::Direct { fd, piece_bytes } => {
                    if !is_writable(*fd) {
                        return Ok(());
                    }
                    match rustix::io::write(*fd, &pending[..pending.len().min(*piece_bytes)]) {
                        Ok(written) => self.start += written,
                        Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a write would not block; errors show at the write itself.
fn is_writable(fd: BorrowedFd<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT)], Some(&now)) != Ok(0)
}
