//! The daemon as other processes see it: `HAUSKI_HOME/run/daemon.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema of `run/daemon.json`.
pub const RUNNING: &str = "hauski.running/1";

/// A daemon that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where it listens, `IP:PORT`.
    pub address: String,
    /// Its version.
    pub version: String,
}
