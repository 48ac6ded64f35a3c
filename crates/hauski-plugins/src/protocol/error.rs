//! Why a call has no result.

use contracts::hauski::protocol::{RpcError, code};
use serde_json::{Value, json};

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What kind of failure it is.
    pub kind: CallErrorKind,
    /// One sentence for people; without contents of the request unless the plugin put them there.
    pub message: String,
    /// Further facts from the plugin.
    pub data: Option<Box<Value>>,
    /// The plugin that failed, where one was found.
    pub plugin: Option<String>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// No plugin has the capability.
    NoProvider,
    /// Plugins have the capability, none of them the model.
    UnknownModel,
    /// The plugin does not run; `retry_after_ms` where the host knows when it may.
    Unavailable {
        /// Milliseconds until another try makes sense.
        retry_after_ms: Option<u64>,
    },
    /// The queue of the plugin is full.
    Overloaded {
        /// Milliseconds until another try makes sense.
        retry_after_ms: u64,
    },
    /// The deadline has passed.
    TimedOut,
    /// The caller has cancelled.
    Cancelled,
    /// The manifest of the caller does not allow it.
    Forbidden,
    /// The plugin ended while it worked.
    Crashed,
    /// A message would be larger than allowed.
    TooLarge,
    /// The plugin broke the protocol within the call.
    Protocol,
    /// The plugin answered with an error of its own; the number is the code of JSON-RPC.
    Plugin(i64),
}

impl CallError {
    /// A failure with its sentence.
    pub fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), data: None, plugin: None }
    }

    /// The same failure with the name of the plugin.
    #[must_use]
    pub fn of(mut self, plugin: &str) -> Self {
        self.plugin = Some(plugin.to_owned());
        self
    }

    /// The code of JSON-RPC that stands for the failure.
    pub fn code(&self) -> i64 {
        match self.kind {
            CallErrorKind::NoProvider => code::NO_PROVIDER,
            CallErrorKind::UnknownModel => code::UNKNOWN_MODEL,
            CallErrorKind::Unavailable { .. } => code::UNAVAILABLE,
            CallErrorKind::Overloaded { .. } => code::OVERLOADED,
            CallErrorKind::TimedOut => code::TIMED_OUT,
            CallErrorKind::Cancelled => code::CANCELLED,
            CallErrorKind::Forbidden => code::FORBIDDEN,
            CallErrorKind::Crashed => code::CRASHED,
            CallErrorKind::TooLarge => code::TOO_LARGE,
            CallErrorKind::Protocol => code::PROTOCOL,
            CallErrorKind::Plugin(code) => code,
        }
    }

    /// Milliseconds until another try makes sense, where known.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self.kind {
            CallErrorKind::Overloaded { retry_after_ms } => Some(retry_after_ms),
            CallErrorKind::Unavailable { retry_after_ms } => retry_after_ms,
            _ => None,
        }
    }

    /// How it crosses the wire.
    pub fn to_rpc(&self) -> RpcError {
        let data = match self.retry_after_ms() {
            Some(retry_after_ms) => Some(json!({ "retry_after_ms": retry_after_ms })),
            None => self.data.as_deref().cloned(),
        };
        RpcError { code: self.code(), message: self.message.clone(), data }
    }

    /// What a plugin answered.
    pub(crate) fn from_rpc(error: RpcError) -> Self {
        let retry = error.data.as_ref().and_then(|data| data.get("retry_after_ms")?.as_u64());
        let kind = match error.code {
            code::OVERLOADED => {
                CallErrorKind::Overloaded { retry_after_ms: retry.unwrap_or(1_000) }
            }
            code::UNAVAILABLE => CallErrorKind::Unavailable { retry_after_ms: retry },
            code::TIMED_OUT => CallErrorKind::TimedOut,
            code::CANCELLED => CallErrorKind::Cancelled,
            code::FORBIDDEN => CallErrorKind::Forbidden,
            code::CRASHED => CallErrorKind::Crashed,
            code::TOO_LARGE => CallErrorKind::TooLarge,
            code::UNKNOWN_MODEL => CallErrorKind::UnknownModel,
            code::NO_PROVIDER => CallErrorKind::NoProvider,
            other => CallErrorKind::Plugin(other),
        };
        Self { kind, message: error.message, data: error.data.map(Box::new), plugin: None }
    }
}
