//! The log of one plugin.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use contracts::hauski::plugin_status::{LogLine, LogStream};
use contracts::hauski::protocol::Level;
use jiff::Timestamp;
use redact::Redactor;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::desk::{Desk, Message, WAITING_OF_ONE};
use super::file::FileSink;
use super::query::LogQuery;
use super::subscription::{LogSubscription, Queue};

/// Lines that stay in memory.
const RING_LINES: usize = 10_000;
/// Bytes of a message, and of its fields.
const MAX_TEXT: usize = 16 << 10;
/// Bytes that stay in memory; long lines push out more than one.
const RING_BYTES: usize = 16 << 20;
/// Bytes a second that are looked at; what comes on top is left out like too many lines.
const BYTES_PER_S: usize = 2 << 20;

/// The log of one plugin: the last 10,000 lines in memory, older ones in its files.
pub struct LogBook {
    plugin: String,
    redactor: Redactor,
    lines_per_s: AtomicU64,
    file: Option<FileSink>,
    ways: Ways,
    /// Bytes of the messages that wait at the desk.
    waiting: AtomicUsize,
    state: Mutex<State>,
}

/// What the logs of all plugins share.
#[derive(Clone)]
pub(crate) struct Ways {
    /// Where messages wait to be looked at.
    pub(crate) desk: Desk,
    /// Whose stream may be looked at now.
    pub(crate) turn: Arc<Semaphore>,
}

impl Ways {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self { desk: Desk::start()?, turn: Arc::new(Semaphore::new(1)) })
    }
}

struct State {
    ring: VecDeque<Arc<LogLine>>,
    bytes: usize,
    next: u64,
    window: Instant,
    in_window: u64,
    bytes_in_window: usize,
    dropped_in_window: u64,
    dropped: u64,
    subscribers: Vec<Weak<Queue>>,
}

