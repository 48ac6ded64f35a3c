//! `wgx run`: what was chosen, what would run, and how it ended.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Task;

/// Identifier of [`RunReport`].
pub const SCHEMA: &str = "wgx.run/1";

/// What `wgx run` decided and, unless `--dry-run` was given, how the steps ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Run it, choose among `candidates`, or nothing fits.
    pub decision: Decision,
    /// The chosen task; with several steps, the first one.
    pub task: Option<Task>,
    /// For free text: the closest tasks, best first.
    pub candidates: Vec<Candidate>,
    /// The exact argument vector of the first step.
    pub command: Vec<String>,
    /// Absolute working directory of the first step.
    pub cwd: Option<String>,
    /// What the first step's environment changes.
    pub environment: EnvironmentChanges,
    /// All steps in order: needs first, then the tasks that were asked for.
    pub steps: Vec<RunStep>,
    /// A destructive task was found by free text and has not been confirmed.
    pub needs_confirmation: bool,
    /// The steps that start only in a trusted repository, when it is not.
    pub needs_trust: Vec<String>,
    /// How free text came to its meaning (`semantics`, `alias`, `history`, `match`), or null for names.
    pub meaning: Option<String>,
    /// Exit code of the whole run; null with `--dry-run`.
    pub exit_code: Option<i32>,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// There is one clear winner, or tasks were named exactly.
    Run,
    /// Several tasks fit.
    Choose,
    /// Nothing fits.
    None,
}

/// A task that fits free text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// 0 to 1.
    pub score: f64,
    /// What speaks for it.
    pub why: String,
}

/// One task of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStep {
    /// Id of the task, or null for a plain command of `semantics`.
    pub task: Option<String>,
    /// The exact argument vector.
    pub command: Vec<String>,
    /// Absolute working directory.
    pub cwd: String,
    /// What its environment changes.
    pub environment: EnvironmentChanges,
    /// Why it is here: `named`, `needs`, `up`, `semantics`, `match`.
    pub reason: String,
    /// Why it did not run: `unchanged`, `an earlier step failed`,
    /// `the repository is not trusted` (only with `--dry-run`); null when it ran or would run.
    pub skipped: Option<String>,
    /// Id of the recorded run.
    pub run_id: Option<String>,
    /// Exit code (128+N for a signal).
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The time limit ended it; a task that ends with 124 by itself has false here.
    #[serde(default)]
    pub timed_out: bool,
}

/// Changes against the caller's environment. Values that look like secrets are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentChanges {
    /// Set or replaced.
    pub set: BTreeMap<String, String>,
    /// Removed.
    pub unset: Vec<String>,
}
