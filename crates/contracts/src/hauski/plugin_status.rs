//! What the plugin host reports: states, counters, events and lines of log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plugin::Kind;
use super::protocol::{Level, PluginModel};

/// Identifier of the schema of [`PluginReport`].
pub const SCHEMA: &str = "hauski.plugin-status/1";

/// All plugins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// In the order in which they are started.
    pub plugins: Vec<PluginStatus>,
}

/// How one plugin is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Its version, for people.
    pub version: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Which protocol it speaks.
    pub kind: Kind,
    /// Its state.
    pub state: PluginState,
    /// Why it is in that state, in one sentence.
    pub cause: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Its process, while it has one.
    pub pid: Option<i32>,
    /// CPU time of the process and the descendants it has waited for, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Memory that the process tree holds, in bytes.
    pub memory_bytes: Option<u64>,
    /// Calls that wait for a place.
    pub queue: u32,
    /// Calls at work.
    pub inflight: u32,
    /// Calls since the daemon started.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Calls refused because the queue was full.
    pub overloaded: u64,
    /// Starts after the first.
    pub restarts: u64,
    /// Milliseconds until it is started again, in the state `backoff`.
    pub next_try_ms: Option<u64>,
    /// The last failure.
    pub last_error: Option<PluginFailure>,
    /// What it can be asked for now; for a server of kind mcp that is starting again, what it last had.
    pub capabilities: Vec<String>,
    /// Its models.
    pub models: Vec<PluginModel>,
    /// Prefixes of its HTTP routes, and the scopes they need.
    pub routes: Vec<PluginRoute>,
    /// Lines of log that were left out because there were too many.
    pub log_lines_dropped: u64,
    /// Events it did not get because it did not read.
    pub events_dropped: u64,
}

/// An HTTP route of a plugin as the daemon offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginRoute {
    /// The prefix below the daemon's own address: `/plugins/<name>/…/`.
    pub prefix: String,
    /// Scope that a key needs.
    pub scope: String,
}

/// A failure of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginFailure {
    /// When, RFC 3339.
    pub at: String,
    /// What happened, in one sentence.
    pub cause: String,
    /// The last lines of standard error before it, at most 50, oldest first.
    pub stderr: Vec<String>,
}

/// The states of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// It was not started, was stopped, or has ended by itself.
    Stopped,
    /// Its process is starting or waits for another plugin.
    Starting,
    /// It answers.
    Running,
    /// It has not answered several pings; it is being ended.
    Unhealthy,
    /// It failed and will be started again.
    Backoff,
    /// It failed too often and stays down until somebody starts it.
    Failed,
    /// It is finishing its work.
    Stopping,
    /// Its manifest says that it may not be started.
    Disabled,
}

/// Something that happened in the plugin host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HostEvent {
    /// A plugin changed its state.
    State {
        /// When, RFC 3339.
        at: String,
        /// The plugin.
        plugin: String,
        /// The state before.
        from: PluginState,
        /// The state now.
        to: PluginState,
        /// Why.
        cause: String,
    },
    /// What a plugin can be asked for has changed.
    Capabilities {
        /// When, RFC 3339.
        at: String,
        /// The plugin.
        plugin: String,
        /// What it can be asked for now.
        capabilities: Vec<String>,
    },
    /// A plugin published something.
    Published {
        /// When, RFC 3339.
        at: String,
        /// The plugin.
        plugin: String,
        /// Dotted words.
        topic: String,
        /// What happened.
        data: Value,
    },
}

/// One line of a plugin's log. Controls in it are made visible and secrets are masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Number of the line in the log of its plugin, from 0 since the daemon started.
    pub seq: u64,
    /// When it came, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// The plugin.
    pub plugin: String,
    /// Where it came from.
    pub stream: LogStream,
    /// How loud.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// Further fields.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, Value>,
}

/// Where a line of a log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output of the plugin.
    Stdout,
    /// Standard error of the plugin.
    Stderr,
    /// A `log` message of the plugin.
    Log,
    /// The host about the plugin.
    Host,
}
