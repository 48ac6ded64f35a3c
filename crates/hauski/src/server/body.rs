//! Bodies with bounds: a request's body may be neither too large nor too slow, and a response that streams ends
//! when the caller's rights end, when its time is over, or when the daemon ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

/// How long a body may take whatever its pace.
const PATIENCE: Duration = Duration::from_secs(30);
/// What it has to bring after that, on average.
const LEAST_BYTES_PER_S: u64 = 512;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// It is larger than it may be.
    #[error("the body has more than {limit} bytes")]
    TooLarge {
        /// Bytes that it may have.
        limit: u64,
    },
    /// Nothing came for too long.
    #[error("the body came too slowly")]
    TooSlow,
}

/// A request's body within its bounds.
pub(crate) struct Bounded {
    inner: Body,
    limit: u64,
    left: u64,
    timeout: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    began: Instant,
}

impl Bounded {
    /// Bounds a body to so many bytes, and each pause between two parts of it.
    pub(crate) fn new(inner: Body, limit: u64, timeout: Duration) -> Self {
        Self { inner, limit, left: limit, timeout, pause: None, began: Instant::now() }
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            let timeout = self.timeout;
            let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
            ready!(pause.as_mut().poll(context));
            return Poll::Ready(Some(Err(BodyFault::TooSlow.into())));
        };
        self.pause = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(BoxError::from).and_then(|frame| {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            let left = self.left.checked_sub(bytes);
            self.left = left.ok_or(BodyFault::TooLarge { limit: self.limit })?;
            // One byte now and then would hold a place for ever.
            let late = self.began.elapsed().saturating_sub(PATIENCE).as_secs();
            if self.limit - self.left < late.saturating_mul(LEAST_BYTES_PER_S) {
                return Err(BodyFault::TooSlow.into());
            }
            Ok(frame)
        });
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Why a stream was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream was ended by the daemon")]
struct Cut;

/// A response that streams: it holds what it needs and ends when it must.
pub(crate) struct Held<T> {
    inner: Body,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    _holds: T,
}

impl<T> Held<T> {
    /// Ends the body when `end` is there; `holds` is let go with the body.
    pub(crate) fn new(
        inner: Body,
        end: impl Future<Output = ()> + Send + 'static,
        holds: T,
    ) -> Self {
        Self { inner, end: Box::pin(end), _holds: holds }
    }
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Cut.into())));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
