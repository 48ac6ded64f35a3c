//! What a person chooses from before a merge: every working copy as a tree with sizes and tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`PrescanReport`].
pub const SCHEMA: &str = "repolens.prescan/1";

/// The trees of one prescan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrescanReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The working copies, sorted by name.
    pub repos: Vec<PrescanRepo>,
}

/// One working copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrescanRepo {
    /// Its name in merges.
    pub name: String,
    /// SHA-256 over the paths and sizes of its files: another one means that a selection may no longer
    /// fit.
    pub signature: String,
    /// Files in the tree.
    pub file_count: u64,
    /// Their bytes.
    pub total_bytes: u64,
    /// Their tokens as far as they were counted (`o200k_base`).
    pub total_tokens: u64,
    /// Entries that ignore files and rules left out, a folder counted once.
    pub left_out: u64,
    /// The root folder; its path is empty.
    pub tree: PrescanNode,
}

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrescanNode {
    /// Relative to the working copy, with `/`; as pools list it.
    pub path: String,
    /// What it is.
    pub kind: PrescanKind,
    /// Bytes, of a folder all below it.
    pub size: u64,
    /// Tokens, of a folder all below it; nothing where no text was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Folders and files in it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PrescanNode>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrescanKind {
    /// A folder.
    Folder,
    /// Text that a merge can show.
    Text,
    /// A file without text.
    Binary,
    /// A file that is not shown, because it is made to hold secrets.
    Secret,
    /// A link, pipe, other repository, pointer, or what cannot be read.
    Other,
}
