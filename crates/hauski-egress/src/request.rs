//! What is to be sent: a right to dial, a method, headers and a body.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use policy::Allowed;

/// Why a streamed body broke off.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request. `Host`, `Content-Length`, `Transfer-Encoding` and `Connection` are set from the destination and the
/// body; what the caller says there is replaced.
#[derive(Debug)]
pub struct Outgoing {
    pub(crate) allowed: Allowed,
    pub(crate) actor: String,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: OutgoingBody,
    pub(crate) follows_redirects: bool,
}

/// The body of a request.
#[derive(Debug)]
pub enum OutgoingBody {
    /// None.
    Empty,
    /// All of it; can be sent again where a redirect asks for it.
    Full(Bytes),
    /// A stream.
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

impl Outgoing {
    /// A request without headers and body on behalf of `actor` (`system`, `key:<id>`, `plugin:<name>`).
    pub fn new(method: Method, allowed: Allowed, actor: impl Into<String>) -> Self {
        Self {
            allowed,
            actor: actor.into(),
            method,
            headers: HeaderMap::new(),
            body: OutgoingBody::Empty,
            follows_redirects: true,
        }
    }

    /// The same with these headers.
    #[must_use]
    pub fn headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// The same, but a redirect is the answer and is not followed: what is sent goes to this origin and no other.
    #[must_use]
    pub fn without_redirects(self) -> Self {
        Self { follows_redirects: false, ..self }
    }

    /// The same with this body.
    #[must_use]
    pub fn body(self, body: OutgoingBody) -> Self {
        Self { body, ..self }
    }
}

impl OutgoingBody {
    /// The body for one attempt. A stream is given away; what stays cannot be sent again.
    pub(crate) fn take(&mut self) -> UnsyncBoxBody<Bytes, BodyError> {
        let never = |error: Infallible| match error {};
        match self {
            Self::Empty => Empty::new().map_err(never).boxed_unsync(),
            Self::Full(bytes) => Full::new(bytes.clone()).map_err(never).boxed_unsync(),
            Self::Stream(stream) => {
                std::mem::replace(stream, Empty::new().map_err(never).boxed_unsync())
            }
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}
