//! What a verb says with `--json` when it cannot give its report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ErrorReport`].
pub const SCHEMA: &str = "wgx.error/1";

/// An error, on standard output in place of the report. The same words are on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The exit code of the call.
    pub code: u8,
    /// What is wrong, with its causes, in one line.
    pub message: String,
    /// The file that is at fault: relative to the root where it lies in the repository; null when none is.
    pub file: Option<String>,
    /// Line in that file from 1, where one can be named.
    pub line: Option<u32>,
    /// What to do; null where nobody knows.
    pub hint: Option<String>,
}
