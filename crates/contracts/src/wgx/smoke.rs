//! `wgx smoke`: the shortest meaningful path.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`SmokeReport`].
pub const SCHEMA: &str = "wgx.smoke/1";

/// What was chosen and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmokeReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Time for everything, in milliseconds.
    pub budget_ms: u64,
    /// The verdict.
    pub result: SmokeResult,
    /// The chosen checks, in order.
    pub steps: Vec<SmokeStep>,
    /// Checks that fit, but not into the budget.
    pub left_out: Vec<String>,
}

/// The verdict of a smoke test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmokeResult {
    /// Everything chosen is green.
    Passed,
    /// A check is red.
    Failed,
    /// Nothing is red, but not everything ended inside the budget.
    Incomplete,
    /// This repository has nothing to check.
    Nothing,
    /// Only the plan was asked for.
    Planned,
}

/// A chosen check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmokeStep {
    /// `smoke`, `format`, `lint`, `types`, `build`, `test`.
    pub stage: String,
    /// Id of the task; null for a plain command.
    pub task: Option<String>,
    /// The plain command; null for a task.
    pub command: Option<String>,
    /// How long it is expected to take, in milliseconds.
    pub estimate_ms: u64,
    /// Whether the estimate was measured here, or is only usual for its stage.
    pub measured: bool,
    /// Ids of the tasks that must run before it and not before an earlier step; those of them that nothing
    /// changed for are left out.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How long those are expected to take together, in milliseconds.
    #[serde(default)]
    pub needs_estimate_ms: u64,
    /// `planned`, `passed`, `failed`, `timeout` (it or a need of it was stopped at the budget), `skipped`.
    pub status: String,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds; null when it did not start.
    pub duration_ms: Option<u64>,
    /// How long its needs took, in milliseconds; null when none ran.
    #[serde(default)]
    pub needs_ms: Option<u64>,
    /// Id of the recorded run.
    pub run_id: Option<String>,
}
