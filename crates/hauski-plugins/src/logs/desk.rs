//! Where `log` messages of plugins wait to be looked at for secrets: one thread for all, so that no message, however long,
//! holds up the runtime.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use contracts::hauski::protocol::Level;
use serde_json::{Map, Value};

use super::book::LogBook;

/// Bytes of the messages of one plugin that may wait: a burst of short ones finds room, and no plugin takes that of others.
pub(super) const WAITING_OF_ONE: usize = 4 << 20;
/// What a message takes besides its text and fields.
const OVERHEAD: usize = 128;

/// A message on its way into a log.
pub(super) struct Message {
    pub(super) book: Arc<LogBook>,
    pub(super) level: Level,
    pub(super) text: String,
    pub(super) fields: Map<String, Value>,
    /// Bytes that it takes while it waits.
    pub(super) size: usize,
}

impl Message {
    /// Bytes that a message takes while it waits.
    pub(super) fn size(text: usize, fields: usize) -> usize {
        OVERHEAD + text + fields
    }
}

/// The way to the thread; it ends with the last of these.
#[derive(Clone)]
pub(crate) struct Desk(Sender<Message>);

impl Desk {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, messages) = channel::<Message>();
        thread::Builder::new().name("plugin-messages".to_owned()).spawn(move || {
            for Message { book, level, text, fields, size } in messages {
                book.looked_at(level, &text, &fields, size);
            }
        })?;
        Ok(Self(sender))
    }

    /// Hands a message in, for which its log has found room; false when the thread has ended.
    pub(super) fn take(&self, message: Message) -> bool {
        self.0.send(message).is_ok()
    }
}
