//! The report of `hauski status`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.status/1";

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether a daemon runs in this home; without one the rest is absent.
    pub running: bool,
    /// Folder of all files of the daemon.
    pub home: String,
    /// The daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
}

/// A daemon that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Daemon {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Where it listens, for a browser.
    pub url: String,
    /// Whether it takes requests; not while it ends.
    pub ready: bool,
    /// Seconds since it began to serve.
    pub uptime_s: u64,
    /// Memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// Keys that work.
    pub active_keys: u64,
    /// Plugins that run.
    pub plugins_running: u64,
    /// Plugins in `plugins.json`.
    pub plugins: u64,
    /// Events of the audit log that could not be written.
    pub audit_failed: u64,
    /// Why the audit log cannot be written, while that lasts; whatever must be recorded is refused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_failure: Option<String>,
}
