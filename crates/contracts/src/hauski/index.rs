//! The index over HTTP and on the command line: what is put, what is asked, what is found and forgotten.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Identifier of the schema of [`SearchReport`].
pub const SEARCH: &str = "hauski.index.search/1";
/// Identifier of the schema of [`Stats`].
pub const STATS: &str = "hauski.index.stats/1";
/// Identifier of the schema of [`Forgot`].
pub const FORGET: &str = "hauski.index.forget/1";
/// Identifier of the schema of [`Verified`].
pub const VERIFY: &str = "hauski.index.verify/1";
/// Identifier of the schema of [`Status`].
pub const STATUS: &str = "hauski.index.status/1";
/// Identifier of the schema of [`Sources`].
pub const SOURCES: &str = "hauski.index.sources/1";
/// Identifier of the schema of [`Answer`].
pub const ASK: &str = "hauski.ask/1";

/// The collection of documents that name none.
pub const DEFAULT_NAMESPACE: &str = "default";
/// The flag of passages that a search hides unless it says otherwise.
pub const POSSIBLE_PROMPT_INJECTION: &str = "possible_prompt_injection";

/// How far a source is trusted.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Anybody may have written it.
    Low,
    /// Usual.
    #[default]
    Medium,
    /// The person's own.
    High,
}

/// Where a document comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRef {
    /// Kind or place of the source, such as `chronik`, `repo:wgx` or `user`.
    pub origin: String,
    /// Which thing of the source, such as an event's id or a path.
    pub id: String,
    /// Where in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// How far it is trusted.
    #[serde(default)]
    pub trust_level: TrustLevel,
    /// Who put it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected_by: Option<String>,
}

/// Body of `POST /index/upsert`: one document. The route also takes one such object a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upsert {
    /// Names the document in its namespace; putting it again replaces it. 1 to 512 bytes.
    pub doc_id: String,
    /// Its namespace, also called collection.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Its passages, at most 10,000.
    #[serde(default)]
    pub chunks: Vec<UpsertChunk>,
    /// The whole text instead of passages; it is split here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Anything; a search gives it back.
    #[serde(default)]
    pub meta: Value,
    /// Where it comes from. Without it a document is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its path in its source, for display and for splitting by syntax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Language of text (`en`, `de`) or code (`rust`) where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When its source was made or changed, RFC 3339; the time of the put without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// From when on it is never shown again, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// `key=value` pairs to search by, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Put it although it was forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revive: bool,
}

/// The name of the default namespace, for serde.
pub fn default_namespace() -> String {
    DEFAULT_NAMESPACE.to_owned()
}

/// One passage of an [`Upsert`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpsertChunk {
    /// Names the passage in its document; its place without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_id: Option<String>,
    /// What it says; a passage without is counted and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A vector of the caller. The index computes its own, so this one is taken only where its length fits the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedding: Vec<f32>,
    /// Anything; a search gives it back.
    #[serde(default)]
    pub meta: Value,
}

/// Answer of `POST /index/upsert`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upserted {
    /// `queued`: it is on the disk, and searchable within milliseconds.
    pub status: String,
    /// Passages that were taken.
    pub ingested: u64,
    /// Documents that were taken.
    pub documents: u64,
    /// Documents that were there already, exactly so.
    pub unchanged: u64,
    /// Passages without text, and vectors of another length than the model's.
    pub ignored: u64,
    /// Passages that are hidden because they may try to give orders to a model.
    pub quarantined: u64,
    /// Documents that were not taken, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// The number of this write; a search sees it once the index has come this far.
    pub seq: u64,
}

/// A document that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// Which one.
    pub doc_id: String,
    /// Line of the body from 1, where it came as lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// `forgotten`, `missing_source_ref` or `invalid_value`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Which legs a search uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// Words and meaning, where a model is there.
    #[default]
    Hybrid,
    /// Words alone.
    Lexical,
    /// Meaning alone.
    Dense,
}

/// Body of `POST /index/search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchRequest {
    /// What is looked for, 1 to 4,000 bytes.
    pub query: String,
    /// Passages wanted, 1 to 100; larger numbers are taken as 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// Only this namespace; a name that ends with `*` takes all that begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only these namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Hide passages with one of these flags. Without: `possible_prompt_injection`. Empty: show all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_flags: Option<Vec<String>>,
    /// Only sources that are trusted this far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_trust_level: Option<TrustLevel>,
    /// Nothing of these origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_origins: Option<Vec<String>>,
    /// Weights of namespaces and origins under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_profile: Option<String>,
    /// Say which weights made the score.
    #[serde(default)]
    pub include_weights: bool,
    /// Keep what was shown, so that its use can be told later.
    #[serde(default)]
    pub emit_decision_snapshot: bool,
    /// Which legs.
    #[serde(default)]
    pub mode: SearchMode,
    /// All of these `key=value` tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Not older than this, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Older than this, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Say of each passage how its score came about.
    #[serde(default)]
    pub explain: bool,
}

