//! The reports of `hauski models`, and the record beside a fetched model.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Model;

/// Identifier of the schema of [`Report`].
pub const SCHEMA: &str = "hauski.models.ls/1";
/// Identifier of the schema of [`Added`].
pub const ADDED: &str = "hauski.models.add/1";
/// Identifier of the schema of [`Record`].
pub const RECORD: &str = "hauski.model/1";

/// The report of `hauski models ls`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The file that names them.
    pub path: String,
    /// In the order of the file.
    pub models: Vec<Model>,
    /// Folder of models on this machine.
    #[serde(default)]
    pub folder: String,
    /// Models that turn texts into vectors, found in that folder or named in the file.
    #[serde(default)]
    pub embedding: Vec<EmbeddingModel>,
}

/// A model that turns texts into vectors, as its folder describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingModel {
    /// How requests name it.
    pub id: String,
    /// Its folder.
    pub path: String,
    /// Length of its vectors.
    pub dimensions: u32,
    /// Bytes of memory while it is loaded; it is loaded when it is first asked for.
    pub memory_bytes: u64,
    /// Bytes of its weights on the disk.
    pub disk_bytes: u64,
    /// Licence, where a record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where it came from, where a record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// The report of `hauski models add`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    /// [`ADDED`].
    pub schema: String,
    /// The model.
    pub id: String,
    /// Its folder.
    pub path: String,
    /// Whether it was fetched now; otherwise it was there, or could not be had.
    pub fetched: bool,
    /// Why it could not be had, with `--optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// `hauski-model.json` in the folder of a model: where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// [`RECORD`].
    pub schema: String,
    /// How requests name it.
    pub id: String,
    /// The package and version it was taken from.
    pub origin: String,
    /// Licence of the weights, and where it is stated.
    pub licence: String,
    /// SHA-256 of the package.
    pub package_sha256: String,
    /// SHA-256 of each file.
    pub files: BTreeMap<String, String>,
    /// When it was fetched, RFC 3339.
    pub fetched_at: String,
}
