//! `wgx doctor`: what is well and what is not, on this machine and in this repository.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::up::PlatformInfo;

/// Identifier of [`DoctorReport`].
pub const SCHEMA: &str = "wgx.doctor/1";

/// The state of the machine and of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// No finding is a failure.
    pub ok: bool,
    /// The machine.
    pub platform: PlatformInfo,
    /// The findings, by topic.
    pub findings: Vec<DoctorFinding>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorFinding {
    /// `machine`, `tools`, `repository`, `profile`, `memory`.
    pub topic: String,
    /// What it is about (`git`, `trust`, `home`).
    pub subject: String,
    /// How it is.
    pub status: DoctorStatus,
    /// What was found, as a lower-case fragment.
    pub message: String,
    /// What to do about it; null when nothing is to do.
    pub advice: Option<String>,
}

/// How a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DoctorStatus {
    /// As it should be.
    Ok,
    /// Works, but not everything.
    Warn,
    /// Does not work.
    Fail,
}
