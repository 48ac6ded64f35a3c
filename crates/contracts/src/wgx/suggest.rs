//! `wgx suggest`: next sensible steps, each with its reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`SuggestReport`].
pub const SCHEMA: &str = "wgx.suggest/1";

/// Proposals, the most sensible first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuggestReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The proposals.
    pub suggestions: Vec<Suggestion>,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    /// What kind of reason it has: `conflict`, `red`, `interrupted`, `environment`, `changed`, `rule`,
    /// `habit`, `start`.
    pub kind: String,
    /// The command that does it.
    pub command: String,
    /// Id of the task that it starts, if any.
    pub task: Option<String>,
    /// Why, in one or two sentences.
    pub reason: String,
    /// 0 to 1.
    pub score: f64,
    /// Runs that the reason rests on.
    pub runs: Vec<String>,
}
