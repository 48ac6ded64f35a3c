//! What `hauski budget check` and `GET /admin/budgets` report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of [`Report`].
pub const SCHEMA: &str = "hauski.budget/1";

/// Budgets of `limits.yaml` against what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Where the figures come from: the metrics of the daemon, or a summary of a load test.
    pub source: String,
    /// Whether no budget is exceeded.
    pub kept: bool,
    /// Every budget.
    pub budgets: Vec<Budget>,
}

/// One budget of the 95th percentile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// Where `limits.yaml` states it, such as `latency.llm_p95_ms` or `latency.routes."GET /health"`.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// What it allows, in milliseconds.
    pub limit_ms: f64,
    /// What was measured, in milliseconds; absent when nothing was.
    pub p95_ms: Option<f64>,
    /// From how many measurements; absent when the source does not say.
    pub samples: Option<u64>,
    /// Whether it is kept; absent when nothing was measured.
    pub kept: Option<bool>,
}
