//! Settings of the worker, as they come with `initialize`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::engine::Arithmetic;

/// Tokens that may wait at first.
const QUEUE_TOKENS: usize = 1 << 19;

/// Settings of the worker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The models.
    #[serde(default)]
    pub models: Vec<ModelEntry>,
    /// Threads that compute; 0 or absent takes as many as the process may use at once.
    #[serde(default)]
    pub threads: usize,
    /// How products are computed; default `f32`.
    #[serde(default)]
    pub arithmetic: Arithmetic,
    /// Tokens that may wait; beyond them a request is refused as overloaded. Default 524,288.
    #[serde(default = "queue_tokens")]
    pub queue_tokens: usize,
    /// Seconds without work after which weights leave the memory; 0 keeps them. Default 900.
    #[serde(default = "idle_s")]
    pub idle_s: u64,
}

fn queue_tokens() -> usize {
    QUEUE_TOKENS
}

fn idle_s() -> u64 {
    900
}

/// A model and its folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// How requests name it.
    pub id: String,
    /// Its folder, absolute.
    pub path: PathBuf,
}