/// Answer of `POST /index/search` and `POST /index/related`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReport {
    /// [`SEARCH`].
    pub schema: String,
    /// The passages, best first.
    pub matches: Vec<Match>,
    /// Milliseconds that it took.
    pub latency_ms: f64,
    /// Milliseconds that it may take (`limits.yaml`, `latency.index_topk20_ms`).
    pub budget_ms: u64,
    /// `hybrid`, `lexical` or `dense`: what was really used.
    pub mode: String,
    /// What one should know: no model, passages that are still to be read in …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Passages that fit and were hidden because of their flags, counted up to 100.
    #[serde(default)]
    pub hidden: u64,
    /// Under which id the use of this answer can be told, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
}

/// One passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// Its document.
    pub doc_id: String,
    /// The document's namespace.
    pub namespace: String,
    /// The passage.
    pub chunk_id: String,
    /// What it is worth here, higher is better.
    pub score: f64,
    /// What it says.
    pub text: String,
    /// What the passage was put with; the document's where it has none.
    pub meta: Value,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
    /// When it was put, RFC 3339.
    pub ingested_at: String,
    /// What is suspicious about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// Which weights made its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// What people call its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Path, scope and signature, where it is a piece of a file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub header: String,
    /// Where it stands.
    pub citation: Citation,
    /// How its score came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explanation>,
}

/// What a score was multiplied of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weights {
    /// Both legs fused.
    pub similarity: f64,
    /// For the trust of the source.
    pub trust: f64,
    /// For its age.
    pub recency: f64,
    /// For its namespace or origin.
    pub context: f64,
}

/// How a score came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Points of the words (BM25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical: Option<f64>,
    /// Cosine with the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<f64>,
    /// Which words of the question it holds, as the index knows them, and their points.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, f64>,
    /// Both legs fused.
    pub fused: f64,
    /// Factor for the trust of the source.
    pub trust: f64,
    /// Factor for its age.
    pub recency: f64,
    /// Factor for its namespace or origin.
    pub context: f64,
    /// For people, on one line.
    pub formula: String,
}

/// Where a passage stands, and whether it still does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// Path in its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The file on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// First byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Byte after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// First line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_line: Option<u64>,
    /// Last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<u64>,
    /// SHA-256 of its bytes, hexadecimal.
    pub hash: String,
    /// Whether those bytes still stand there.
    pub state: CitationState,
}

/// Whether a citation still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CitationState {
    /// The file says the same in the same place.
    Matches,
    /// The file says something else there now.
    Changed,
    /// The file is gone or cannot be read.
    Missing,
    /// There is no file: the index itself is where it stands.
    #[default]
    Stored,
}

/// Body of `POST /index/related`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelatedRequest {
    /// The document to begin with.
    pub doc_id: String,
    /// Passages wanted, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Answer of `GET /index/stats`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// [`STATS`].
    pub schema: String,
    /// Documents.
    pub total_documents: u64,
    /// Passages.
    pub total_chunks: u64,
    /// Documents by namespace.
    pub namespaces: BTreeMap<String, u64>,
    /// Milliseconds that a search may take.
    pub budget_ms: u64,
    /// SHA-256 of the weights in force.
    pub policy_hash: String,
    /// `built-in`, or the files they come from.
    pub policy_source: String,
    /// The last write.
    pub seq: u64,
    /// How far the text index has come.
    pub text_seq: u64,
    /// How far the vectors have come; absent without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_seq: Option<u64>,
    /// The model of the vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Passages that have a vector of that model.
    pub embedded_chunks: u64,
    /// Passages in quarantine.
    pub quarantined_chunks: u64,
    /// Documents that were forgotten and are kept out.
    pub forgotten: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Bytes of what is derived from it.
    pub derived_bytes: u64,
}

/// What to forget: all that fits every field that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetFilter {
    /// Of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whose source is older than this, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
    /// Of this origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref_origin: Option<String>,
    /// Of this thing of a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref_id: Option<String>,
    /// This document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_id: Option<String>,
    /// Documents of which a passage holds this text, as it stands, whatever its case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// A namespace alone is a filter only with this.
    #[serde(default)]
    pub allow_namespace_wipe: bool,
}

