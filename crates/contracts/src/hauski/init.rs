//! The report of `hauski init`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.init/1";

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Every policy file.
    pub files: Vec<Written>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// Where it lies.
    pub path: String,
    /// Whether it was written now; what was there stays as it is.
    pub written: bool,
}
