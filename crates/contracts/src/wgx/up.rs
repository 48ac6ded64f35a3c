//! `wgx up`: what the repository needs here, what was done about it, and what a person must do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`UpReport`].
pub const SCHEMA: &str = "wgx.up/1";

/// The plan of `wgx up` and, unless `--dry-run` or `--check` was given, how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether everything that the repository itself needs is there (`--check`) or was done.
    pub ok: bool,
    /// The machine.
    pub platform: PlatformInfo,
    /// The steps in order.
    pub steps: Vec<UpStep>,
    /// What is missing, in words: with `--check` everything that is not in place, otherwise what
    /// remains.
    pub missing: Vec<String>,
    /// The environment that was made ready; null unless every step that could run did so.
    pub fingerprint: Option<UpFingerprint>,
}

/// A detected machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformInfo {
    /// `debian`, `ubuntu`, `pop-os`, `macos`, `termux`, …
    pub system: String,
    /// Its name for people.
    pub label: String,
    /// Its version as it states it.
    pub version: String,
    /// `wsl1`, `wsl2`, `codespaces`, `devcontainer`, `container`; empty on a plain machine.
    pub surroundings: Vec<String>,
    /// Machine, as `uname -m`.
    pub machine: String,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpStep {
    /// Stable name (`tool:node`, `install:npm`, `packages`, `task:up`); what history refers to.
    pub key: String,
    /// What it does, as a lower-case fragment.
    pub title: String,
    /// What asks for it (a file, or a task's `requires`).
    pub reason: String,
    /// The commands, each an argument vector, in the repository root.
    pub commands: Vec<Vec<String>>,
    /// What happens with it.
    pub action: UpAction,
    /// Whether the commands change the whole system and need sudo for this user.
    pub needs_sudo: bool,
    /// Whether the repository itself needs it; otherwise only single tasks do.
    pub required: bool,
    /// Why this way was chosen among several, or what blocks it.
    pub note: Option<String>,
    /// SHA-256 of the files that decide its result; null where there are none.
    pub input_sha256: Option<String>,
    /// How it went; null when it did not run.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// What happens with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpAction {
    /// It is in place.
    Done,
    /// wgx does it.
    Run,
    /// The person does it.
    Person,
    /// It cannot be done before something else is there.
    Blocked,
}

/// What an environment that was made ready consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpFingerprint {
    /// System and version.
    pub platform: String,
    /// Tool → version, as far as it is known.
    pub tools: BTreeMap<String, String>,
    /// Step → SHA-256 of its input files.
    pub inputs: BTreeMap<String, String>,
    /// Steps that succeeded or were in place, in order.
    pub steps: Vec<String>,
    /// SHA-256 over all of the above.
    pub sha256: String,
}
