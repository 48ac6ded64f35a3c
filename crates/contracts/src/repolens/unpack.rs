//! `repolens unpack`: a merge turned back into files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`UnpackReport`].
pub const SCHEMA: &str = "repolens.unpack/1";

/// What was written and what could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnpackReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Files that are now as they were, byte for byte.
    pub exact: Vec<UnpackedFile>,
    /// Files of which only a part or a masked form could be written (`--partial`).
    pub partial: Vec<UnpackedFile>,
    /// Files whose content does not stand in the merge.
    pub absent: Vec<AbsentFile>,
}

/// A written file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnpackedFile {
    /// Name of the repository in the merge.
    pub repo: String,
    /// Path in the repository; `%XX` stands for bytes that are not UTF-8 where `percent` is set.
    pub path: String,
    /// Whether `path` has `%XX`.
    pub percent: bool,
    /// Bytes written.
    pub bytes: u64,
    /// What the content was compared with: `sha256`, `md5`, `sha256-emitted`, or `none` where a partial file has no hash.
    pub verified: String,
    /// Why a file is only partial: `redacted`, `truncated`, or both joined by ` and `; null for exact files.
    pub lacks: Option<String>,
}

/// A file that the merge only mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentFile {
    /// Name of the repository in the merge.
    pub repo: String,
    /// Path, as the manifest shows it.
    pub path: String,
    /// The reason of the manifest.
    pub reason: String,
}
