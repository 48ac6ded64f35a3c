//! `plugins.json`: which plugins there are, what they may do and how they are kept running.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of `plugins.json`.
pub const SCHEMA: &str = "hauski.plugins/1";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugins {
    /// Version of the format; 1.
    pub schema: u32,
    /// The plugins; names are unique.
    pub plugins: Vec<Plugin>,
}

/// One plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// `[a-z][a-z0-9-]{0,31}`.
    pub name: String,
    /// Its version, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is for, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which protocol it speaks.
    #[serde(default)]
    pub kind: Kind,
    /// Program and arguments; a relative program lies below the folder of `plugins.json`.
    pub command: Vec<String>,
    /// Working folder, relative to the folder of `plugins.json`; default that folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Environment; nothing else of the daemon's reaches the plugin.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// SHA-256 in hex of the program; where given, another program is not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it is started with the daemon; default true.
    #[serde(default = "yes")]
    pub autostart: bool,
    /// Whether it may be started at all; default true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Plugins that must run before it.
    #[serde(default)]
    pub after: Vec<String>,
    /// What it can be asked for, in dotted words: `chat`, `embed`, `repo.read`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Capabilities of others that it may call.
    #[serde(default)]
    pub calls: Vec<String>,
    /// Scopes of keys that it makes with `auth.create`, besides its own `plugin:<name>`; never `admin` or `tasks`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// Topics; `*` stands for one word at the end.
    #[serde(default)]
    pub events: Events,
    /// HTTP routes that are passed through to its Unix socket.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// How it is watched.
    #[serde(default)]
    pub health: Health,
    /// When it is started again.
    #[serde(default)]
    pub restart: Restart,
    /// How it is stopped.
    #[serde(default)]
    pub stop: Stop,
    /// What it may use.
    #[serde(default)]
    pub limits: PluginLimits,
    /// What it may reach.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Settings that the plugin gets with `initialize`.
    #[serde(default)]
    pub config: serde_json::Map<String, serde_json::Value>,
    /// JSON Schema of `config`; settings that do not fit are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
}

fn yes() -> bool {
    true
}

/// Which protocol a plugin speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The plugin protocol over the socket pair on fd 3.
    #[default]
    Rpc,
    /// The plugin protocol over standard input and output (`--stdio`).
    Stdio,
    /// A server of the Model Context Protocol over standard input and output, unchanged.
    Mcp,
}

/// Topics that a plugin sends and hears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// Topics it may publish.
    pub publish: Vec<String>,
    /// Topics it may subscribe to.
    pub subscribe: Vec<String>,
}

/// One HTTP route of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Prefix that ends with `/`, below `/plugins/<name>/`.
    pub path: String,
    /// A scope that a key needs besides `plugin:<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// How a plugin is watched: `ping` every `interval_ms`; `failures` misses in a row make it unhealthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Default 5,000.
    pub interval_ms: u64,
    /// Until a ping counts as missed; default 2,000.
    pub timeout_ms: u64,
    /// Default 3.
    pub failures: u32,
    /// Time for `initialize`; default 5,000.
    pub start_ms: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { interval_ms: 5_000, timeout_ms: 2_000, failures: 3, start_ms: 5_000 }
    }
}

/// When a plugin is started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// Default on failure.
    pub policy: RestartPolicy,
    /// First wait; doubled each time; default 500.
    pub backoff_min_ms: u64,
    /// Longest wait; default 60,000.
    pub backoff_max_ms: u64,
    /// Part by which a wait may differ, 0 to 1; default 0.2.
    pub jitter: f64,
    /// Starts within `window_s` after which it counts as failed; default 8.
    pub max: u32,
    /// Default 600.
    pub window_s: u64,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::OnFailure,
            backoff_min_ms: 500,
            backoff_max_ms: 60_000,
            jitter: 0.2,
            max: 8,
            window_s: 600,
        }
    }
}

/// When a plugin is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Whenever it ends.
    Always,
    /// When it ends with an error, by a signal, or becomes unhealthy.
    OnFailure,
    /// Never.
    Never,
}

/// How a plugin is stopped: `shutdown`, after `grace_ms` the signal to its whole tree, then the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// Time to end by itself, and again after the signal; default 5,000.
    pub grace_ms: u64,
}

impl Default for Stop {
    fn default() -> Self {
        Self { grace_ms: 5_000 }
    }
}

/// What a plugin may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Bytes of memory of the whole tree; default 1 GiB.
    pub memory_bytes: u64,
    /// Percent of one core; 0 means no bound; default 0.
    pub cpu_percent: u32,
    /// Processes and threads; default 64.
    pub tasks: u32,
    /// Open files; default 256.
    pub files: u32,
    /// Calls that may wait; default 128.
    pub queue: u32,
    /// Calls at work at once; default 32.
    pub inflight: u32,
    /// Bytes of one message; at most and by default 8 MiB.
    pub message_bytes: u32,
    /// Lines of log a second; more are counted and left out; default 20,000.
    pub log_lines_per_s: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            cpu_percent: 0,
            tasks: 64,
            files: 256,
            queue: 128,
            inflight: 32,
            message_bytes: 8 << 20,
            log_lines_per_s: 20_000,
        }
    }
}

/// What a plugin may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Default none.
    pub network: Network,
    /// Folders it may read besides the system's own and its working folder, absolute or relative to the folder of
    /// `plugins.json`.
    pub read: Vec<String>,
    /// Folders it may change, likewise.
    pub write: Vec<String>,
}

/// Which network a plugin has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Its own empty loopback and nothing else.
    #[default]
    Deny,
    /// Destinations of `routing.yaml`, through the broker.
    Broker,
}
