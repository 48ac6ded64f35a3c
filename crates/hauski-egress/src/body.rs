//! The body of an answer: a stream with bounds in time and size. Dropping it closes the connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::EgressError;
use crate::pool::Return;

/// The body of an answer.
pub struct ResponseBody {
    inner: Incoming,
    origin: String,
    left: u64,
    limit: u64,
    silence: Duration,
    silent_until: Pin<Box<Sleep>>,
    total: Duration,
    until: Pin<Box<Sleep>>,
    connection: Option<Return>,
}

pub(crate) struct Bounds {
    pub(crate) max_bytes: u64,
    pub(crate) silence: Duration,
    pub(crate) total: Duration,
    pub(crate) until: Instant,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: Incoming,
        origin: String,
        bounds: &Bounds,
        connection: Return,
    ) -> Self {
        let mut body = Self {
            inner,
            origin,
            left: bounds.max_bytes,
            limit: bounds.max_bytes,
            silence: bounds.silence,
            silent_until: Box::pin(tokio::time::sleep(bounds.silence)),
            total: bounds.total,
            until: Box::pin(tokio::time::sleep_until(bounds.until)),
            connection: Some(connection),
        };
        if body.inner.is_end_stream() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_back();
        }
    }

    fn fail(&mut self, error: EgressError) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        let this = self.get_mut();
        if this.until.as_mut().poll(context).is_ready() {
            let limit = this.total;
            return this.fail(EgressError::TimedOut { what: "the answer", limit });
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.silent_until.as_mut().poll(context));
                let limit = this.silence;
                return this.fail(EgressError::TimedOut { what: "the next part", limit });
            }
        };
        match frame {
            None => {
                this.finish();
                Poll::Ready(None)
            }
            Some(Err(source)) => {
                let origin = this.origin.clone();
                this.fail(EgressError::Broken { origin, source })
            }
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = this.left.checked_sub(length) else {
                    return this.fail(EgressError::TooLarge(this.limit));
                };
                this.left = left;
                this.silent_until.as_mut().reset(Instant::now() + this.silence);
                if this.inner.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl std::fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResponseBody").field("left", &self.left).finish_non_exhaustive()
    }
}
