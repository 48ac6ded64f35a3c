//! The log of a run on its way into the store.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use memory::{LogWriter, StoredLog};
use wgx_tasks::process::{LogSink, Stream};

/// A log that goes to the store, masked there.
pub(super) struct RunLog(LogWriter);

impl RunLog {
    /// For a writer of the store.
    pub(super) fn new(writer: LogWriter) -> Self {
        Self(writer)
    }

    /// Completes it. A log that could not be written whole is an error: the run would not be recorded.
    pub(super) fn finish(self) -> io::Result<StoredLog> {
        self.0.finish().map_err(io::Error::other)
    }
}

impl LogSink for RunLog {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn gap(&mut self, bytes: u64) -> io::Result<()> {
        write!(self.0, "\n[wgx: {bytes} bytes are left out here]\n")
    }
}

/// A log that is taken away and completed while other jobs still run; nothing where none is kept.
pub(super) struct SharedLog(Mutex<Option<RunLog>>);

impl SharedLog {
    pub(super) fn of(log: Option<RunLog>) -> Self {
        Self(Mutex::new(log))
    }

    /// The log, to be completed; what is written later goes nowhere.
    pub(super) fn take(&self) -> Option<RunLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with(&self, work: impl FnOnce(&mut RunLog) -> io::Result<()>) -> io::Result<()> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.as_mut().map_or(Ok(()), work)
    }
}

impl LogSink for &SharedLog {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.with(|log| log.write(stream, bytes))
    }

    fn gap(&mut self, bytes: u64) -> io::Result<()> {
        self.with(|log| log.gap(bytes))
    }
}
