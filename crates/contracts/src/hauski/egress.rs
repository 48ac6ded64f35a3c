//! Report of `GET /admin/egress`: what was decided about destinations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of the report.
pub const SCHEMA: &str = "hauski.egress/1";

/// The last decisions and the counts of all since the daemon started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The entries in force, in the order of the file.
    pub allow: Vec<String>,
    /// Decisions by reason: `listed` and the codes of refusals.
    pub counts: BTreeMap<String, u64>,
    /// The last decisions, newest first.
    pub recent: Vec<Decided>,
    /// Older decisions that are not in `recent`; the audit log has them.
    pub not_shown: u64,
    /// Connections that wait for reuse.
    pub idle_connections: u64,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// On whose behalf: `system`, `key:<id>`, `plugin:<name>`.
    pub actor: String,
    /// Scheme, host and port; `-` where nothing was understood.
    pub target: String,
    /// Whether it may be dialled.
    pub allowed: bool,
    /// `listed`, or the code of the refusal.
    pub reason: String,
    /// The address that was dialled or refused; absent before one was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Redirects followed before it.
    pub redirects: u32,
}
