//! One connection: HTTP/1.1 with bounds on its head, ended gracefully when the daemon ends.

use std::net::IpAddr;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::auth::Caller;
use super::patient::{Patient, Unread};
use crate::state::AppState;

/// Header lines of a request.
const MAX_HEADERS: usize = 64;
/// Bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// The other side of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Who the connection itself vouches for.
    pub(crate) caller: Caller,
    /// Where it comes from; `None` for the Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// The address that it has reached; `None` for the Unix socket.
    pub(crate) local: Option<IpAddr>,
    /// `http`, or `https` when the connection is encrypted.
    pub(crate) scheme: &'static str,
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(stream: S, peer: Peer, router: Router, state: AppState)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    state.metrics.connections.inc();
    // For the head of a request; also how long an idle connection is kept.
    let timeout = state.options.load().client_timeout;
    let unread = Unread::default();
    let stream = Patient::new(stream, timeout, unread.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| unread.watch(Body::new(body)));
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = state.draining.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = state.ended.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    state.metrics.connections.dec();
}
