//! Where the answers of one call wait for its caller.
//!
//! The reader of a connection puts them here and never waits: chunks are bounded by the window of the
//! protocol, progress by what the caller has not looked at, and the answer is one.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use contracts::hauski::protocol::MAX_UNACKNOWLEDGED;
use serde_json::Value;
use tokio::sync::Notify;

use super::call::CallEvent;
use super::endpoint::Endpoint;
use super::error::CallError;

/// Reports of progress that may wait for the caller; older ones give way to newer.
const MAX_PROGRESS: usize = 16;
/// Bytes of progress that may wait for the caller; a larger report is left out.
const MAX_PROGRESS_BYTES: usize = 256 << 10;
/// Bytes of chunks that may wait for the caller; a single one may be larger.
const MAX_WAITING_BYTES: usize = 8 << 20;
/// After so many chunks taken the plugin is told; half a window, so that it never stands still for long.
const ACK_EVERY: u64 = MAX_UNACKNOWLEDGED / 2;

/// Where the answers of one call wait for its caller.
pub(crate) struct Slot {
    state: Mutex<State>,
    over: Notify,
}

#[derive(Default)]
struct State {
    events: VecDeque<CallEvent>,
    /// Bytes of each report of progress that waits.
    progress: VecDeque<usize>,
    /// Bytes of the chunks that wait, as they came, and of each.
    bytes: usize,
    sizes: VecDeque<usize>,
    waker: Option<Waker>,
    /// Chunks that have come; also the number that the next one must have.
    come: u64,
    taken: u64,
    acknowledged: u64,
    done: bool,
    abandoned: bool,
    fds: Vec<OwnedFd>,
    at: Option<(Weak<Endpoint>, u64)>,
    /// Called once when the call is over, with how it ended; not at all events the caller sees.
    at_end: Option<AtEnd>,
}

/// What is done when a call is over. Nothing is given when the caller has gone.
pub(crate) type AtEnd = Box<dyn FnOnce(Option<&CallError>, bool) + Send>;

impl Slot {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), over: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which request of which connection this is. False when the caller is gone already.
    pub(super) fn attach(&self, endpoint: &Arc<Endpoint>, id: u64) -> bool {
        let mut state = self.state();
        if state.done || state.abandoned {
            return false;
        }
        state.at = Some((Arc::downgrade(endpoint), id));
        true
    }

    /// Does something once the call is over; at once when it is already.
    pub(crate) fn at_end(&self, what: AtEnd) {
        let mut state = self.state();
        if state.done || state.abandoned {
            drop(state);
            return what(None, false);
        }
        state.at_end = Some(what);
    }

    /// Ends when nobody waits for the answer any more; one task at a time may wait.
    pub(crate) async fn over(&self) {
        while !self.is_over() {
            self.over.notified().await;
        }
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state();
        state.done || state.abandoned
    }

    /// A chunk has come. An error says how the plugin broke the protocol.
    pub(super) fn chunk(&self, seq: u64, data: Value, size: usize) -> Result<(), String> {
        let mut state = self.state();
        if seq != state.come {
            return Err(format!("chunk {seq} came where {} was due", state.come));
        }
        if state.come - state.acknowledged >= MAX_UNACKNOWLEDGED {
            return Err(format!("more than {MAX_UNACKNOWLEDGED} chunks came without an $/ack"));
        }
        if state.bytes > 0 && state.bytes + size > MAX_WAITING_BYTES {
            return Err(format!(
                "chunks of more than {MAX_WAITING_BYTES} bytes wait for the caller"
            ));
        }
        state.come += 1;
        state.bytes += size;
        state.sizes.push_back(size);
        state.push(CallEvent::Chunk(data));
        Ok(())
    }

    /// A report of progress has come; older ones give way where there is no room.
    pub(super) fn progress(&self, data: Value, size: usize) {
        if size > MAX_PROGRESS_BYTES {
            return;
        }
        let mut state = self.state();
        let is_full = |state: &State| {
            let bytes: usize = state.progress.iter().sum();
            state.progress.len() >= MAX_PROGRESS || bytes + size > MAX_PROGRESS_BYTES
        };
        while is_full(&state) {
            let oldest = state.events.iter().position(|e| matches!(e, CallEvent::Progress(_)));
            let Some(at) = oldest else { break };
            state.events.remove(at);
            state.progress.pop_front();
        }
        state.progress.push_back(size);
        state.push(CallEvent::Progress(data));
    }

    /// The call is over. The first end counts.
    pub(crate) fn finish(&self, result: Result<Value, CallError>, fds: Vec<OwnedFd>) {
        let mut state = self.state();
        if state.done {
            return;
        }
        state.done = true;
        state.fds = fds;
        let error = result.as_ref().err().cloned();
        state.push(CallEvent::Done(result));
        let at_end = state.at_end.take();
        drop(state);
        self.over.notify_one();
        if let Some(at_end) = at_end {
            at_end(error.as_ref(), true);
        }
    }

    /// The caller takes the next event.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<CallEvent>> {
        let mut state = self.state();
        let Some(event) = state.events.pop_front() else {
            if state.done {
                return Poll::Ready(None);
            }
            match &mut state.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            return Poll::Pending;
        };
        let mut ack = None;
        match event {
            CallEvent::Chunk(_) => {
                state.taken += 1;
                state.bytes -= state.sizes.pop_front().unwrap_or(0);
                if state.taken - state.acknowledged >= ACK_EVERY && !state.done {
                    state.acknowledged = state.taken;
                    ack = state.at.clone().map(|at| (at, state.taken - 1));
                }
            }
            CallEvent::Progress(_) => {
                state.progress.pop_front();
            }
            CallEvent::Done(_) => {}
        }
        drop(state);
        if let Some(((endpoint, id), seq)) = ack
            && let Some(endpoint) = endpoint.upgrade()
        {
            endpoint.acknowledge(id, seq);
        }
        Poll::Ready(Some(event))
    }

    pub(super) fn take_fds(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.state().fds)
    }

    /// Ends the call from the side of the caller: the plugin is told, whatever comes after is forgotten.
    pub(super) fn abandon(&self, error: Option<&CallError>) {
        let mut state = self.state();
        if state.abandoned {
            return;
        }
        state.abandoned = true;
        let was_done = std::mem::replace(&mut state.done, true);
        if let (false, Some(error)) = (was_done, error) {
            state.push(CallEvent::Done(Err(error.clone())));
        }
        let at = state.at.take();
        let at_end = state.at_end.take();
        drop(state);
        self.over.notify_one();
        if let Some(at_end) = at_end {
            at_end(error, error.is_some());
        }
        if let (false, Some((endpoint, id))) = (was_done, at)
            && let Some(endpoint) = endpoint.upgrade()
        {
            endpoint.cancel(id);
        }
    }
}

impl State {
    fn push(&mut self, event: CallEvent) {
        self.events.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
