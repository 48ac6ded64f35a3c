//! Why a request did not get its answer.

use std::time::Duration;

use policy::Denied;

/// Why a request did not get its answer. No message holds contents, paths or queries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The policy refuses the destination, an address of it or a redirect.
    #[error("{} ({})", .0.message, .0.reason)]
    Denied(Box<Denied>),
    /// The host has no address, or its resolver failed.
    #[error("{host} does not resolve")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// None of the addresses took the connection.
    #[error("{origin} cannot be reached")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What the last address said.
        #[source]
        source: std::io::Error,
    },
    /// The other side is not who it should be, or speaks no TLS.
    #[error("{origin} does not prove who it is")]
    Tls {
        /// Scheme, host and port.
        origin: String,
        /// What TLS said.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke or the other side speaks no HTTP/1.1.
    #[error("the connection to {origin} broke")]
    Broken {
        /// Scheme, host and port.
        origin: String,
        /// What HTTP said.
        #[source]
        source: hyper::Error,
    },
    /// The request itself cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Request(&'static str),
    /// More redirects than allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A redirect that names no address.
    #[error("a redirect of {origin} without a usable Location")]
    RedirectWithoutLocation {
        /// Scheme, host and port.
        origin: String,
    },
    /// A redirect that wants the body once more, which was a stream.
    #[error("a redirect of {origin} wants a streamed body again")]
    RedirectNeedsBody {
        /// Scheme, host and port.
        origin: String,
    },
    /// It took too long.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The decision could not be recorded, so nothing was dialled.
    #[error("the decision could not be recorded")]
    Unobserved(#[from] crate::Unobserved),
}

impl EgressError {
    /// Stable code for logs, metrics and audit lines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.reason.code(),
            Self::Unresolved { .. } => "unresolved",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::Broken { .. } => "broken",
            Self::Request(_) => "request",
            Self::TooManyRedirects(_) => "too_many_redirects",
            Self::RedirectWithoutLocation { .. } => "redirect_without_location",
            Self::RedirectNeedsBody { .. } => "redirect_needs_body",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge(_) => "too_large",
            Self::Unobserved(_) => "unobserved",
        }
    }

    /// What to do, where the policy knows it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Denied(denied) => Some(&denied.hint),
            _ => None,
        }
    }
}

impl From<Denied> for EgressError {
    fn from(denied: Denied) -> Self {
        Self::Denied(Box::new(denied))
    }
}
