//! The JSON sidecar of a merge: the agent contract, version 2.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Coverage, MetaDensity, Profile};

/// Identifier of [`AgentSidecar`].
pub const SCHEMA: &str = "repolens-agent.v2";

/// Name of the contract.
pub const CONTRACT: &str = "repolens-agent";

/// Version of the contract.
pub const VERSION: &str = "v2";

/// The machine-readable twin of a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSidecar {
    /// What counts when the two differ.
    pub reading_policy: ReadingPolicy,
    /// How the merge was made.
    pub meta: AgentMeta,
    /// The files of the merge.
    pub artifacts: Artifacts,
    /// How much of the text stands in the merge.
    pub coverage: Coverage,
    /// What was merged, in words.
    pub scope: String,
    /// Every file of the manifest, in its order.
    pub files: Vec<AgentFile>,
}

/// What counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadingPolicy {
    /// The Markdown.
    pub canonical_source: CanonicalSource,
}

/// The one source that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CanonicalSource {
    /// The Markdown.
    Md,
}

/// How the merge was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentMeta {
    /// Always [`CONTRACT`].
    #[schemars(extend("const" = "repolens-agent"))]
    pub contract: String,
    /// Always [`VERSION`].
    #[schemars(extend("const" = "v2"))]
    pub contract_version: String,
    /// Version of the specification of the Markdown.
    #[schemars(extend("const" = "2.4"))]
    pub spec_version: String,
    /// As in the Markdown.
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
    pub merge_id: String,
    /// When, in UTC and whole seconds.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"))]
    pub generated_at: String,
    /// The profile.
    pub profile: Profile,
    /// `none` for a merge without interpretation, else the render mode.
    pub mode: AgentMode,
    /// How much the Markdown says about every file.
    pub meta_density: MetaDensity,
    /// Whether only the plan was made.
    pub plan_only: bool,
    /// Whether documents and other files were left out.
    pub code_only: bool,
    /// Limit of a single file in bytes; 0 means none.
    pub max_file_bytes: u64,
    /// Files of the manifest.
    pub total_files: u64,
    /// Their bytes on disk.
    pub total_size_bytes: u64,
    /// Tokens of the contents (`o200k_base`); null when they were not counted.
    pub total_tokens: Option<u64>,
    /// The repositories, in the order of the merge.
    pub source_repos: Vec<String>,
    /// The filters.
    pub filters: Filters,
    /// Salt of the file ids; 0 means none was needed.
    pub salt: u32,
}

/// What a sidecar calls the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentMode {
    /// Everything.
    Full,
    /// Code alone.
    CodeOnly,
    /// No contents.
    PlanOnly,
    /// Without interpretation.
    None,
}

/// What had to be true of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// Text that every path holds.
    pub path_filter: Option<String>,
    /// Extensions with their dot.
    pub ext_filter: Option<Vec<String>>,
}

/// Names of the files of a merge, without folders: they lie side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// This sidecar.
    pub index_json: String,
    /// The Markdown, or its first part.
    pub canonical_md: String,
    /// All parts in their order; one for a merge in a single file.
    #[schemars(length(min = 1))]
    pub md_parts: Vec<String>,
}

/// One file of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentFile {
    /// Unique in the merge.
    #[schemars(regex(pattern = "^FILE:f_[0-9a-f]{12}$"))]
    pub id: String,
    /// The repository.
    pub repo: String,
    /// Relative to its root, with `/`.
    pub path: String,
    /// `percent` when the name is not UTF-8: then `%XX` stands for every foreign byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_encoding: Option<String>,
    /// One of the six.
    #[schemars(regex(pattern = "^(source|doc|config|test|contract|other)$"))]
    pub category: String,
    /// Of the eight.
    pub tags: Vec<FileTag>,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Whether its content (or a part of it) stands in the merge.
    pub included: bool,
    /// How much of it.
    pub inclusion_status: InclusionStatus,
    /// Why there is no content; null when there is.
    pub reason: Option<String>,
    /// Of the file on disk, 32 hex digits; null where there are no bytes to hash.
    pub md5: Option<String>,
    /// Of the file on disk, 64 hex digits; null where there are no bytes to hash.
    pub sha256: Option<String>,
    /// What stands in the merge; null without content.
    pub emitted: Option<Emitted>,
    /// Where it stands; null without content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_ref: Option<ContentRef>,
    /// Where to link to; null without content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md_ref: Option<MdRef>,
}

/// One of the eight tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("enum" = ["ai-context", "runbook", "lockfile", "script", "ci", "adr", "feed", "wgx-profile"]))]
pub struct FileTag(pub String);

/// How much of a file stands in the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InclusionStatus {
    /// All of it.
    Full,
    /// Its beginning.
    Truncated,
    /// Nothing but facts.
    MetaOnly,
}

/// What stands in the merge of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Emitted {
    /// Of the content as it stands there, in UTF-8 and masked, without a line feed that was added, 64 hex digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256_emitted: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// Its tokens (`o200k_base`); null when they were not counted.
    pub tokens: Option<u64>,
    /// Bytes of the file that stand in the merge, when it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_bytes: Option<u64>,
    /// Masked secrets: rule → count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u64>,
    /// Encoding of the file on disk, when it is not UTF-8: `latin-1`, `utf-16le`, `utf-16be`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The part, from 1.
    pub part: u64,
    /// The whole file block in that part, in bytes.
    pub block: ByteRange,
    /// The content in that part, one range a piece, without an added line feed.
    #[schemars(length(min = 1))]
    pub content: Vec<ByteRange>,
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByteRange {
    /// From the start of the part.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// Where a content stands: a text that occurs exactly once in the merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentRef {
    /// `file:id="FILE:f_…"`, with its quotation marks.
    #[schemars(regex(pattern = "^file:id=\"FILE:f_[0-9a-f]{12}\"$"))]
    pub marker: String,
    /// The same for parsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// A comment with an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Always `html_comment_attr`.
    #[schemars(extend("const" = "html_comment_attr"))]
    pub kind: String,
    /// Always `file`.
    #[schemars(extend("const" = "file"))]
    pub tag: String,
    /// Always `id`.
    #[schemars(extend("const" = "id"))]
    pub attr: String,
    /// The id of the file.
    pub value: String,
}

/// Where to link to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MdRef {
    /// The `id` of an `<a>` in the part.
    pub anchor: String,
    /// The same with `#`.
    #[schemars(regex(pattern = "^#"))]
    pub fragment: String,
}
