//! `wgx profile show` and `wgx profile learn`: what wgx knows about a repository's words.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ProfileReport`].
pub const SCHEMA: &str = "wgx.profile/1";

/// The words of a repository: declared in its profile, and learned from its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The profile, relative to the root; null without one.
    pub profile: Option<String>,
    /// Tasks that the profile declares.
    pub tasks: Vec<String>,
    /// `synonyms` of the profile.
    pub synonyms: BTreeMap<String, Vec<String>>,
    /// `semantics` of the profile.
    pub semantics: BTreeMap<String, Vec<String>>,
    /// What was learned: phrase → task ids or commands.
    pub learned: BTreeMap<String, Vec<String>>,
    /// Tasks that are run most, most often first.
    pub favourites: Vec<Favourite>,
    /// The file that `learn` wrote; null for `show`.
    pub written: Option<String>,
}

/// A task that is run often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Favourite {
    /// Id of the task.
    pub task: String,
    /// Runs.
    pub runs: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Half of the green runs took no longer, in milliseconds.
    pub median_ms: Option<u64>,
}
