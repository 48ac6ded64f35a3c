//! Where `log` messages of plugins wait to be looked at for secrets: one thread for all, so that no message, however long,
//! holds up the runtime.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use contracts::hauski::protocol::Level;
use serde_json::{Map, Value};

use super::book::LogBook;

/// Messages of all plugins that may wait; each has 32 KiB at most.
const WAITING: usize = 256;
/// Messages of one plugin that may wait, so that others find room.
pub(super) const WAITING_OF_ONE: usize = 64;

/// A message on its way into a log.
pub(super) struct Message {
    pub(super) book: Arc<LogBook>,
    pub(super) level: Level,
    pub(super) text: String,
    pub(super) fields: Map<String, Value>,
}

/// The way to the thread; it ends with the last of these.
#[derive(Clone)]
pub(crate) struct Desk(SyncSender<Message>);

impl Desk {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, messages) = sync_channel::<Message>(WAITING);
        thread::Builder::new().name("plugin-messages".to_owned()).spawn(move || {
            for Message { book, level, text, fields } in messages {
                book.looked_at(level, &text, &fields);
            }
        })?;
        Ok(Self(sender))
    }

    /// Hands a message in; false when there is no room.
    pub(super) fn take(&self, message: Message) -> bool {
        self.0.try_send(message).is_ok()
    }
}
