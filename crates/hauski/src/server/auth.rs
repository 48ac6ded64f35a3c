//! Who asks, and what they may: callers, and the access that a route demands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio_util::sync::CancellationToken;

use super::error::{ApiError, Code};
use super::session::Session;
use crate::keys::now_ms;
use crate::keys::ring::{LiveKey, Refusal, Reserved};
use crate::keys::scopes::{Right, Scope};

/// How often the wall clock is asked while something goes on.
const CLOCK: Duration = Duration::from_secs(30);

/// What a route demands of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing; only for probes with a constant body.
    Open,
    /// The one-time ticket of `hauski login`, which the handler checks.
    Ticket,
    /// Any key that works.
    AnyKey,
    /// This scope.
    Scope(Right),
    /// The scope `plugin:NAME` with the `{name}` of the path.
    Plugin,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Ticket => f.write_str("ticket"),
            Self::AnyKey => f.write_str("any key"),
            Self::Scope(scope) => f.write_str(scope.name()),
            Self::Plugin => f.write_str("plugin:{name}"),
        }
    }
}

/// Who asks.
#[derive(Clone)]
pub(crate) enum Actor {
    /// Nobody known; only open routes let them in.
    Nobody,
    /// The owner of the daemon, over the Unix socket.
    Local {
        /// User id that the kernel vouches for.
        uid: u32,
    },
    /// Somebody with a key.
    Key(Arc<LiveKey>),
    /// The owner's browser, after `hauski login`.
    Session(Arc<Session>),
}

/// As the audit log names the caller.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody"),
            Self::Local { uid } => write!(f, "local:{uid}"),
            Self::Key(key) => write!(f, "key:{}", key.row.id),
            Self::Session(session) => write!(f, "session:{}", session.id),
        }
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The caller of a request; handlers take it as an argument.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who it is.
    pub(crate) actor: Actor,
}

impl Caller {
    /// Somebody without any right.
    pub(crate) fn nobody() -> Self {
        Self { actor: Actor::Nobody }
    }

    /// The owner, who may do everything.
    pub(crate) fn owner(uid: u32) -> Self {
        Self { actor: Actor::Local { uid } }
    }

    /// Whether the caller has this scope.
    pub(crate) fn has(&self, scope: impl Into<Scope>) -> bool {
        match &self.actor {
            Actor::Nobody => false,
            Actor::Local { .. } | Actor::Session(_) => true,
            Actor::Key(key) => key.has(&scope.into()),
        }
    }

    /// Refuses callers without the scope.
    pub(crate) fn require(&self, scope: impl Into<Scope>) -> Result<(), ApiError> {
        self.require_known()?;
        let scope = scope.into();
        let message = format!("This needs a key with the scope `{scope}`.");
        match self.has(scope) {
            true => Ok(()),
            false => Err(ApiError::new(Code::InsufficientScope, message)),
        }
    }

    /// Refuses callers without any key.
    pub(crate) fn require_known(&self) -> Result<(), ApiError> {
        match self.actor {
            Actor::Nobody => Err(ApiError::new(
                Code::InvalidApiKey,
                "This needs an API key: send it as `Authorization: Bearer hk_…`.",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses callers who are not the one that an object belongs to; `admin` may see everything. What others own
    /// is not there for them.
    pub(crate) fn require_owner(&self, owner: &str) -> Result<(), ApiError> {
        match self.has(Right::Admin) || self.owner_name() == owner {
            true => Ok(()),
            false => Err(ApiError::not_found()),
        }
    }

    /// The name under which objects of this caller are kept.
    pub(crate) fn owner_name(&self) -> String {
        self.actor.to_string()
    }

    /// Counts this request against the limits of the key.
    pub(crate) fn take_request(&self) -> Result<(), ApiError> {
        let Actor::Key(key) = &self.actor else { return Ok(()) };
        key.take_request().map_err(refused)
    }

    /// Sets tokens aside for a request, as many of `most` as there are. Nothing for callers without a bound.
    pub(crate) fn reserve(&self, least: u64, most: u64) -> Result<Option<Reserved>, ApiError> {
        match &self.actor {
            Actor::Key(key) => key.reserve(least, most).map_err(refused),
            _ => Ok(None),
        }
    }

    /// Counts tokens that a request has used, read and written.
    pub(crate) fn charge_tokens(&self, tokens: u64) {
        if let Actor::Key(key) = &self.actor {
            key.charge_tokens(tokens);
        }
    }

    /// Cancelled when the caller's key is revoked or the session ends: what runs for them must end too.
    pub(crate) fn ended(&self) -> CancellationToken {
        match &self.actor {
            Actor::Key(key) => key.ended().clone(),
            Actor::Session(session) => session.ended.clone(),
            Actor::Nobody | Actor::Local { .. } => CancellationToken::new(),
        }
    }

    /// Ends when the caller's rights do: revoked, logged out, or their time is over.
    pub(crate) async fn rights_end(&self) {
        let ended = self.ended();
        let left = |ms: i64| Duration::from_millis(u64::try_from(ms - now_ms()).unwrap_or(0));
        match self.expires_ms() {
            None => ended.cancelled().await,
            Some(expires_ms) => {
                // The clock of the wall may be set, so it is asked again and again.
                while left(expires_ms) > Duration::ZERO {
                    let pause = left(expires_ms).min(CLOCK);
                    if tokio::time::timeout(pause, ended.cancelled()).await.is_ok() {
                        return;
                    }
                }
            }
        }
    }

    /// When the caller's rights end by themselves, in milliseconds since 1970.
    pub(crate) fn expires_ms(&self) -> Option<i64> {
        match &self.actor {
            Actor::Key(key) => key.row.expires_ms,
            Actor::Session(session) => Some(session.expires_ms),
            Actor::Nobody | Actor::Local { .. } => None,
        }
    }
}

/// Why a key may not make this request, for its owner.
fn refused(refusal: Refusal) -> ApiError {
    let (code, message) = match refusal {
        Refusal::TooFast { retry_after_s } => {
            let message = "This key makes more requests a minute than it may.";
            return ApiError::new(Code::RateLimitExceeded, message).retry_after(retry_after_s);
        }
        Refusal::TokensReserved => {
            let message = "Requests at work hold the rest of this key's tokens; try again soon.";
            return ApiError::new(Code::RateLimitExceeded, message).retry_after(1);
        }
        Refusal::NoRequestsLeft => {
            (Code::InsufficientQuota, "This key has made all the requests that it may make.")
        }
        Refusal::NoTokensLeft => {
            (Code::InsufficientQuota, "This key has too few tokens left for this request.")
        }
    };
    ApiError::new(code, message)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::nobody))
    }
}
