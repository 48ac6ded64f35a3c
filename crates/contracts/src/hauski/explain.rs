//! Reports of `hauski policy explain` (whether something is allowed, and why) and `hauski policy check`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of the report.
pub const SCHEMA: &str = "hauski.policy.explain/1";

/// Identifier of the schema of the report of `hauski policy check`.
pub const CHECK: &str = "hauski.policy.check/1";

/// What is wrong in a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// [`CHECK`].
    pub schema: String,
    /// The file as it was named.
    pub file: String,
    /// Which policy file it was read as: `routing.yaml`, `limits.yaml`, `memory.yaml` or `models.yml`.
    pub read_as: String,
    /// What is wrong; empty for a sound file.
    pub problems: Vec<Problem>,
}

/// One fault of a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// From 1; absent where the file as a whole is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// In characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether an address or an action is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explain {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was asked; an address without its user, path and query.
    pub subject: String,
    /// What kind of question it was.
    pub kind: Kind,
    /// The answer.
    pub verdict: Verdict,
    /// Stable code: `listed`, `host_not_listed`, `cloud_off` …; docs/egress.md lists them.
    pub reason: String,
    /// The reason in one sentence fragment.
    pub message: String,
    /// What to do about a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Scheme, host and port as they were understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The rule that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The checks in their order, up to the first that failed.
    pub steps: Vec<Step>,
    /// SHA-256 in hex of the file that decides; absent where its defaults hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_sha256: Option<String>,
}

/// What kind of question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whether an address may be dialled.
    Url,
    /// Whether something may be done.
    Action,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be done.
    Allowed,
    /// It may not.
    Denied,
}

/// A rule of a policy file or of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// The file.
    pub file: String,
    /// Line from 1; absent where the rule is a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its key, for example `egress.allow[2]`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What it is for, as the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What was checked.
    pub check: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not; nothing after it was looked at.
    Failed,
    /// It is made for each address at the moment of dialling.
    AtDial,
}
