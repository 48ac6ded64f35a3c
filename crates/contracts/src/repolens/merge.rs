//! What `repolens --json` says of the merges it made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::Coverage;

/// Identifier of [`MergeReport`].
pub const SCHEMA: &str = "repolens.merge/1";

/// The merges of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// One, or one a repository.
    pub merges: Vec<MergeResult>,
}

/// One merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeResult {
    /// Paths of its parts, in order.
    pub files: Vec<String>,
    /// Path of its sidecar.
    pub sidecar: Option<String>,
    /// Bytes of all parts.
    pub bytes: u64,
    /// Files in the manifest.
    pub total_files: u64,
    /// How much of the text stands in it.
    pub coverage: Coverage,
    /// Tokens of the contents (`o200k_base`); null when they were not counted.
    pub tokens: Option<u64>,
    /// Secrets masked in contents: rule → count.
    pub redacted: BTreeMap<String, u64>,
    /// Secrets masked in names, targets of links, purposes and extras.
    #[serde(default)]
    pub redacted_elsewhere: u64,
    /// Files without content: reason → count.
    pub meta_only: BTreeMap<String, u64>,
    /// What is not in the manifest: reason → count.
    pub left_out: BTreeMap<String, u64>,
    /// What has to be said, for people.
    pub notes: Vec<String>,
}
