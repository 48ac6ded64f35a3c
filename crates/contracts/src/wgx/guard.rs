//! `wgx guard`: checks, what they found, and what was mended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`GuardReport`].
pub const SCHEMA: &str = "wgx.guard/1";

/// What the checks of a repository found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Absolute path of the repository root.
    pub root: String,
    /// Whether only changed files were looked at.
    pub changed_only: bool,
    /// Every check with its outcome: the built-in ones in their fixed order, then the repository's
    /// own.
    pub checks: Vec<GuardCheck>,
    /// Findings; those of rules that are often broken here come first.
    pub findings: Vec<GuardFinding>,
    /// Totals.
    pub counts: GuardCounts,
    /// Files that were not looked at, by reason.
    pub skipped: Vec<SkippedFiles>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardCheck {
    /// Id of the rule; `task:ID` and `hook:TOOL:NAME` for the repository's own.
    pub rule: String,
    /// What it looks for, or what the repository calls it.
    pub title: String,
    /// How it ended.
    pub status: GuardStatus,
    /// Why it ended so, as a lower-case fragment.
    pub reason: String,
    /// For the repository's own checks: the command as a person would type it.
    pub command: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuardStatus {
    /// Nothing found.
    Passed,
    /// Something found that is still there.
    Failed,
    /// Something found, and all of it mended.
    Fixed,
    /// Left out on request, or nothing here to look at.
    Skipped,
    /// Shown only.
    NotRun,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardFinding {
    /// Id of the rule.
    pub rule: String,
    /// File relative to the root, with `/`.
    pub file: String,
    /// Line from 1, where one can be named.
    pub line: Option<u32>,
    /// Column from 1 in characters, where one can be named.
    pub column: Option<u32>,
    /// What is wrong, as a lower-case fragment. Never holds a secret.
    pub message: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub fix: GuardFix,
    /// Whether this run mended it.
    pub fixed: bool,
}

/// The way out of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardFix {
    /// Whether `--fix` does it.
    pub kind: FixKind,
    /// What `--fix` does, or what a person must do.
    pub description: String,
}

/// Who can mend a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FixKind {
    /// `--fix`, without any risk to meaning.
    Safe,
    /// A person.
    Manual,
}

/// Totals of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardCounts {
    /// Files whose content was looked at.
    pub files: u64,
    /// All findings.
    pub findings: u64,
    /// Findings that this run mended.
    pub fixed: u64,
    /// Findings that remain.
    pub open: u64,
    /// Findings that remain and that `--fix` would mend.
    pub fixable: u64,
    /// Files that were not looked at.
    pub skipped: u64,
}

/// Files that were not looked at for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedFiles {
    /// The reason, as a lower-case fragment.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first ten, relative to the root.
    pub files: Vec<String>,
}
