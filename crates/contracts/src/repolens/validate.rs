//! `repolens validate`: whether merges keep to the format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ValidateReport`].
pub const SCHEMA: &str = "repolens.validate/1";

/// The verdict over all merges that were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether all of them are valid.
    pub valid: bool,
    /// The merges, in the order of their first files.
    pub merges: Vec<MergeVerdict>,
}

/// The verdict over one merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeVerdict {
    /// Names of its parts, in their order.
    pub parts: Vec<String>,
    /// Whether there is no error.
    pub valid: bool,
    /// Rows of the manifest.
    pub files: u64,
    /// File blocks.
    pub blocks: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Broken rules, whether or not they are listed.
    pub errors: u64,
    /// Debug findings, whether or not they are listed.
    pub warnings: u64,
    /// What is wrong and where, in the order of the parts.
    pub findings: Vec<ValidateFinding>,
    /// Findings that are counted but not listed.
    pub findings_left_out: u64,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateFinding {
    /// Id of the rule; `docs/validate.md` explains it.
    pub rule: String,
    /// `error` or `warning`.
    pub severity: String,
    /// Name of the part or of the sidecar.
    pub file: String,
    /// Line, from 1; 0 when it concerns the whole file.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
}
