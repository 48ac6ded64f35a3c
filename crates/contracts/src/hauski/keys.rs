//! API keys: the reports of `hauski keys` and the bodies of `/admin/keys`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of a list.
pub const LIST: &str = "hauski.keys.list/1";
/// Identifier of the schema of a new key.
pub const CREATED: &str = "hauski.keys.created/1";
/// Identifier of the schema of one key.
pub const KEY: &str = "hauski.keys.key/1";

/// What a new key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// What it is for, for people; at most 100 characters.
    #[serde(default)]
    pub name: String,
    /// What it may do: `admin`, `chat`, `embed`, `memory`, `audio`, `code`, `tasks`, `metrics`, `mcp`, `plugin:NAME`.
    pub scopes: Vec<String>,
    /// When it ends, RFC 3339; absent means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Requests it may make in all; absent means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u64>,
    /// Tokens it may use in all, read and written; absent means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Requests a minute; absent means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

/// How a key is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Seconds that the old key stays good beside the new one; default 86,400, at most 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_s: Option<u64>,
}

/// One key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// Its eight characters; the audit log names it `key:<id>`.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// As much of it as may be shown: `hk_live_<id>_…`.
    pub masked: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it works.
    pub state: State,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was revoked, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// The key that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// Requests it may make in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u64>,
    /// Tokens it may use in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Requests it has made.
    pub used_requests: u64,
    /// Tokens it has used.
    pub used_tokens: u64,
    /// When it was used last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// All keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct List {
    /// [`LIST`].
    pub schema: String,
    /// In the order in which they were made.
    pub keys: Vec<Key>,
}

/// A new key; its secret is shown this one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// [`CREATED`].
    pub schema: String,
    /// The whole key.
    pub secret: String,
    /// The rest.
    pub key: Key,
}

/// One key after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// [`KEY`].
    pub schema: String,
    /// The key.
    pub key: Key,
}
