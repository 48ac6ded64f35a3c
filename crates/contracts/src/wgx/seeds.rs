//! `wgx seeds`: small data states that tests start from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`SeedsReport`].
pub const SCHEMA: &str = "wgx.seeds/1";
/// Identifier of [`SeedApplyReport`].
pub const APPLY_SCHEMA: &str = "wgx.seeds.apply/1";

/// The seeds of a repository after the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedsReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The newest snapshot of every name and version, newest first.
    pub seeds: Vec<Seed>,
    /// The one that this call made, as `NAME@VERSION`; null for other calls.
    pub made: Option<String>,
    /// How many snapshots this call forgot.
    pub forgotten: u64,
}

/// A seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seed {
    /// Its name.
    pub name: String,
    /// Version of the schema that it fits.
    pub version: String,
    /// SHA-256 of its archive.
    pub sha256: String,
    /// Size of the archive; null when its content is not in this memory (imported without objects).
    pub bytes: Option<u64>,
    /// The command that made its files, as the person noted it; empty when none was noted.
    pub made_by: String,
    /// When the snapshot was taken, RFC 3339.
    pub recorded_at: String,
    /// Older snapshots of the same name and version.
    pub older: u64,
}

/// What a seed writes, or wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedApplyReport {
    /// Always [`APPLY_SCHEMA`].
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Version of the schema that it fits.
    pub version: String,
    /// Absolute path of the folder that its files belong in.
    pub into: String,
    /// Its files.
    pub files: Vec<SeedFile>,
    /// Whether they were written; false for a dry run, and when nothing differed.
    pub applied: bool,
}

/// A file of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedFile {
    /// Relative to [`SeedApplyReport::into`], with `/`.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What lies there.
    pub before: SeedPlace,
}

/// What lies where a file of a seed belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeedPlace {
    /// Nothing.
    Absent,
    /// The same content.
    Same,
    /// Other content, which is replaced only on request.
    Different,
}
