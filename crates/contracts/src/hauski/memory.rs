//! Memory items as they cross borders: where they come from, and the bodies of `/memory/*`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Identifier of [`ItemsReport`].
pub const ITEMS_SCHEMA: &str = "hauski.memory.items/1";
/// Identifier of [`ForgetReport`].
pub const FORGET_SCHEMA: &str = "hauski.memory.forget/1";

/// Where an item comes from. Every item has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Somebody said so: a person, or a program by the name of its key.
    Person {
        /// Who.
        name: String,
    },
    /// A run of a task.
    Run {
        /// Its id.
        id: String,
    },
    /// A passage of a file.
    Source {
        /// Its path, as it was named.
        path: String,
        /// The first line of the passage, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
        /// The passage in bytes: from, and the first one after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<(u64, u64)>,
        /// SHA-256 of the passage.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemReport {
    /// Its id.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its key.
    pub key: Option<String>,
    /// The value as it was set, secrets masked.
    pub value: Value,
    /// `short`, `working` or `long`.
    pub layer: String,
    /// When it was written, RFC 3339.
    pub recorded_at: String,
    /// When it ends, RFC 3339; none: it stays. A pin beats it.
    pub expires_at: Option<String>,
    /// Whether it is kept for good.
    pub pinned: bool,
    /// From 0 to 1.
    pub importance: f64,
    /// `low`, `medium` or `high`.
    pub trust: String,
    /// Where it comes from.
    pub origins: Vec<Origin>,
    /// Uses since it came into its layer.
    pub uses: u64,
    /// Whether it is kept apart because it may be a prompt injection.
    pub quarantined: bool,
    /// The signs of that.
    pub signs: Vec<String>,
    /// The item of the same key that it replaced.
    pub supersedes: Option<String>,
    /// Whether a newer item of the same key stands before it.
    pub superseded: bool,
    /// The item that it was merged into.
    pub merged_into: Option<String>,
    /// SHA-256 of the value.
    pub sha256: String,
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemsReport {
    /// Always [`ITEMS_SCHEMA`].
    pub schema: String,
    /// Items, newest first.
    pub items: Vec<ItemReport>,
    /// What to give as `after` for the next page; none on the last.
    pub next: Option<String>,
    /// How many items match, on all pages.
    pub total: u64,
}

/// What would be or was forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetReport {
    /// Always [`FORGET_SCHEMA`].
    pub schema: String,
    /// Whether this is only what would go.
    pub dry_run: bool,
    /// Items.
    pub forgotten_count: u64,
    /// Their ids.
    pub ids: Vec<String>,
    /// SHA-256 over the sorted ids, one a line: the receipt in the audit log carries the same.
    pub receipt_sha256: Option<String>,
    /// The line of the audit log that carries the receipt.
    pub audit_seq: Option<u64>,
    /// Whether the database was written anew, so that no free page holds what went.
    pub compacted: bool,
}
