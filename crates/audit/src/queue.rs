//! Between the callers and the writer's thread: a bounded queue, and receipts that tell how it went.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::line::{Rendered, Stamp};
use crate::log::{AppendError, Written};

/// Events that a batch holds at most.
pub(crate) const BATCH_EVENTS: usize = 4096;

/// What the writer is asked for.
#[derive(Debug)]
pub(crate) enum Item {
    /// To write an event.
    Event { event: Rendered, stamp: Stamp, ticket: Ticket },
    /// To sign with a new key from now on.
    RotateKey { ticket: Ticket },
    /// To sign what is not signed yet.
    Checkpoint { ticket: Ticket },
}

type Answer = Result<Written, AppendError>;

#[derive(Debug, Default)]
struct Answered {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// Where an answer arrives.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<Answered>,
    ready: Condvar,
}

/// The writer's end of a slot; dropped without an answer, it answers that the log is closed.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Slot>);

impl Slot {
    pub(crate) fn new() -> (Ticket, Arc<Self>) {
        let slot = Arc::new(Self::default());
        (Ticket(Arc::clone(&slot)), slot)
    }

    pub(crate) fn wait(&self) -> Answer {
        let mut state = lock(&self.state);
        loop {
            match &state.answer {
                Some(answer) => return answer.clone(),
                None => state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Answer> {
        let mut state = lock(&self.state);
        match &state.answer {
            Some(answer) => Poll::Ready(answer.clone()),
            None => {
                state.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    fn answer(&self, answer: Answer) {
        let mut state = lock(&self.state);
        if state.answer.is_some() {
            return;
        }
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        self.ready.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Ticket {
    pub(crate) fn answer(self, answer: Answer) {
        self.0.answer(answer);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.answer(Err(AppendError::Closed));
    }
}

/// Bounds of the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// How long a caller waits for room.
    pub(crate) patience: Duration,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
    bounds: Bounds,
}

#[derive(Debug, Default)]
struct State {
    items: Vec<Item>,
    bytes: usize,
    /// Somebody waits for what is in the queue.
    urgent: bool,
    first_at: Option<Instant>,
    closed: bool,
    waited: u64,
    refused: u64,
    /// Of these, how many the writer knows of.
    told: u64,
}

/// What the writer has to do next.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) items: Vec<Item>,
    pub(crate) closed: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), drained: Condvar::new(), bounds }
    }

    /// Puts an item in, which is made when its place is certain. Waits for room, but not for ever.
    pub(crate) fn push(
        &self,
        bytes: usize,
        urgent: bool,
        item: impl FnOnce() -> Item,
    ) -> Result<(), AppendError> {
        self.push_within(self.bounds.patience, bytes, urgent, item)
    }

    /// Like [`Queue::push`]; with no patience at all it neither waits nor counts whoever finds no room.
    pub(crate) fn push_within(
        &self,
        patience: Duration,
        bytes: usize,
        urgent: bool,
        item: impl FnOnce() -> Item,
    ) -> Result<(), AppendError> {
        let mut state = lock(&self.state);
        let full = |state: &mut State| {
            !state.closed
                && (state.items.len() >= self.bounds.events || state.bytes >= self.bounds.bytes)
        };
        if full(&mut state) {
            if patience.is_zero() {
                return Err(AppendError::Stalled);
            }
            state.waited += 1;
            let (after, timeout) = self
                .drained
                .wait_timeout_while(state, patience, full)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if timeout.timed_out() {
                state.refused += 1;
                return Err(AppendError::Stalled);
            }
        }
        if state.closed {
            return Err(AppendError::Closed);
        }
        state.items.push(item());
        state.bytes += bytes;
        let wake =
            state.items.len() == 1 || urgent && !state.urgent || state.items.len() == BATCH_EVENTS;
        state.urgent |= urgent;
        state.first_at.get_or_insert_with(Instant::now);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits until something is to be written, `deadline` comes or the queue is closed and empty.
    pub(crate) fn take(&self, window: Duration, deadline: Option<Instant>) -> Taken {
        let mut state = lock(&self.state);
        loop {
            let due = if state.closed || state.urgent || state.items.len() >= BATCH_EVENTS {
                Some(Instant::now())
            } else {
                let grouped = state.first_at.map(|first| first + window);
                [grouped, deadline].into_iter().flatten().min()
            };
            let now = Instant::now();
            match due {
                Some(due) if due <= now => break,
                Some(due) => {
                    state = self
                        .filled
                        .wait_timeout(state, due - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
                None => {
                    state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        let items = mem::take(&mut state.items);
        state.bytes = 0;
        state.urgent = false;
        state.first_at = None;
        let closed = state.closed;
        drop(state);
        self.drained.notify_all();
        Taken { items, closed }
    }

    /// Counts an event that no line can hold.
    pub(crate) fn refuse(&self) {
        lock(&self.state).refused += 1;
    }

    /// Events that were refused since this was asked last.
    pub(crate) fn take_refused(&self) -> u64 {
        let mut state = lock(&self.state);
        let refused = state.refused;
        refused - mem::replace(&mut state.told, refused)
    }

    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Closes, and answers everybody who still waits that the log is closed.
    pub(crate) fn abandon(&self) {
        self.close();
        let items = mem::take(&mut lock(&self.state).items);
        drop(items);
    }

    /// Events in the queue, callers that had to wait, callers that were refused.
    pub(crate) fn counts(&self) -> (usize, u64, u64) {
        let state = lock(&self.state);
        (state.items.len(), state.waited, state.refused)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
