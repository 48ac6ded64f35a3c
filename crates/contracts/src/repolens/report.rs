//! The `@meta` block of a merge: how it was made, for readers that see nothing but the merge.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ReportMeta`].
pub const SCHEMA: &str = "repolens-report";

/// Version of the specification and of the contract.
pub const VERSION: &str = "2.4";

/// The whole block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportMeta {
    /// The merge.
    pub merge: MergeMeta,
}

/// How a merge was made and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeMeta {
    /// Always [`VERSION`].
    #[schemars(extend("const" = "2.4"))]
    pub spec_version: String,
    /// The profile.
    pub profile: Profile,
    /// Always [`SCHEMA`].
    #[schemars(extend("const" = "repolens-report"))]
    pub contract: String,
    /// Always [`VERSION`].
    #[schemars(extend("const" = "2.4"))]
    pub contract_version: String,
    /// SHA-256 of the specification, 64 hex digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub spec_checksum: String,
    /// Ties the parts and the sidecar of one merge together, 16 hex digits.
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
    pub merge_id: String,
    /// Whether only the plan was made.
    pub plan_only: bool,
    /// Whether documents and other files were left out.
    pub code_only: bool,
    /// What sections the merge has.
    pub render_mode: RenderMode,
    /// Only in a merge without interpretation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<NoneMode>,
    /// Only in a merge without interpretation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<NoneWarning>,
    /// Limit of a single file in bytes; 0 means none.
    pub max_file_bytes: u64,
    /// Whether larger files stand in pieces instead of being cut.
    pub split_files: bool,
    /// Limit of a part in bytes; 0 means none.
    pub split_size: u64,
    /// What was merged, in words.
    pub scope: String,
    /// The repositories, in the order of the merge.
    pub source_repos: Vec<String>,
    /// Text that every path holds; null for no filter.
    pub path_filter: Option<String>,
    /// Extensions with their dot; null for no filter.
    pub ext_filter: Option<Vec<Extension>>,
    /// How much is said about every file.
    pub meta_density: MetaDensity,
    /// When, in UTC and whole seconds.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"))]
    pub generated_at: String,
    /// Files in the manifest (in a plan: that would stand there).
    pub total_files: u64,
    /// Their bytes on disk.
    pub total_size_bytes: u64,
    /// Whether there are file blocks.
    pub content_present: bool,
    /// Whether there is a manifest.
    pub manifest_present: bool,
    /// Whether there is a structure.
    pub structure_present: bool,
    /// How much of the text stands in the merge.
    pub coverage: Coverage,
    /// Tokens of the contents.
    pub tokens: Tokens,
    /// Secrets masked in contents: rule → count.
    pub redacted: BTreeMap<String, u64>,
    /// Secrets masked outside of contents: in names, targets of links, purposes and extras. Left out when
    /// there are none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub redacted_elsewhere: u64,
    /// Files in the manifest without content: reason → count.
    pub meta_only: BTreeMap<String, u64>,
    /// What is not even in the manifest: reason → count.
    pub left_out: BTreeMap<String, u64>,
    /// The extras that were asked for.
    pub extras: Extras,
    /// Number of part files.
    pub parts: u64,
    /// Salt of the file ids; 0 means none was needed.
    pub salt: u32,
}

/// An extension with its dot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = r"^\.[A-Za-z0-9._+-]+$"))]
pub struct Extension(pub String);

/// How much of each file stands in a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// README, runbooks and what is written for an AI.
    Overview,
    /// Documents, configuration, contracts, pipelines.
    Summary,
    /// Code, tests, configuration, contracts, pipelines.
    Dev,
    /// As dev, with the least overhead.
    MachineLean,
    /// All text.
    Max,
}

/// What sections a merge has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RenderMode {
    /// All.
    Full,
    /// All, of code alone.
    CodeOnly,
    /// No structure, manifest and content.
    PlanOnly,
}

/// The mode without interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoneMode {
    /// Nothing is interpreted.
    None,
}

/// What goes with [`NoneMode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoneWarning {
    /// Hotspots, heatmap, health and augment are off.
    InterpretationDisabled,
}

/// How much is said about every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetaDensity {
    /// Paths only.
    Min,
    /// No hashes.
    Standard,
    /// Everything.
    Full,
}

/// How much of the text stands in the merge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Files with their full content.
    pub included_files: u64,
    /// Text files in the manifest.
    pub text_files: u64,
    /// Percent with one decimal; 100 where there is no text at all.
    #[schemars(range(min = 0, max = 100))]
    pub coverage_pct: f64,
}

/// Tokens of the contents as they stand in the merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The vocabulary.
    pub encoding: String,
    /// Sum over all files; null when they were not counted.
    pub contents: Option<u64>,
}

/// The extras of the specification. Only those that are on are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Extras {
    /// What each repository has and lacks.
    #[serde(skip_serializing_if = "is_off")]
    pub health: bool,
    /// Roles, entry points, contracts and workflows of one repository.
    #[serde(skip_serializing_if = "is_off")]
    pub organism_index: bool,
    /// The same of several repositories, side by side.
    #[serde(skip_serializing_if = "is_off")]
    pub fleet_panorama: bool,
    /// What a repository's own augment file says.
    #[serde(skip_serializing_if = "is_off")]
    pub augment_sidecar: bool,
    /// What changed since an earlier merge or revision.
    #[serde(skip_serializing_if = "is_off")]
    pub delta_reports: bool,
    /// A sidecar for machines.
    #[serde(skip_serializing_if = "is_off")]
    pub json_sidecar: bool,
    /// Where the mass lies.
    #[serde(skip_serializing_if = "is_off")]
    pub heatmap: bool,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn is_off(flag: &bool) -> bool {
    !flag
}
