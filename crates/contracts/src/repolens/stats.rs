//! `repolens stats`: where the tokens go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`StatsReport`].
pub const SCHEMA: &str = "repolens.stats/1";

/// The sizes of a merge or of working copies, as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatsReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// `tokens` where they were counted, else `bytes`: what the tree is sorted by.
    pub sorted_by: String,
    /// Everything.
    pub total: StatsNode,
}

/// A repository, a folder, a file, or the rest of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatsNode {
    /// Its name, without the folders above.
    pub name: String,
    /// `all`, `repository`, `folder`, `file` or `rest`.
    pub kind: String,
    /// Files below, itself included.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Their tokens (`o200k_base`), of what stands in the merge; null when they were not counted.
    pub tokens: Option<u64>,
    /// The largest first; what does not fit is summed up in a last node of kind `rest`.
    pub children: Vec<StatsNode>,
}
