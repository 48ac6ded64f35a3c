//! What people and agents want remembered: items in three layers, with an end, a weight, an origin and a trust.
//!
//! An item is a fact; what is decided about it later are facts too (marks), so packs carry both as a set union.
//! Uses are counted beside them. No model and no clock is in here: every call is told what time it is.

mod collect;
mod forget;
mod near;
mod proposals;
mod read;
mod recall;
mod rules;
pub(crate) mod state;
mod write;

#[cfg(test)]
mod model;

use contracts::hauski::memory::Origin;
pub use forget::{ForgottenItems, ItemSelection};
pub use proposals::{Decision, Proposal};
pub use read::{ItemCounts, ItemFilter, ItemPage, LayerCount};
pub use recall::ItemHit;
use redact::injection::Trust;
pub use rules::{LayerRules, Rules};

/// Longest value of an item in bytes.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
/// Longest key and longest name of a namespace in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 512;
/// The namespace of items that name none.
pub const DEFAULT_NAMESPACE: &str = "default";
/// The importance of items that name none, in thousandths.
pub const DEFAULT_IMPORTANCE: u16 = 500;

/// How long something is meant to stay. Later ones stay longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// What just came up.
    #[default]
    Short,
    /// What is worked on.
    Working,
    /// What is to stay.
    Long,
}

impl Layer {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Short, Self::Working, Self::Long];

    /// As files and reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Working => "working",
            Self::Long => "long",
        }
    }

    /// The layer of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == name)
    }

    /// The layer that things are promoted to from here.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Short => Some(Self::Working),
            Self::Working => Some(Self::Long),
            Self::Long => None,
        }
    }
}

/// What somebody says about the end of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// Nothing: as the item of this key before, else as the layer says.
    #[default]
    Unsaid,
    /// It stays.
    Stays,
    /// It lives this many seconds from now.
    Seconds(u64),
}

/// An item to be remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    /// Items of different namespaces do not know each other.
    pub namespace: String,
    /// The name under which it is found again; a new item of the same key stands before the old one.
    pub key: Option<String>,
    /// The text, or JSON as text. Masked before it is stored.
    pub value: String,
    /// Whether `value` is JSON that is no string.
    pub is_json: bool,
    /// None: as the item of this key before, else [`Layer::Short`].
    pub layer: Option<Layer>,
    /// 1 to 1000. None: as the item of this key before, else [`DEFAULT_IMPORTANCE`].
    pub importance: Option<u16>,
    /// How far the origin is trusted.
    pub trust: Trust,
    /// Where it comes from.
    pub origin: Origin,
    /// When it ends.
    pub ttl: Ttl,
    /// Whether it is kept for good. None: as the item of this key before, else as the rules say of the key.
    pub pinned: Option<bool>,
}

/// What is remembered, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// UUIDv7.
    pub id: String,
    /// The device it was written on.
    pub device_id: String,
    /// When it was written, in milliseconds since 1970.
    pub recorded_at_ms: i64,
    /// Its namespace.
    pub namespace: String,
    /// Its key.
    pub key: Option<String>,
    /// The text, or JSON as text.
    pub value: String,
    /// Whether `value` is JSON that is no string.
    pub is_json: bool,
    /// SHA-256 of the value.
    pub content_sha256: String,
    /// Its layer.
    pub layer: Layer,
    /// 1 to 1000.
    pub importance: u16,
    /// How far it is trusted here: what a pack brought, at most [`Trust::Medium`].
    pub trust: Trust,
    /// Where it comes from; equal texts that came again add theirs.
    pub origins: Vec<Origin>,
    /// Whether it is kept for good.
    pub pinned: bool,
    /// When it ends, in milliseconds since 1970; a pin beats it.
    pub expires_at_ms: Option<i64>,
    /// Signs of prompt injection in it.
    pub signs: Vec<String>,
    /// Whether it is kept apart because of them.
    pub quarantined: bool,
    /// The item that it was merged into.
    pub merged_into: Option<String>,
    /// The item of the same key that it replaced.
    pub supersedes: Option<String>,
    /// Whether a newer item of the same key stands before it.
    pub superseded: bool,
    /// Uses since it came into its layer.
    pub uses: u64,
    /// When it was last written or used.
    pub touched_ms: i64,
}

impl Item {
    /// Whether it has ended by then. A pin beats the end.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        (!self.pinned || self.superseded) && self.expires_at_ms.is_some_and(|end| end <= now_ms)
    }

    /// importance x 2^(-age / half-life), in (0, 1]; the age counts from the last write or use.
    pub fn value_now(&self, rules: &Rules, now_ms: i64) -> f64 {
        let half_life = rules.layer(&self.namespace, self.layer).half_life_ms.max(1) as f64;
        let age = now_ms.saturating_sub(self.touched_ms).max(0) as f64;
        f64::from(self.importance) / 1000.0 * (-age / half_life).exp2()
    }
}

/// What became of a [`NewItem`].
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// The item as it stands now.
    pub item: Item,
    /// Whether it is new; otherwise the same text was there, and its end was set anew.
    pub is_new: bool,
    /// Items in the same namespace that say almost the same, with the similarity in thousandths.
    pub near: Vec<(String, u16)>,
    /// Items that went because the layer is full.
    pub evicted: u64,
    /// Secrets that were masked.
    pub masked: u64,
}
