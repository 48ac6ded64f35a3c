//! `wgx recall`, `wgx remember` and `wgx ask`: what is known, with the place that each answer comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`RecallReport`], for `wgx recall` and `wgx ask`.
pub const SCHEMA: &str = "wgx.recall/1";
/// Identifier of [`RememberReport`].
pub const REMEMBER_SCHEMA: &str = "wgx.remember/1";

/// What was found for a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecallReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The question.
    pub query: String,
    /// `daemon`: over its index. `local`: over items, runs and logs of the memory, by words alone. `off`: nowhere.
    pub mode: String,
    /// Why the daemon was not asked or gave no answer, and what to do.
    pub note: Option<String>,
    /// An answer in sentences, where a model gave one.
    pub answer: Option<String>,
    /// The best first.
    pub hits: Vec<RecallHit>,
    /// Logs that are searchable only in part.
    pub partly_searchable_logs: u64,
}

/// A passage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecallHit {
    /// `item`, `run`, `log`, or the collection of the daemon's index.
    pub kind: String,
    /// The id of the item or run, or of the document.
    pub id: String,
    /// What it is: a key, a task, a path.
    pub title: String,
    /// The passage.
    pub snippet: String,
    /// How well it fits, from 0 to 1; comparable within one kind.
    pub score: f64,
    /// When it was recorded, RFC 3339, where that is known.
    pub at: Option<String>,
    /// Where it stands, as `path:line` or as the command that shows it.
    pub citation: Option<String>,
}

/// What was remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RememberReport {
    /// Always [`REMEMBER_SCHEMA`].
    pub schema: String,
    /// The id of the item.
    pub id: String,
    /// Whether it is new; otherwise the same text was there.
    pub is_new: bool,
    /// Ids of items that say almost the same.
    pub near: Vec<String>,
    /// Secrets that were masked.
    pub masked: u64,
}
