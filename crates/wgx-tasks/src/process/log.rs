//! The log of a run: every byte that is shown goes to a sink too, up to a bound. What falls out in
//! the middle is counted.

use std::collections::VecDeque;
use std::io;

/// Where bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// A terminal, where both are one.
    Terminal,
}

/// Takes the log of one run. Masking and storing are its business.
pub trait LogSink {
    /// The next bytes, in the order in which they were shown. They may end inside a character.
    ///
    /// # Errors
    ///
    /// The first error ends the log, not the task; it is reported in [`LogSummary::error`].
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()>;

    /// `bytes` bytes are left out here.
    ///
    /// # Errors
    ///
    /// As for [`LogSink::write`].
    fn gap(&mut self, bytes: u64) -> io::Result<()>;
}

/// How much of a log is kept: its beginning and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// Bytes kept from the beginning. Default 16 MiB.
    pub head_bytes: u64,
    /// Bytes kept from the end, in memory until then. Default 1 MiB.
    pub tail_bytes: usize,
}

impl Default for LogBounds {
    fn default() -> Self {
        Self { head_bytes: 16 * 1024 * 1024, tail_bytes: 1024 * 1024 }
    }
}

/// What became of the log.
#[derive(Debug, Default)]
pub struct LogSummary {
    /// Bytes the task wrote.
    pub seen_bytes: u64,
    /// Bytes the sink got.
    pub kept_bytes: u64,
    /// Bytes left out because of the bound.
    pub omitted_bytes: u64,
    /// The sink failed here; nothing after that was kept.
    pub error: Option<io::Error>,
}

/// Feeds a sink within its bounds.
pub(super) struct LogRecorder<'s> {
    sink: Option<&'s mut (dyn LogSink + Send)>,
    bounds: LogBounds,
    summary: LogSummary,
    /// The last bytes, in pieces of one stream each.
    tail: VecDeque<(Stream, Vec<u8>)>,
    tail_length: usize,
}

impl<'s> LogRecorder<'s> {
    pub(super) fn new(sink: Option<&'s mut (dyn LogSink + Send)>, bounds: LogBounds) -> Self {
        let (summary, tail) = (LogSummary::default(), VecDeque::new());
        Self { sink, bounds, summary, tail, tail_length: 0 }
    }

    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let room = self.bounds.head_bytes.saturating_sub(self.summary.seen_bytes);
        self.summary.seen_bytes += bytes.len() as u64;
        if self.sink.is_none() || self.summary.error.is_some() {
            return;
        }
        let head = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        self.pass(stream, &bytes[..head]);
        self.keep_tail(stream, &bytes[head..]);
    }

    /// Hands over the tail and tells what became of the log.
    pub(super) fn finish(mut self) -> LogSummary {
        if self.summary.omitted_bytes > 0 {
            let omitted = self.summary.omitted_bytes;
            self.attempt(|sink| sink.gap(omitted));
        }
        for (stream, bytes) in std::mem::take(&mut self.tail) {
            self.pass(stream, &bytes);
        }
        self.summary
    }

    fn pass(&mut self, stream: Stream, bytes: &[u8]) {
        if !bytes.is_empty() && self.attempt(|sink| sink.write(stream, bytes)) {
            self.summary.kept_bytes += bytes.len() as u64;
        }
    }

    fn attempt(&mut self, action: impl FnOnce(&mut dyn LogSink) -> io::Result<()>) -> bool {
        let Some(sink) = self.sink.as_deref_mut() else {
            return false;
        };
        if self.summary.error.is_some() {
            return false;
        }
        self.summary.error = action(sink).err();
        self.summary.error.is_none()
    }

    fn keep_tail(&mut self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = bytes.len().saturating_sub(self.bounds.tail_bytes);
        self.summary.omitted_bytes += start as u64;
        self.tail.push_back((stream, bytes[start..].to_vec()));
        self.tail_length += bytes.len() - start;
        while self.tail_length > self.bounds.tail_bytes {
            self.shorten_tail();
        }
    }

    fn shorten_tail(&mut self) {
        let excess = self.tail_length - self.bounds.tail_bytes;
        let Some((_, oldest)) = self.tail.front_mut() else {
            return;
        };
        let cut = excess.min(oldest.len());
        if cut == oldest.len() {
            self.tail.pop_front();
        } else {
            oldest.drain(..cut);
        }
        self.tail_length -= cut;
        self.summary.omitted_bytes += cut as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Kept {
        bytes: Vec<u8>,
        gap: Option<(usize, u64)>,
        fails: bool,
    }

    impl LogSink for Kept {
        fn write(&mut self, _: Stream, bytes: &[u8]) -> io::Result<()> {
            if self.fails {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(bytes);
            Ok(())
        }

        fn gap(&mut self, bytes: u64) -> io::Result<()> {
            self.gap = Some((self.bytes.len(), bytes));
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn head_and_tail_are_kept_and_the_middle_is_counted(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            head_bytes in 0u64..100,
            tail_bytes in 0usize..100,
        ) {
            let whole: Vec<u8> = pieces.concat();
            let mut kept = Kept::default();
            let mut log = LogRecorder::new(Some(&mut kept), LogBounds { head_bytes, tail_bytes });
            for piece in &pieces {
                log.write(Stream::Output, piece);
            }
            let summary = log.finish();
            let head = whole.len().min(usize::try_from(head_bytes).unwrap());
            let tail = (whole.len() - head).min(tail_bytes);
            let omitted = (whole.len() - head - tail) as u64;
            prop_assert_eq!(&kept.bytes[..head], &whole[..head]);
            prop_assert_eq!(&kept.bytes[head..], &whole[whole.len() - tail..]);
            prop_assert_eq!(kept.gap, (omitted > 0).then_some((head, omitted)));
            prop_assert_eq!(summary.omitted_bytes, omitted);
            prop_assert_eq!(summary.kept_bytes + summary.omitted_bytes, summary.seen_bytes);
        }
    }

    #[test]
    fn a_failing_sink_ends_the_log_and_says_so() {
        let mut kept = Kept { fails: true, ..Kept::default() };
        let mut log = LogRecorder::new(Some(&mut kept), LogBounds::default());
        log.write(Stream::Output, b"one");
        log.write(Stream::Output, b"two");
        let summary = log.finish();
        assert_eq!((summary.seen_bytes, summary.kept_bytes), (6, 0));
        assert_eq!(summary.error.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