/// Body of `POST /index/forget`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetRequest {
    /// What.
    #[serde(default)]
    pub filter: ForgetFilter,
    /// Why, for the audit log; at most 200 bytes.
    #[serde(default)]
    pub reason: String,
    /// Without it nothing is forgotten.
    #[serde(default)]
    pub confirm: bool,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer of `POST /index/forget`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forgot {
    /// [`FORGET`].
    pub schema: String,
    /// Documents that were forgotten, or would be.
    pub forgotten_count: u64,
    /// Whether this only counts.
    pub dry_run: bool,
    /// Which ones, at most 1,000.
    pub forgotten_docs: Vec<ForgottenDoc>,
    /// Documents that are not listed.
    pub not_listed: u64,
    /// Their passages.
    pub chunks: u64,
    /// Vectors that went with them.
    pub vectors: u64,
    /// Whether nothing is left of them in any file of the index.
    pub erased: bool,
    /// Where the audit log has it: the number of its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<u64>,
    /// Hash of that line, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_hash: Option<String>,
}

/// A document that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgottenDoc {
    /// Its name.
    pub doc_id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its passages.
    pub chunks: u64,
}

/// How long a namespace keeps what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retention {
    /// Seconds after which an older passage counts half; null: age does not count.
    pub half_life_seconds: Option<u64>,
    /// Documents beyond this number go, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// Documents older than this many seconds go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u64>,
    /// `oldest`: what goes first.
    pub purge_strategy: String,
}

/// Answer of `GET /index/retention`, and body of `POST /index/retention` with one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retentions {
    /// By namespace.
    pub configs: BTreeMap<String, Retention>,
}

/// Body of `POST /index/retention`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetRetention {
    /// Which namespace; it is made where there is none.
    pub namespace: String,
    /// Seconds after which an older passage counts half, 1 to 3,153,600,000; null takes the default.
    #[serde(default)]
    pub half_life_seconds: Option<u64>,
    /// At least 1; null keeps all.
    #[serde(default)]
    pub max_items: Option<u64>,
    /// At least 1; null keeps all.
    #[serde(default)]
    pub max_age_seconds: Option<u64>,
}

/// Body of `POST /index/decay/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecayRequest {
    /// Which namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
}

/// Answer of `POST /index/decay/preview`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decay {
    /// Which namespace.
    pub namespace: String,
    /// Its documents.
    pub total_documents: u64,
    /// The oldest of them, at most 1,000.
    pub previews: Vec<DecayPreview>,
    /// Documents that are not shown.
    pub not_shown: u64,
}

/// What age does to a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecayPreview {
    /// Its name.
    pub doc_id: String,
    /// Its namespace.
    pub namespace: String,
    /// When its source was made or changed, RFC 3339.
    pub at: String,
    /// Seconds since then.
    pub age_seconds: u64,
    /// What its scores are multiplied with.
    pub decay_factor: f64,
    /// `expires`, `too_old` or `too_many` where the next run of retention takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes: Option<String>,
}

/// What a search showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Its id.
    pub decision_id: String,
    /// When, RFC 3339.
    pub timestamp: String,
    /// What was looked for.
    pub query: String,
    /// Only where, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The passages, best first, at most 50, without their text.
    pub candidates: Vec<Candidate>,
    /// SHA-256 of the weights that were in force.
    pub policy_hash: String,
    /// Other fields that a client may have put.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A passage that was shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its document.
    pub doc_id: String,
    /// The document's namespace.
    pub namespace: String,
    /// The passage.
    pub chunk_id: String,
    /// Its score.
    pub score: f64,
    /// What the score was made of.
    #[serde(default)]
    pub weights: Weights,
}

/// Whether what was shown was of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// It was right.
    Success,
    /// It was wrong.
    Failure,
    /// Neither.
    Neutral,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignalSource {
    /// A person.
    User,
    /// The house.
    System,
    /// A policy.
    Policy,
}

/// Feedback on a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Feedback {
    /// Which decision.
    pub decision_id: String,
    /// Was it of use?
    pub outcome: OutcomeKind,
    /// Who says so.
    pub signal_source: SignalSource,
    /// When, RFC 3339; now without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// At most 2,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// Decisions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    /// At most 100.
    pub snapshots: Vec<Decision>,
    /// How many there are.
    pub total: u64,
}

/// Feedback, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// At most 1,000.
    pub outcomes: Vec<Feedback>,
    /// How many there are.
    pub total: u64,
}

/// What `hauski index verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// [`VERIFY`].
    pub schema: String,
    /// Whether all is well.
    pub ok: bool,
    /// Damage, each as a sentence.
    pub problems: Vec<String>,
    /// Passages that were compared.
    pub chunks: u64,
    /// Passages in the text index.
    pub text_chunks: u64,
    /// Passages with a vector, absent without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_chunks: Option<u64>,
}

