//! Server-sent events: frames that the gateway writes, and a reader for those of an upstream.
//!
//! A frame is written whole, so no character is ever split between two of them; the reader puts
//! together whatever the network took apart.

use bytes::{Bytes, BytesMut};
use serde::Serialize;

/// Closes a stream of `/v1/chat/completions` and `/v1/completions`.
pub const DONE: &[u8] = b"data: [DONE]\n\n";
/// Keeps a connection open while nothing is said; clients skip it.
pub const HEARTBEAT: &[u8] = b": keep-alive\n\n";
/// Longest event that is read from an upstream, in bytes.
pub const MAX_EVENT_BYTES: usize = 8 << 20;

/// A frame with data alone. JSON holds no line feeds, so it is one line.
pub fn data(value: &impl Serialize) -> Bytes {
    frame(b"data: ", value)
}

/// A frame with the name of its event.
pub fn event(name: &str, value: &impl Serialize) -> Bytes {
    debug_assert!(!name.contains(['\n', '\r']));
    frame(format!("event: {name}\ndata: ").as_bytes(), value)
}

fn frame(head: &[u8], value: &impl Serialize) -> Bytes {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(head);
    serde_json::to_writer(&mut out, value).expect("answers hold nothing that JSON cannot");
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}

/// One event that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its data, lines joined by line feeds.
    pub data: String,
}

/// Why a stream cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A line is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
    /// An event is larger than [`MAX_EVENT_BYTES`].
    #[error("an event of the stream is larger than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
}

/// Puts the pieces of a stream together to events.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: BytesMut,
    searched: usize,
    begun: bool,
    after_return: bool,
    event: Event,
    has_data: bool,
}

impl Reader {
    /// Takes the next bytes and gives the events that they complete. After an error the stream is lost.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(line) = self.line() {
            if let Some(event) = self.take(&line)? {
                events.push(event);
            }
        }
        if self.buffer.len() + self.event.data.len() > MAX_EVENT_BYTES {
            return Err(Malformed::TooLarge);
        }
        Ok(events)
    }

    /// Whether the stream stopped inside an event, which then is not one.
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty() || self.has_data
    }

    /// The next line; it ends with a line feed, a carriage return, or both.
    fn line(&mut self) -> Option<BytesMut> {
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            if self.buffer[0] == b'\n' {
                let _ = self.buffer.split_to(1);
            }
        }
        let found = self.buffer[self.searched..].iter().position(|b| matches!(b, b'\n' | b'\r'));
        let Some(end) = found.map(|at| at + self.searched) else {
            self.searched = self.buffer.len();
            return None;
        };
        self.searched = 0;
        let mut line = self.buffer.split_to(end + 1);
        self.after_return = line.last() == Some(&b'\r');
        line.truncate(end);
        Some(line)
    }

    fn take(&mut self, line: &[u8]) -> Result<Option<Event>, Malformed> {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) if first => rest,
            _ => line,
        };
        let line = std::str::from_utf8(line).map_err(|_| Malformed::NotUtf8)?;
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
                if self.event.data.len() > MAX_EVENT_BYTES {
                    return Err(Malformed::TooLarge);
                }
            }
            "event" => value.clone_into(&mut self.event.name),
            // Comments, `id`, `retry` and unknown fields carry nothing that the gateway uses.
            _ => {}
        }
        Ok(None)
    }
}
