//! Somebody who follows a log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use contracts::hauski::plugin_status::LogLine;
use tokio::sync::Notify;

/// Lines that wait for a subscriber.
const CAPACITY: usize = 4_096;

/// Somebody who follows a log.
pub struct LogSubscription {
    queue: Arc<Queue>,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Arc<LogLine>>,
    dropped: u64,
}

impl Queue {
    pub(super) fn push(&self, line: &Arc<LogLine>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.lines.len() >= CAPACITY {
            waiting.lines.pop_front();
            waiting.dropped += 1;
        }
        waiting.lines.push_back(Arc::clone(line));
        drop(waiting);
        self.more.notify_one();
    }
}

impl LogSubscription {
    pub(super) fn new() -> (Self, Weak<Queue>) {
        let queue = Arc::new(Queue { waiting: Mutex::default(), more: Notify::new() });
        let weak = Arc::downgrade(&queue);
        (Self { queue }, weak)
    }

    /// Waits for lines and returns all that are there, with the number of lines lost before them because this
    /// subscriber was slow.
    pub async fn next(&mut self) -> (Vec<Arc<LogLine>>, u64) {
        loop {
            {
                let mut waiting = self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if !waiting.lines.is_empty() {
                    let dropped = std::mem::take(&mut waiting.dropped);
                    return (waiting.lines.drain(..).collect(), dropped);
                }
            }
            self.queue.more.notified().await;
        }
    }
}
