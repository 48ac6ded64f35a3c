//! `wgx runs`: the history, one run, its log, a search, a comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`RunsReport`].
pub const SCHEMA: &str = "wgx.runs/1";
/// Identifier of [`RunDetailReport`].
pub const SHOW_SCHEMA: &str = "wgx.runs.show/1";
/// Identifier of [`LogReport`].
pub const LOG_SCHEMA: &str = "wgx.runs.log/1";
/// Identifier of [`SearchReport`].
pub const SEARCH_SCHEMA: &str = "wgx.runs.search/1";
/// Identifier of [`CompareReport`].
pub const COMPARE_SCHEMA: &str = "wgx.runs.compare/1";

/// Recorded runs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunsReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The runs.
    pub runs: Vec<RunRow>,
    /// Whether older runs fit the filter too and were left out by the limit.
    #[serde(default)]
    pub more: bool,
}

/// One recorded run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRow {
    /// UUIDv7.
    pub id: String,
    /// Name of the repository.
    pub repo: String,
    /// Id of the task (`SOURCE:NAME`).
    pub task: String,
    /// Source of the task, or `command` for a plain command.
    pub source: String,
    /// Arguments that were passed on, masked.
    pub args: Vec<String>,
    /// Exit code; null while it runs or when it was cut off.
    pub exit_code: Option<i32>,
    /// RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// Null while it runs or when it was cut off.
    pub duration_ms: Option<u64>,
    /// SHA-256 of the masked log in the content-addressed store; null without a log.
    pub log: Option<String>,
    /// Why it ran: `named`, `needs`, `up`, `match`, `semantics`, `smoke` …
    #[serde(default)]
    pub reason: String,
}

/// One run with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDetailReport {
    /// Always [`SHOW_SCHEMA`].
    pub schema: String,
    /// The run.
    pub run: RunRow,
    /// Working directory, relative to the root.
    pub cwd: String,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The device that it ran on.
    pub device_id: String,
    /// Field of the environment → value.
    pub environment: Vec<EnvironmentField>,
    /// What its log says in short; null without a log.
    pub summary: Option<LogDigest>,
    /// Files that it made, as its task declares them; their content lies in the content-addressed store.
    #[serde(default)]
    pub artefacts: Vec<ArtefactRow>,
    /// Files that it made beyond the limits, of which nothing is known.
    #[serde(default)]
    pub artefacts_left_out: u64,
    /// Files among `artefacts` without their content, since something in them looks like a secret.
    #[serde(default)]
    pub artefacts_without_content: u64,
    /// An earlier run that failed the same way, and what made it green.
    pub precedent: Option<PrecedentReport>,
}

/// A file that a run made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtefactRow {
    /// Relative to the root, with `/`.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A field of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentField {
    /// For example `commit`, `tools.node`, `lockfiles.Cargo.lock`.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// What a log says in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogDigest {
    /// Lines of the log.
    pub lines: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// Secrets that were masked in it.
    pub masked: u64,
    /// Lines that tell of a failure.
    pub error_lines: u64,
    /// The first of them, at most ten.
    pub first_errors: Vec<String>,
    /// The last lines, at most ten.
    pub last_lines: Vec<String>,
}

/// An earlier run that failed the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrecedentReport {
    /// The earlier run.
    pub failed: RunRow,
    /// The first run of the task after it that passed.
    pub fixed_by: Option<RunRow>,
    /// What its environment had different.
    pub changes: Vec<FieldChange>,
}

/// A field in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// For example `exit_code`, `tools.node`, `commit`.
    pub field: String,
    /// Its value in the first run.
    pub before: Option<String>,
    /// Its value in the second run.
    pub after: Option<String>,
}

/// The log of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogReport {
    /// Always [`LOG_SCHEMA`].
    pub schema: String,
    /// The run.
    pub id: String,
    /// SHA-256 of the log.
    pub sha256: String,
    /// The log; bytes that are not UTF-8 are replacement characters.
    pub text: String,
}

/// Logs that hold the searched words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReport {
    /// Always [`SEARCH_SCHEMA`].
    pub schema: String,
    /// The words.
    pub query: String,
    /// The hits, newest first.
    pub hits: Vec<SearchHit>,
    /// Whether more hits were left out by the limit.
    pub more: bool,
    /// Logs of which only the beginning and the end are searchable.
    pub partly_searchable_logs: u64,
}

/// A run whose log holds the words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchHit {
    /// The run.
    pub run: RunRow,
    /// The place in its log.
    pub snippet: String,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareReport {
    /// Always [`COMPARE_SCHEMA`].
    pub schema: String,
    /// The first run.
    pub before: RunRow,
    /// The second run.
    pub after: RunRow,
    /// Fields in which they differ.
    pub changes: Vec<FieldChange>,
    /// Lines that only one of the logs has, as a unified diff without timestamps; null when the logs are
    /// equal or one is missing.
    pub log_diff: Option<String>,
    /// Lines that were left out of the diff because the logs are too long.
    pub diff_left_out_lines: u64,
}