impl LogBook {
    pub(crate) fn new(
        plugin: &str,
        lines_per_s: u32,
        redactor: Redactor,
        file: Option<FileSink>,
        ways: Ways,
    ) -> Arc<Self> {
        Arc::new(Self {
            plugin: plugin.to_owned(),
            redactor,
            lines_per_s: AtomicU64::new(lines_per_s.into()),
            file,
            ways,
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                ring: VecDeque::new(),
                bytes: 0,
                next: 0,
                window: Instant::now(),
                in_window: 0,
                bytes_in_window: 0,
                dropped_in_window: 0,
                dropped: 0,
                subscribers: Vec::new(),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_limit(&self, lines_per_s: u32) {
        self.lines_per_s.store(lines_per_s.into(), Ordering::Relaxed);
    }

    pub(super) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    /// A line of the host about the plugin. It is never left out.
    pub(crate) fn host(&self, level: Level, message: &str) {
        self.add(&mut self.state(), LogStream::Host, level, message, Map::new());
    }

    /// A `log` message of the plugin. It is in the log as soon as it was looked at for secrets, on another thread; one
    /// for which there is no room is counted and left out.
    pub(crate) fn message(
        self: &Arc<Self>,
        level: Level,
        message: &str,
        fields: Map<String, Value>,
    ) {
        let (text, cut) = cut(message);
        let of_fields = size_of_fields(&fields);
        if !self.admit(1, text.len() + of_fields) {
            return;
        }
        let mut text = text.to_owned();
        if cut > 0 {
            text.push_str(&format!(" … {cut} bytes more"));
        }
        let fields = if of_fields > MAX_TEXT {
            let note = format!("{of_fields} bytes of fields left out");
            Map::from_iter([("host".to_owned(), Value::String(note))])
        } else {
            fields
        };
        let size = Message::size(text.len(), of_fields.min(MAX_TEXT));
        let message = Message { book: Arc::clone(self), level, text, fields, size };
        let has_room = self.waiting.fetch_add(size, Ordering::AcqRel) < WAITING_OF_ONE;
        if !has_room || !self.ways.desk.take(message) {
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            self.drop_one();
        }
    }

    /// Masks a message and writes it down.
    pub(super) fn looked_at(
        &self,
        level: Level,
        text: &str,
        fields: &Map<String, Value>,
        size: usize,
    ) {
        let masked = self.redactor.mask(text).text;
        let fields = self.mask_fields(fields);
        self.waiting.fetch_sub(size, Ordering::AcqRel);
        self.add(&mut self.state(), LogStream::Log, level, &masked, fields);
    }

    /// One piece of a stream at a time is looked at, whatever the plugin.
    pub(super) fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.ways.turn)
    }

    /// A line of an output stream whose secrets are masked already.
    pub(super) fn line(&self, stream: LogStream, text: &str) {
        let (level, message, fields) = super::line::understand(text);
        self.add(&mut self.state(), stream, level, &message, fields);
    }

    fn mask_fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        if fields.is_empty() {
            return Map::new();
        }
        let text = Value::Object(fields.clone()).to_string();
        // A mask holds no character that JSON would have to escape.
        match serde_json::from_str(&self.redactor.mask(&text).text) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// Whether so many more lines with so many bytes fit into this second. What does not fit is counted and said.
    pub(super) fn admit(&self, lines: u64, bytes: usize) -> bool {
        let mut state = self.state();
        if state.window.elapsed() >= Duration::from_secs(1) {
            self.say_dropped(&mut state);
            state.window = Instant::now();
            state.in_window = 0;
            state.bytes_in_window = 0;
        }
        let fits = state.in_window + lines <= self.lines_per_s.load(Ordering::Relaxed)
            && state.bytes_in_window + bytes <= BYTES_PER_S;
        if fits {
            state.in_window += lines;
            state.bytes_in_window += bytes;
            return true;
        }
        state.dropped_in_window += lines;
        state.dropped += lines;
        false
    }

    fn drop_one(&self) {
        let mut state = self.state();
        state.dropped_in_window += 1;
        state.dropped += 1;
    }

    /// Says what was left out, also when the plugin has become silent.
    pub(crate) fn tick(&self) {
        let mut state = self.state();
        if state.dropped_in_window > 0 && state.window.elapsed() >= Duration::from_secs(1) {
            self.say_dropped(&mut state);
        }
    }

    fn say_dropped(&self, state: &mut State) {
        let dropped = std::mem::take(&mut state.dropped_in_window);
        if dropped > 0 {
            let limit = self.lines_per_s.load(Ordering::Relaxed);
            let message = format!(
                "{dropped} lines dropped: more than {limit} lines or {} KiB in a second",
                BYTES_PER_S >> 10
            );
            self.add(state, LogStream::Host, Level::Warn, &message, Map::new());
        }
    }

    fn add(
        &self,
        state: &mut State,
        stream: LogStream,
        level: Level,
        message: &str,
        fields: Map<String, Value>,
    ) {
        let line = Arc::new(LogLine {
            seq: state.next,
            at: format!("{:.3}", Timestamp::now()),
            plugin: self.plugin.clone(),
            stream,
            level,
            message: redact::escape::escape_ctl_line(message).into_owned(),
            fields,
        });
        state.next += 1;
        state.bytes += size(&line);
        state.ring.push_back(Arc::clone(&line));
        while state.ring.len() > RING_LINES || state.bytes > RING_BYTES {
            let Some(oldest) = state.ring.pop_front() else { break };
            state.bytes -= size(&oldest);
        }
        state.subscribers.retain(|queue| match queue.upgrade() {
            Some(queue) => {
                queue.push(&line);
                true
            }
            None => false,
        });
        if let Some(file) = &self.file {
            file.write(&line);
        }
    }

    /// The last lines, oldest first.
    pub fn tail(&self, lines: usize) -> Vec<Arc<LogLine>> {
        let state = self.state();
        let skip = state.ring.len().saturating_sub(lines);
        state.ring.iter().skip(skip).cloned().collect()
    }

    /// The last lines of one stream from a number on, oldest first.
    pub(crate) fn tail_of(&self, stream: LogStream, from: u64, lines: usize) -> Vec<String> {
        let state = self.state();
        let recent = state.ring.iter().rev().take_while(|line| line.seq >= from);
        let of_stream = recent.filter(|line| line.stream == stream);
        let mut last: Vec<_> = of_stream.take(lines).map(|line| line.message.clone()).collect();
        last.reverse();
        last
    }

    /// The newest lines in memory that fit, oldest first.
    pub fn search(&self, query: &LogQuery) -> Vec<Arc<LogLine>> {
        let lines = self.tail(RING_LINES);
        let fitting = lines.into_iter().rev().filter(|line| query.matches(line));
        let mut found: Vec<_> = fitting.take(query.limit).collect();
        found.reverse();
        found
    }

    /// The lines from now on. A subscriber that is slow loses lines, and is told how many.
    pub fn subscribe(&self) -> LogSubscription {
        let (subscription, queue) = LogSubscription::new();
        self.state().subscribers.push(queue);
        subscription
    }

    /// When the oldest line in memory came.
    pub(crate) fn oldest(&self) -> Option<String> {
        self.state().ring.front().map(|line| line.at.clone())
    }

    /// Lines left out since the daemon started because there were too many in a second.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Number that the next line will have.
    pub fn next_seq(&self) -> u64 {
        self.state().next
    }
}

/// The beginning of a long text, and how many bytes are left out.
fn cut(text: &str) -> (&str, usize) {
    let end = text.floor_char_boundary(MAX_TEXT);
    (text.get(..end).unwrap_or(text), text.len() - end)
}

fn size(line: &LogLine) -> usize {
    const OVERHEAD: usize = 200;
    OVERHEAD + line.message.len() + size_of_fields(&line.fields)
}

fn size_of_fields(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.to_string().len() + 32).sum()
}

#[cfg(test)]
impl LogBook {
    /// A log without files.
    pub(super) fn alone(plugin: &str, lines_per_s: u32) -> Arc<Self> {
        let ways = Ways::open().expect("a thread");
        Self::new(plugin, lines_per_s, Redactor::for_merges(), None, ways)
    }
}
