//! API keys: made, listed, revoked, replaced, and checked on every request without a database.

pub(crate) mod pepper;
pub(crate) mod rate;
pub(crate) mod ring;
pub(crate) mod scopes;
pub(crate) mod service;
pub(crate) mod token;

pub(crate) use service::{KeyError, Keys, NewKey};

/// Milliseconds since 1970 in UTC.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
