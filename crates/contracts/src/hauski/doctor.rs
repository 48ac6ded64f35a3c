//! The report of `hauski doctor`: what this machine gives to keep plugins in their sandbox.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.doctor/1";

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether plugins can be started: every layer is there and the self-test passed.
    pub sound: bool,
    /// Release of the kernel.
    pub kernel: String,
    /// Whether the daemon would run as root.
    pub root: bool,
    /// The layers of the sandbox that the kernel gives or does not give.
    pub layers: Vec<Layer>,
    /// What holds the limits of plugins.
    pub limits: Vec<Limit>,
    /// The self-test; absent where the sandbox could not be set up, which `refused` explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
    /// Why no sandbox could be set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the kernel's Landlock is active: `yes`, `no` or `unknown`. The sandbox does not rest on it.
    pub landlock: String,
    /// Layers that were given up for single plugins (`HAUSKI_SANDBOX_WAIVE`).
    pub waived: Vec<Waived>,
}

/// One layer of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Its name, as `HAUSKI_SANDBOX_WAIVE` takes it.
    pub name: String,
    /// What a plugin cannot do because of it.
    pub purpose: String,
    /// Whether the kernel gave it when it was tried just now.
    pub available: bool,
    /// Why not, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// `memory`, `tasks`, `cpu` or `files`.
    pub name: String,
    /// What holds it; absent when nothing does, and then a plugin that needs it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What is weaker than it should be, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a probe inside the sandbox found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// Whether all is as it must be.
    pub passed: bool,
    /// The nine forbidden operations.
    pub operations: Vec<Operation>,
    /// What was seen of the layers.
    pub findings: Vec<Finding>,
}

/// One forbidden operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// `tcp`, `tcp-fast-open`, `mptcp`, `udp`, `raw`, `packet`, `vsock`, `netlink` or `io-uring`.
    pub name: String,
    /// Whether it was possible; must be false.
    pub allowed: bool,
    /// The kernel's answer.
    pub answer: String,
}

/// One thing that the probe looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The layer that it shows.
    pub layer: String,
    /// Whether it is as it must be.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// Layers given up for a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    /// The plugin.
    pub plugin: String,
    /// The layers.
    pub layers: Vec<String>,
}
