//! `wgx trust`: whether this repository, as it is now, may start things by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`TrustReport`].
pub const SCHEMA: &str = "wgx.trust/1";

/// The state of trust after the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Absolute path of the repository root.
    pub root: String,
    /// Whether it is trusted with its present content.
    pub trusted: bool,
    /// Whether it was trusted with another content before.
    pub changed_since_trust: bool,
    /// Whether a person said no to the present content: an implied `up` is then left out without a question.
    #[serde(default)]
    pub declined: bool,
    /// SHA-256 over the files that describe what can be started.
    pub content_hash: String,
    /// Those files.
    pub files: Vec<TrustedFile>,
}

/// A file that trust is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustedFile {
    /// Relative to the root, with `/`.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
}
