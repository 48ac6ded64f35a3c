//! One line of the audit log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of a line.
pub const SCHEMA: &str = "hauski.audit/1";

/// One event as it stands in a segment: canonical JSON, one object a line. It holds ids, never contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Version of the format; 1.
    pub v: u32,
    /// Identity of the log: which machine wrote it.
    pub log: String,
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// Time of the event, RFC 3339 in UTC with microseconds.
    pub ts: String,
    /// Nanoseconds of a clock that never goes back, since the start of the process.
    pub mono: u64,
    /// Who: `key:<id>`, `local:<uid>`, `plugin:<name>`, `system`.
    pub actor: String,
    /// What, in dotted words: `egress.decide`, `key.create`, `request.finish`.
    pub action: String,
    /// On what: an origin, a key id, a route; never contents.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Further ids, counts and durations; keys sorted.
    #[serde(default)]
    pub data: std::collections::BTreeMap<String, serde_json::Value>,
    /// SHA-256 in hex of a zero byte and the bytes of the line before, without its line feed; of the log's
    /// identity for the first line.
    pub prev: String,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// A policy or a missing right refused it.
    Denied,
    /// It was tried and went wrong.
    Failed,
}
