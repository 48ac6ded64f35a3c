//! Chunks of an engine become answers and streams of the API's routes.

pub mod chat;
pub mod completions;
pub mod responses;

use uuid::Uuid;

/// What every answer to one request carries.
#[derive(Clone, Debug)]
pub struct Head {
    /// Prefix and a random number, such as `chatcmpl-…`.
    pub id: String,
    /// Seconds since 1970.
    pub created: i64,
    /// The model that was asked for.
    pub model: String,
    /// Which provider answers, in a few letters.
    pub fingerprint: Option<String>,
}

/// A new id with its prefix.
pub fn id(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}
