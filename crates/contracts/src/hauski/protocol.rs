//! The plugin protocol: JSON-RPC 2.0, one object a line, at most 8 MiB, over a socket pair on fd 3.
//!
//! Requests of the host: `initialize`, `ping`, `shutdown` and one method per capability. Requests of a
//! plugin: `call`, `publish`, `subscribe`. Notifications: `log`, `$/cancel`, `$/progress`, `$/chunk`,
//! `$/ack`, `event`. File descriptors travel with the first byte of a message that counts them in `meta.fds`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the protocol that this house speaks.
pub const VERSION: &str = "1.0";
/// Longest line in bytes, its line feed included.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Chunks of one stream that may be on their way without an `$/ack`.
pub const MAX_UNACKNOWLEDGED: u64 = 32;

/// Error codes beyond those of JSON-RPC.
pub mod code {
    /// The queue of the plugin is full; `data.retry_after_ms` says when to try again.
    pub const OVERLOADED: i64 = -32_001;
    /// The plugin does not run.
    pub const UNAVAILABLE: i64 = -32_002;
    /// The deadline has passed.
    pub const TIMED_OUT: i64 = -32_003;
    /// The caller has cancelled.
    pub const CANCELLED: i64 = -32_004;
    /// The manifest of the caller does not allow it.
    pub const FORBIDDEN: i64 = -32_005;
    /// The plugin ended while it worked.
    pub const CRASHED: i64 = -32_006;
    /// A message was larger than allowed.
    pub const TOO_LARGE: i64 = -32_007;
    /// A value is not what the capability takes; `data.param` names it.
    pub const INVALID_VALUE: i64 = -32_008;
    /// The context of the model is too small; `data.limit` and `data.asked` say by how much.
    pub const CONTEXT_LENGTH: i64 = -32_009;
    /// The plugin does not have that model.
    pub const UNKNOWN_MODEL: i64 = -32_010;
    /// The plugin broke the protocol.
    pub const PROTOCOL: i64 = -32_011;
    /// No plugin has the capability.
    pub const NO_PROVIDER: i64 = -32_012;
    /// JSON-RPC: the method does not exist.
    pub const METHOD_NOT_FOUND: i64 = -32_601;
    /// JSON-RPC: the parameters do not fit.
    pub const INVALID_PARAMS: i64 = -32_602;
    /// JSON-RPC: something else went wrong.
    pub const INTERNAL: i64 = -32_603;
}

/// Parameters of `initialize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Initialize {
    /// Versions that the host speaks, best first.
    pub versions: Vec<String>,
    /// Name of the plugin in `plugins.json`.
    pub name: String,
    /// Capabilities that its manifest declares.
    pub capabilities: Vec<String>,
    /// Its settings.
    pub config: serde_json::Map<String, Value>,
    /// Unix socket on which it serves its routes, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_socket: Option<String>,
    /// Unix socket of the broker, where the sandbox grants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_socket: Option<String>,
}

/// Result of `initialize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Initialized {
    /// The version of the host's list that the plugin speaks.
    pub version: String,
    /// Capabilities that it has now; those that its manifest does not declare are refused.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Models by capability, where it has models.
    #[serde(default)]
    pub models: Vec<PluginModel>,
}

/// A model of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginModel {
    /// How requests name it.
    pub id: String,
    /// Capabilities it serves: `chat`, `embed`, `transcribe`, `speak`.
    pub capabilities: Vec<String>,
    /// Tokens of its context, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
}

/// One message in either direction, as it stands on the line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Always `2.0`.
    pub jsonrpc: String,
    /// Number of a request; its answer repeats it. Hosts and plugins count separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// Name of a request or notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// What an answer brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
    /// What the message brings beside its contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// What tells a request from others. The plugin protocol counts; servers of the Model Context Protocol may use
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
}

/// What a message brings beside its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Milliseconds until the caller gives up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// File descriptors that travel with the message, in order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fds: u32,
    /// The plugin that asks, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The request for which a plugin asks; its deadline bounds the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RpcError {
    /// One of JSON-RPC or of [`code`].
    pub code: i64,
    /// One sentence without contents of the request.
    pub message: String,
    /// Further facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Parameters of `$/chunk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chunk {
    /// The request it belongs to.
    pub id: u64,
    /// From 0, without gaps.
    pub seq: u64,
    /// What it brings.
    pub data: Value,
}

/// Parameters of `$/progress`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The request it belongs to.
    pub id: u64,
    /// How far the work is.
    pub data: Value,
}

/// Parameters of `subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subscribe {
    /// Topics that the manifest lets it hear; `*` stands for one word at the end.
    pub topics: Vec<String>,
}

/// Parameters of `$/ack`: everything up to and with `seq` has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ack {
    /// The request.
    pub id: u64,
    /// The last chunk taken.
    pub seq: u64,
}

/// Parameters of `$/cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancel {
    /// The request.
    pub id: u64,
}

/// Parameters of `log`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// How loud.
    pub level: Level,
    /// One line.
    pub message: String,
    /// Further fields.
    #[serde(default)]
    pub fields: serde_json::Map<String, Value>,
}

/// How loud a line of a log is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For authors of the plugin.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

/// Parameters of `call`, by which a plugin asks another through the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// One of the manifest's `calls`.
    pub capability: String,
    /// Its parameters.
    pub params: Value,
    /// Milliseconds until it is given up; default 30,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Parameters of `publish` and of the notification `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Dotted words.
    pub topic: String,
    /// What happened.
    pub data: Value,
}
