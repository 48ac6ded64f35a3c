//! `wgx init`: the files that were written for a start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`InitReport`].
pub const SCHEMA: &str = "wgx.init/1";

/// What was written and what was left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The files in order.
    pub files: Vec<InitFile>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitFile {
    /// Path relative to the root, with `/`.
    pub path: String,
    /// Whether it was written (or, with `--dry-run`, would be); `false` when there was one already.
    pub written: bool,
    /// Its content; for a file that is already there, what would have been written.
    pub content: String,
}
