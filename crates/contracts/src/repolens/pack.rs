//! `repolens pack`: what was chosen for a task within a budget, and what was not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`PackReport`].
pub const SCHEMA: &str = "repolens.pack/1";

/// A pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Most tokens that the text of the pack may have.
    pub budget: u64,
    /// Tokens that it has, counted over the whole text; never more than `budget`.
    pub tokens: u64,
    /// Name of the vocabulary that both are counted in.
    pub vocabulary: String,
    /// What stands in the pack, the most valuable first.
    pub items: Vec<PackItem>,
    /// What does not.
    pub left_out: PackLeftOut,
    /// Secrets that were masked, by rule.
    #[serde(default)]
    pub redacted: BTreeMap<String, u64>,
    /// What a reader must know: no history, a repository that could not be read in full.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackItem {
    /// Name of the repository.
    pub repo: String,
    /// Path in it, with `/`.
    pub path: String,
    /// How much of it is shown.
    pub kind: PackKind,
    /// Tokens of its part of the text, heading and fence included.
    pub tokens: u64,
    /// First and last line of each part that is shown, from 1, both included, ascending.
    pub lines: Vec<[u32; 2]>,
    /// Chance that the task concerns this file, from 0 to 1.
    pub score: f64,
    /// Why it was chosen, in words.
    pub why: String,
    /// With `--explain`: the value of every signal that ranking used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, f64>,
}

/// How a file stands in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PackKind {
    /// All of it.
    Full,
    /// The definitions that matter, with the signatures around them.
    Definitions,
    /// Signatures alone.
    Signatures,
}

/// What does not stand in a pack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackLeftOut {
    /// Number of files that are not shown at all.
    pub files: u64,
    /// The same by reason: `budget`, `binary`, `oversized`, `encoding`, `unreadable`, `special`, `secret-file`; and the
    /// entries that the scan did not list: `ignored`, `tooling`, `git-folder`.
    pub reasons: BTreeMap<String, u64>,
    /// The files that would come next.
    pub next: Vec<PackNext>,
}

/// A file that would come next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackNext {
    /// Name of the repository.
    pub repo: String,
    /// Path in it, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Chance that the task concerns this file, from 0 to 1.
    pub score: f64,
}
