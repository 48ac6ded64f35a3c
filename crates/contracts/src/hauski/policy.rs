//! The policy files: `policies/routing.yaml`, `limits.yaml`, `memory.yaml` and `models.yml`.
//!
//! Unknown keys are errors. Every value that a file leaves out has the default stated here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};

/// Identifier of the schema of `routing.yaml`.
pub const ROUTING: &str = "hauski.routing/1";
/// Identifier of the schema of `limits.yaml`.
pub const LIMITS: &str = "hauski.limits/1";
/// Identifier of the schema of `memory.yaml`.
pub const MEMORY: &str = "hauski.memory/1";
/// Identifier of the schema of `models.yml`.
pub const MODELS: &str = "hauski.models/1";

/// `routing.yaml`: where connections may go, and whether work may leave the house.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// Which destinations may be dialled.
    #[serde(default)]
    pub egress: Egress,
    /// Which provider answers.
    #[serde(default)]
    pub routing: Preferences,
}

/// Which destinations may be dialled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// What happens to a destination that no entry names; only `deny` exists.
    #[serde(default)]
    pub default: DefaultAction,
    /// Destinations that may be dialled.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
}

/// What happens to what no entry names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DefaultAction {
    /// It is refused.
    #[default]
    Deny,
}

/// One destination: its origin alone, or an origin with conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum AllowEntry {
    /// For example `https://api.matrix.example` or `https://*.example.org:8443`; a wildcard stands for one label.
    Origin(String),
    /// An origin with conditions.
    Detailed(DetailedEntry),
}

// By hand, because an untagged enum forgets where in the file a mistake stands and which key it is.
impl<'de> Deserialize<'de> for AllowEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = AllowEntry;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .write_str("an origin such as `https://host`, or `origin:` with conditions")
            }

            fn visit_str<E: de::Error>(self, origin: &str) -> Result<AllowEntry, E> {
                Ok(AllowEntry::Origin(origin.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<AllowEntry, A::Error> {
                DetailedEntry::deserialize(MapAccessDeserializer::new(map))
                    .map(AllowEntry::Detailed)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl AllowEntry {
    /// The origin as it is written.
    pub fn origin(&self) -> &str {
        match self {
            Self::Origin(origin) => origin,
            Self::Detailed(entry) => &entry.origin,
        }
    }
}

/// An origin with conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailedEntry {
    /// Scheme, host and port, without path: `https://host[:port]`; `http` only for loopback.
    pub origin: String,
    /// Whether the host may resolve to an address that is not global (a machine of one's own network).
    #[serde(default)]
    pub private: bool,
    /// What the destination is for; shown by `hauski policy explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Which provider answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Whether a local provider is asked first; default true.
    #[serde(default = "yes")]
    pub prefer_local: bool,
    /// Whether and when a provider outside the house may answer.
    #[serde(default)]
    pub cloud_fallback: CloudFallback,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { prefer_local: true, cloud_fallback: CloudFallback::default() }
    }
}

fn yes() -> bool {
    true
}

/// Whether and when a provider outside the house may answer. Off by default; each use is audited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudFallback {
    /// Default false.
    #[serde(default)]
    pub enabled: bool,
    /// Capabilities for which it may be used, such as `chat`; empty means all.
    #[serde(default)]
    pub only_if: Vec<String>,
    /// OpenAI-compatible upstreams, asked in this order.
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
}

/// An OpenAI-compatible provider outside the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// How it is called in `/v1/models`, logs and the audit.
    pub name: String,
    /// Its base, for example `https://api.example.org/v1`; `egress.allow` must name its origin too.
    pub base_url: String,
    /// Where its key lies, as a reference such as `secret://env/NAME`; never the key itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Models it may be asked for: the name here to the name there.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
}

/// `limits.yaml`: bounds of one request, and budgets that `hauski budget check` holds the daemon to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Budgets of the 95th percentile.
    pub latency: Latency,
    /// Bounds of one request.
    pub request: RequestLimits,
    /// Bounds of the graphics card.
    pub thermal: Thermal,
    /// Bounds of speech recognition.
    pub asr: Asr,
}

/// Budgets of the 95th percentile, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// To the first token of a chat on the reference short prompt; default 400.
    pub llm_p95_ms: u32,
    /// A search for the best twenty; default 60.
    pub index_topk20_ms: u32,
    /// Further budgets by route, such as `GET /health`, or by capability.
    pub routes: BTreeMap<String, u32>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { llm_p95_ms: 400, index_topk20_ms: 60, routes: BTreeMap::new() }
    }
}

/// Bounds of one request. What exceeds them is refused with its limit named, never cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestLimits {
    /// Bytes of a body; default 32 MiB.
    pub max_body_bytes: u64,
    /// Tokens that one request may ask for as output; default 32,768.
    pub max_output_tokens: u32,
    /// Seconds until a request is given up; default 600.
    pub max_seconds: u32,
    /// Requests at work at once; default 512.
    pub max_concurrent: u32,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            max_output_tokens: 32_768,
            max_seconds: 600,
            max_concurrent: 512,
        }
    }
}

/// Bounds of the graphics card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thermal {
    /// Degrees Celsius; default 80.
    pub gpu_max_c: u32,
    /// Watts; default 220.
    pub dgpu_power_w: u32,
}

impl Default for Thermal {
    fn default() -> Self {
        Self { gpu_max_c: 80, dgpu_power_w: 220 }
    }
}

/// Bounds of speech recognition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Asr {
    /// Word error rate in percent; default 10.
    pub wer_max_pct: f64,
}

impl Default for Asr {
    fn default() -> Self {
        Self { wer_max_pct: 10.0 }
    }
}

/// `memory.yaml`: how long what kind of memory is kept. What a layer leaves out has the default of its name:
/// `short` a day, half-life 6 hours, 2,000 items, promoted after 3 uses; `working` 30 days, half-life 7 days,
/// 10,000 items, promoted after 5 uses; `long` for good, half-life 180 days, 100,000 items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Layers by name: `short`, `working`, `long`.
    pub layers: BTreeMap<String, Layer>,
    /// Seconds that an item lives where its layer says nothing; absent means as long as the layer's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl_sec: Option<u64>,
    /// Keys that are kept for good: exact, or `prefix*`.
    pub pin_allowlist: Vec<String>,
    /// What differs in single namespaces, by their names.
    pub namespaces: BTreeMap<String, NamespaceMemory>,
}

/// What differs in one namespace of the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceMemory {
    /// Layers by name; a value that is absent here is that of the layer outside.
    pub layers: BTreeMap<String, Layer>,
}

/// One layer of the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Seconds that an item lives, counted from its last change; absent means `default_ttl_sec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_sec: Option<u64>,
    /// Seconds after which an item that nobody used counts half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_life_sec: Option<u64>,
    /// Most items of one namespace in this layer, pinned ones not counted; beyond it those that count least go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// Uses after which an item moves to the next layer; 0 means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote_after_uses: Option<u32>,
    /// Whether its items are kept for good.
    pub pinned: bool,
}

/// `models.yml`: the models of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// In the order in which `hauski models ls` shows them.
    #[serde(default)]
    pub models: Vec<Model>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// How requests name it.
    pub id: String,
    /// Its file.
    pub path: String,
    /// Gigabytes of graphics memory it needs at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_min_gb: Option<f64>,
    /// Whether it is on trial; default false.
    #[serde(default)]
    pub canary: bool,
}
