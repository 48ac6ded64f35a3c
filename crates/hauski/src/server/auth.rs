//! Who asks, and what they may: callers, scopes and the access that a route demands.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::error::{ApiError, Code};

/// What a route demands of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing; only for routes with a constant body.
    Open,
    /// This scope.
    Scope(&'static str),
    /// The scope `plugin:NAME` with the `{name}` of the path.
    Plugin,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Scope(scope) => f.write_str(scope),
            Self::Plugin => f.write_str("plugin:{name}"),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Nobody known; only open routes let them in.
    Nobody,
    /// The owner of the daemon, over the Unix socket.
    Local {
        /// User id that the kernel vouches for.
        uid: u32,
    },
}

/// As the audit log names the caller.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody"),
            Self::Local { uid } => write!(f, "local:{uid}"),
        }
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
    pub(crate) fn has(&self, _scope: &str) -> bool {
        matches!(self.actor, Actor::Local { .. })
    }

    /// Refuses callers without the scope.
    pub(crate) fn require(&self, scope: &str) -> Result<(), ApiError> {
        if self.has(scope) {
            return Ok(());
        }
        Err(match self.actor {
            Actor::Nobody => ApiError::new(
                Code::InvalidApiKey,
                "This needs an API key: send it as `Authorization: Bearer hk_…`.",
            ),
            _ => ApiError::new(
                Code::InsufficientScope,
                format!("This needs a key with the scope `{scope}`."),
            ),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::nobody))
    }
}
