//! One call as its caller sees it.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, Sleep};

use super::error::{CallError, CallErrorKind};
use super::slot::Slot;

/// What a call brings.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEvent {
    /// A piece of a stream, in order and complete.
    Chunk(Value),
    /// How far the work is; a caller that is slow to look sees the newest ones.
    Progress(Value),
    /// The end; nothing follows.
    Done(Result<Value, CallError>),
}

/// A call at work: a stream of [`CallEvent`] that ends after [`CallEvent::Done`]. Dropping it cancels it.
pub struct Call {
    slot: Arc<Slot>,
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    plugin: Option<Arc<str>>,
    over: bool,
}

/// Where a call came from, for its deadline and the depth of its chain.
#[derive(Clone, Debug)]
pub(crate) struct CallOrigin {
    pub(crate) deadline: Instant,
    /// Calls of plugins to plugins that led here.
    pub(crate) depth: u32,
}

impl Call {
    pub(crate) fn new(slot: Arc<Slot>, deadline: Instant, plugin: Option<Arc<str>>) -> Self {
        Self { slot, deadline, sleep: None, plugin, over: false }
    }

    /// A call that has failed before it began.
    pub(crate) fn failed(error: CallError) -> Self {
        let slot = Slot::new();
        slot.finish(Err(error), Vec::new());
        Self::new(slot, Instant::now() + Duration::from_secs(1), None)
    }

    /// The plugin that was chosen to answer.
    pub fn plugin(&self) -> Option<&str> {
        self.plugin.as_deref()
    }

    /// File descriptors that came with the answer, in order; once, after [`CallEvent::Done`].
    pub fn take_fds(&mut self) -> Vec<OwnedFd> {
        self.slot.take_fds()
    }

    /// Waits for the end and forgets chunks and progress.
    ///
    /// # Errors
    ///
    /// Why the call has no result.
    pub async fn result(mut self) -> Result<Value, CallError> {
        while let Some(event) = self.next().await {
            if let CallEvent::Done(result) = event {
                return result;
            }
        }
        Err(CallError::new(CallErrorKind::Cancelled, "the call ended without an answer"))
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) {
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.as_mut().poll(context).is_ready() {
            let error = CallError::new(CallErrorKind::TimedOut, "the deadline has passed");
            self.slot.abandon(Some(&error));
        }
    }
}

impl Stream for Call {
    type Item = CallEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CallEvent>> {
        if self.over {
            return Poll::Ready(None);
        }
        let mut polled = self.slot.poll(context);
        if polled.is_pending() {
            self.poll_deadline(context);
            polled = self.slot.poll(context);
        }
        if let Poll::Ready(Some(CallEvent::Done(result))) = &mut polled {
            self.over = true;
            if let (Err(error), Some(plugin)) = (result, &self.plugin)
                && error.plugin.is_none()
            {
                error.plugin = Some(plugin.to_string());
            }
        }
        polled
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.slot.abandon(None);
    }
}
