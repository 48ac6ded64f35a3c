//! `repolens diff` and the delta extra: what changed between two states of the same files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`DiffReport`].
pub const SCHEMA: &str = "repolens.diff/1";

/// Identifier of [`DeltaReport`].
pub const DELTA_SCHEMA: &str = "repolens-delta";

/// The difference between two merges or sidecars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The first state, as it was named.
    pub a: String,
    /// The second state.
    pub b: String,
    /// Whether nothing differs.
    pub same: bool,
    /// Files that are the same in both.
    pub unchanged: u64,
    /// What differs.
    pub changes: Changes,
}

/// Files that differ, each list in the order of repositories and paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Only in the second state.
    pub added: Vec<FileState>,
    /// Only in the first state.
    pub removed: Vec<FileState>,
    /// Under another path with the same bytes.
    pub renamed: Vec<RenamedFile>,
    /// In both, but not the same.
    pub changed: Vec<ChangedFile>,
}

/// A file in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileState {
    /// Name of the repository.
    pub repo: String,
    /// Path in it.
    pub path: String,
    /// Category.
    pub category: String,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// How much stands in the merge, in the words of the manifest.
    pub included: String,
    /// Hash of the bytes on disk: `sha256:…`, `md5:…` or `git:…`; null where there is none.
    pub hash: Option<String>,
}

/// A file that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenamedFile {
    /// Where it was.
    pub from: FileState,
    /// Where it is.
    pub to: FileState,
}

/// A file that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedFile {
    /// As it was.
    pub from: FileState,
    /// As it is.
    pub to: FileState,
    /// What differs: `content`, `size`, `category`, `included`. Never empty.
    pub what: Vec<String>,
}

/// The data of the delta extra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaReport {
    /// Always [`DELTA_SCHEMA`].
    #[serde(rename = "type")]
    #[schemars(extend("const" = "repolens-delta"))]
    pub kind: String,
    /// What it is compared with: the Merge-Id of the earlier merge, or a revision.
    pub base_import: String,
    /// When the earlier merge was made, or the revision was committed; null when that is unknown.
    pub base_timestamp: Option<String>,
    /// When this merge was made, or the newer revision was committed.
    pub current_timestamp: String,
    /// Counts.
    pub summary: DeltaSummary,
    /// The files.
    pub changes: Changes,
}

/// Counts of a delta.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaSummary {
    /// Files that are new.
    pub files_added: u64,
    /// Files that are gone.
    pub files_removed: u64,
    /// Files that are not as they were.
    pub files_changed: u64,
    /// Files with the same bytes under another path; neither added nor removed.
    pub files_renamed: u64,
}
