//! Output of tasks that run at the same time: each line whole and with the name of its task.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, PoisonError};

/// A line longer than this is shown in several pieces, each with its prefix.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// One output stream that several tasks share.
pub(super) struct SharedOutput<'fd> {
    fd: BorrowedFd<'fd>,
    /// True when nobody reads any more.
    closed: Mutex<bool>,
}

impl<'fd> SharedOutput<'fd> {
    pub(super) fn new(fd: BorrowedFd<'fd>) -> Self {
        Self { fd, closed: Mutex::new(false) }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        write_all(self.fd, bytes).inspect_err(|_| *closed = true)
    }
}

/// The share of one task in an output: puts `[name] ` in front of each line.
pub(super) struct LineWriter<'o, 'fd> {
    output: &'o SharedOutput<'fd>,
    prefix: Vec<u8>,
    line: Vec<u8>,
}

impl<'o, 'fd> LineWriter<'o, 'fd> {
    pub(super) fn new(output: &'o SharedOutput<'fd>, name: &str) -> Self {
        Self { output, prefix: format!("[{name}] ").into_bytes(), line: Vec::new() }
    }

    /// Shows the whole lines in `bytes` and keeps the rest for later.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= MAX_LINE_BYTES {
                self.take_line(&mut whole);
            }
        }
        if whole.is_empty() { Ok(()) } else { self.output.write(&whole) }
    }

    /// Shows a last line without its end, ended.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::new();
        self.take_line(&mut whole);
        self.output.write(&whole)
    }

    fn take_line(&mut self, whole: &mut Vec<u8>) {
        whole.extend_from_slice(&self.prefix);
        whole.append(&mut self.line);
        if !whole.ends_with(b"\n") {
            whole.push(b'\n');
        }
    }
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => wait_until_writable(fd)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_until_writable(fd: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
