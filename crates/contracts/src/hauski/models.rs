//! The report of `hauski models ls`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Model;

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.models.ls/1";

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The file that names them.
    pub path: String,
    /// In the order of the file.
    pub models: Vec<Model>,
}
