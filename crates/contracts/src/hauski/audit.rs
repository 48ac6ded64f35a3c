//! The audit log: its lines, and the reports about it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of a line.
pub const SCHEMA: &str = "hauski.audit/1";
/// Identifier of the schema of [`VerifyReport`].
pub const VERIFY: &str = "hauski.audit.verify/1";
/// Identifier of the schema of [`Proof`].
pub const PROOF: &str = "hauski.audit.proof/1";

/// One event as it stands in a segment: canonical JSON, one object a line. It holds ids, never contents.
///
/// The members stand in the order of canonical JSON (RFC 8785), so that what serde writes is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What, in dotted words: `egress.decide`, `key.create`, `request.finish`; `log.…` is the log's own.
    pub action: String,
    /// Who: `key:<id>`, `local:<uid>`, `plugin:<name>`, `system`.
    pub actor: String,
    /// Further ids, counts and durations: strings, whole numbers up to 2⁵³, truth values, null, and lists
    /// of these. Names are of `A-Z a-z 0-9 _ . -`.
    pub data: BTreeMap<String, serde_json::Value>,
    /// Identity of the log: which machine wrote it.
    pub log: String,
    /// Microseconds of a clock that never goes back, since the log was opened.
    pub mono: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// SHA-256 in hex of a zero byte and the bytes of the line before, without its line feed; of the log's
    /// identity for the first line.
    pub prev: String,
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// On what: an origin, a key id, a route; never contents.
    pub target: String,
    /// Time of the event, RFC 3339 in UTC with microseconds; never before that of the line before,
    /// but at a line `log.clock`.
    pub ts: String,
    /// Version of the format; 1.
    pub v: u32,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    #[default]
    Ok,
    /// A policy or a missing right refused it.
    Denied,
    /// It was tried and went wrong.
    Failed,
}

/// What `hauski audit verify` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// [`VERIFY`].
    pub schema: String,
    /// The verdict; the exit code follows it.
    pub verdict: Verdict,
    /// Identity of the log; absent when not even that can be read.
    pub log: Option<String>,
    /// Lines that were checked, those of the tail included.
    pub lines: u64,
    /// Lines that checkpoints cover.
    pub signed: u64,
    /// Segments.
    pub segments: u64,
    /// Checkpoints whose signature and root were checked.
    pub checkpoints: u64,
    /// Copies of checkpoints in other places that were compared.
    pub anchors: u64,
    /// The key that signs now, as a verifier key of the signed-note format.
    pub key: Option<String>,
    /// The last checkpoint's root in base64.
    pub root: Option<String>,
    /// The first tampering, by position in the log.
    pub tampering: Option<Finding>,
    /// Why the tail cannot be verified.
    pub tail: Option<Finding>,
    /// What is no tampering but worth knowing: repairs after a crash, steps of the clock, events that a full
    /// disk took.
    pub notes: Vec<Finding>,
}

/// The verdict over a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every line is as it was written; exit code 0.
    Sound,
    /// A line, a checkpoint or a file is not as it was written; exit code 1.
    Tampered,
    /// The last lines are not signed, or the log was not closed; exit code 3.
    Unverifiable,
}

/// Something found at a place of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The kind, in dashed words: `edited`, `deleted`, `fork` …; docs/audit.md lists them all.
    pub kind: String,
    /// The first line that it concerns, or could concern.
    pub seq: u64,
    /// Its file.
    pub file: String,
    /// What was seen, in a sentence fragment.
    pub detail: String,
}

/// Shows that a line belongs to a log, to somebody who has only the log's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// [`PROOF`].
    pub schema: String,
    /// The line, byte for byte, without its line feed.
    pub line: String,
    /// Its position.
    pub index: u64,
    /// The audit path of RFC 6962 from the line to the root, base64.
    pub path: Vec<String>,
    /// The checkpoint that signs the root: a signed note.
    pub checkpoint: String,
    /// The key that signed it. Compare it with the key you know of this log.
    pub key: String,
}