/// One source of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name, such as `repo:wgx`.
    pub name: String,
    /// `repo`, `folder`, `vault`, `runs`, `logs`, `memory` or `conversations`.
    pub kind: String,
    /// The collection of its documents.
    pub collection: String,
    /// Its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// When it was added, RFC 3339.
    pub added_at: String,
    /// When it was looked at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_at: Option<String>,
    /// What came of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Looked>,
    /// Its documents.
    pub documents: u64,
    /// How far the look is that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looking: Option<Looking>,
}

/// What a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A working copy: generated, vendored and pinned files are left out.
    Repo,
    /// Any folder.
    Folder,
    /// Notes with front matter, tags and links between them.
    Vault,
    /// Conversations, one a file: JSON lines of `role`, `content` and `at`.
    Conversations,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Repo, Self::Folder, Self::Vault, Self::Conversations];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repo => "repo",
            Self::Folder => "folder",
            Self::Vault => "vault",
            Self::Conversations => "conversations",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a look at a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Looking {
    /// Files that were read.
    pub done: u64,
    /// Files that are new or may have changed; 0 while they are being listed.
    pub total: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// What a look at a source found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Looked {
    /// Files that may hold text.
    pub files: u64,
    /// Of them: taken for unchanged without being read.
    pub unchanged: u64,
    /// Read again, and the same.
    pub touched: u64,
    /// New or changed.
    pub put: u64,
    /// Of them: under another path before; their passages keep their vectors.
    pub moved: u64,
    /// Gone.
    pub removed: u64,
    /// Passages of what is new or changed.
    pub chunks: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Secrets that were masked.
    pub masked: u64,
    /// Files of which only the beginning is in the index.
    pub cut_files: u64,
    /// Bytes of them that are not.
    pub left_out_bytes: u64,
    /// What gave no document, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Documents that were forgotten and stay so.
    pub refused: u64,
    /// Passages that are hidden because they may try to give orders to a model.
    pub hidden: u64,
    /// What the scan has to say.
    pub notes: Vec<String>,
    /// Whether it was ended early; the next one goes on.
    pub cancelled: bool,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Why it failed; what is in the index stays then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Body of `POST /index/sources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddSource {
    /// The folder, as an absolute path of this machine.
    pub path: String,
    /// What it is; found out where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SourceKind>,
    /// What people call it; the name of the folder where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Body of `POST /index/sources/sync` and `POST /index/sources/remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameSource {
    /// Its name, or the end of it, or its folder. Without one, `sync` means all sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Answer of `GET /index/sources`, and report of `hauski index sources|add|sync|remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// [`SOURCES`].
    pub schema: String,
    /// By name.
    pub sources: Vec<Source>,
}

/// Answer of `GET /index/status` and report of `hauski index status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// [`STATUS`].
    pub schema: String,
    /// Counts.
    pub stats: Stats,
    /// What is ingested.
    pub sources: Vec<Source>,
}

/// Body of `POST /ask`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// The question, 1 to 4,000 bytes. `query` and `question` are other names of it.
    #[serde(alias = "query", alias = "question")]
    pub q: String,
    /// Passages to answer from, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// Only this namespace.
    #[serde(default, alias = "namespace", skip_serializing_if = "Option::is_none")]
    pub ns: Option<String>,
    /// Let a chat model of this name answer; without, only passages are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Send the answer as server-sent events while it is written.
    #[serde(default)]
    pub stream: bool,
}

/// Answer of `/ask`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// [`ASK`].
    pub schema: String,
    /// The question.
    pub query: String,
    /// How many passages were wanted.
    pub k: u32,
    /// Where they were looked for; `*` for everywhere.
    pub namespace: String,
    /// The passages, best first; a citation `[2]` means the second.
    pub hits: Vec<Hit>,
    /// What the model says, with citations such as `[2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Sentences of the answer that cite no passage, or one that is not there: they were taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_claims: Option<u64>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was really used: `hybrid` or `lexical`.
    pub mode: String,
    /// What one should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A passage of an [`Answer`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// Its document.
    pub doc_id: String,
    /// The document's namespace.
    pub namespace: String,
    /// What it is worth here.
    pub score: f64,
    /// Its text, at most 600 characters; `…` marks a cut.
    pub snippet: String,
    /// What it was put with.
    pub meta: Value,
    /// Where it stands.
    pub citation: Citation,
    /// What people call its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Path, scope and signature.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub header: String,
}
