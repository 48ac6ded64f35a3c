//! `wgx memory`: size, health, retention, packs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`StatsReport`].
pub const STATS_SCHEMA: &str = "wgx.memory.stats/1";
/// Identifier of [`CheckReport`].
pub const CHECK_SCHEMA: &str = "wgx.memory.check/1";
/// Identifier of [`RetentionReport`].
pub const RETENTION_SCHEMA: &str = "wgx.memory.retention/1";
/// Identifier of [`ForgetReport`].
pub const FORGET_SCHEMA: &str = "wgx.memory.forget/1";
/// Identifier of [`ExportReport`].
pub const EXPORT_SCHEMA: &str = "wgx.memory.export/1";
/// Identifier of [`ImportReport`].
pub const IMPORT_SCHEMA: &str = "wgx.memory.import/1";

/// Counts and sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatsReport {
    /// Always [`STATS_SCHEMA`].
    pub schema: String,
    /// Where the memory lies.
    pub home: String,
    /// Whether there is one yet.
    pub exists: bool,
    /// Repositories.
    pub repos: u64,
    /// Runs.
    pub runs: u64,
    /// Runs that failed.
    pub failed_runs: u64,
    /// Runs that are still running or were cut off.
    pub open_runs: u64,
    /// Distinct environments.
    pub environments: u64,
    /// Policy events.
    pub policy_events: u64,
    /// Evidence packs.
    pub evidence_packs: u64,
    /// Forgotten facts.
    pub tombstones: u64,
    /// Devices that facts came from.
    pub devices: u64,
    /// Start of the oldest run, RFC 3339.
    pub oldest_run_at: Option<String>,
    /// Start of the newest run, RFC 3339.
    pub newest_run_at: Option<String>,
    /// Size of the database in bytes.
    pub database_bytes: u64,
    /// Logs and artefacts.
    pub objects: u64,
    /// Their size in bytes.
    pub object_bytes: u64,
    /// Logs of which only the beginning and the end are searchable.
    pub partly_searchable_logs: u64,
    /// What `wgx memory gc` keeps when it is called without limits of its own.
    pub retention: RetentionLimits,
}

/// How long things are kept. Nothing is dropped before `wgx memory gc` is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionLimits {
    /// Whether it was set on this device; otherwise it is the default.
    pub is_set: bool,
    /// Runs older than so many days go; null for no limit.
    pub keep_days: Option<u32>,
    /// The oldest runs go while all logs together are larger than so many bytes; null for no limit.
    pub max_bytes: Option<u64>,
    /// The oldest runs go while there are more; null for no limit.
    pub max_runs: Option<u32>,
    /// So many newest runs of each task stay whatever the limits.
    pub keep_runs: u32,
}

/// The retention after the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionReport {
    /// Always [`RETENTION_SCHEMA`].
    pub schema: String,
    /// Where the memory lies.
    pub home: String,
    /// The limits.
    pub retention: RetentionLimits,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Always [`CHECK_SCHEMA`].
    pub schema: String,
    /// Where the memory lies.
    pub home: String,
    /// Whether nothing is damaged.
    pub sound: bool,
    /// Damage: what and where.
    pub problems: Vec<String>,
    /// What is no damage but worth knowing.
    pub notes: Vec<String>,
    /// Objects whose content was compared with their name.
    pub objects: u64,
    /// Their size in bytes.
    pub object_bytes: u64,
}

/// What was forgotten, by retention or on request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetReport {
    /// Always [`FORGET_SCHEMA`].
    pub schema: String,
    /// Facts that now have a tombstone (a run counts once).
    pub facts: u64,
    /// Logs and artefacts that went with them.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Objects that no fact named, and drafts of killed writers.
    pub unused_objects: u64,
    /// Their size in bytes.
    pub unused_bytes: u64,
}

/// What went into a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportReport {
    /// Always [`EXPORT_SCHEMA`].
    pub schema: String,
    /// The pack.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Objects that stayed out for their size, or because they were not wanted.
    pub objects_left_out: u64,
    /// Objects that stayed out because something in them looks like a secret.
    pub objects_with_secrets: u64,
    /// Objects that are missing or damaged in the store.
    pub objects_missing: u64,
    /// Secrets that were masked on the way out.
    pub masked: u64,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReport {
    /// Always [`IMPORT_SCHEMA`].
    pub schema: String,
    /// The pack.
    pub file: String,
    /// Facts that are new here.
    pub new_facts: u64,
    /// Facts that were here already.
    pub known_facts: u64,
    /// Facts that were forgotten here and stay forgotten.
    pub forgotten_facts: u64,
    /// Facts that were here with another content.
    pub conflicting_facts: u64,
    /// Objects that are new here.
    pub new_objects: u64,
    /// Objects that stayed out because something in them looks like a secret.
    pub objects_with_secrets: u64,
    /// Secrets that were masked on the way in.
    pub masked: u64,
}
