//! A connection that gives up on a client who takes nothing: without it one who never reads would hold a request's
//! place for ever. One whose body was refused is listened to a little longer, so that the refusal is not lost.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Error;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long the rest of a body that nobody wants is read after the answer …
const LINGER: Duration = Duration::from_secs(5);
/// … and how many bytes of it.
const LINGER_BYTES: usize = 64 << 20;

/// A stream whose writes may wait only so long.
pub(crate) struct Patient<S> {
    inner: S,
    timeout: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    unread: Unread,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

/// Whether the connection ends while a body is still on its way. A socket that is closed then answers what comes with a
/// reset, and the client loses the answer that it has not read yet.
#[derive(Clone, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

/// A request's body that says when it was let go before its end.
pub(crate) struct Watched {
    inner: Body,
    unread: Unread,
}

impl Unread {
    /// Watches a body of the connection.
    pub(crate) fn watch(&self, inner: Body) -> Body {
        Body::new(Watched { inner, unread: self.clone() })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() {
            self.unread.0.store(true, Ordering::Relaxed);
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<S> Patient<S> {
    /// Bounds each wait for room to write.
    pub(crate) fn new(inner: S, timeout: Duration, unread: Unread) -> Self {
        Self { inner, timeout, waiting: None, unread, lingering: None }
    }

    /// What a write came to; one that waits is given up when its time is over.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.bounded(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let shut = Pin::new(&mut self.inner).poll_shutdown(context);
            ready!(self.bounded(context, shut))?;
            if !self.unread.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        self.linger(context)
    }
}

impl<S: AsyncRead + Unpin> Patient<S> {
    /// Reads on and drops what comes, until the client ends or has had its time.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let begin = || (Box::pin(tokio::time::sleep(LINGER)), 0);
        let (end, read) = self.lingering.get_or_insert_with(begin);
        let mut scratch = [0; 16 << 10];
        while end.as_mut().poll(context).is_pending() && *read < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            let polled = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer));
            match buffer.filled().len() {
                0 => break,
                _ if polled.is_err() => break,
                more => *read += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}
