//! Memory packs: one `.tar.gz` that carries facts and objects from one memory to another.
//!
//! In this order: `manifest.json` ([`PackManifest`]), `cas/ab/cd/<sha256>` sorted by name, and
//! `facts/<table>.jsonl` in the order of the manifest, one JSON object a line, sorted by `id`. No entry
//! is a link; owners and times are zero, so equal memories give equal packs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What [`PackManifest::schema`] says for packs of this version.
pub const PACK_SCHEMA: &str = "hauski.pack/1";

/// Name of the first entry.
pub const PACK_MANIFEST: &str = "manifest.json";

/// What a pack holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackManifest {
    /// Always [`PACK_SCHEMA`].
    pub schema: String,
    /// Version of the database that the facts come from.
    pub store_version: i64,
    /// The facts by table.
    pub facts: BTreeMap<String, PackFacts>,
    /// How many objects follow.
    pub objects: u64,
    /// Their size together.
    pub object_bytes: u64,
    /// Objects that the facts name and that are not here: too large, not wanted, missing, or with
    /// something in them that looks like a secret.
    pub objects_left_out: u64,
}

/// The facts of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackFacts {
    /// How many lines.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}
