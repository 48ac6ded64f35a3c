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
    /// The same for a browser, such as `http://127.0.0.1:7070`.
    pub url: String,
    /// Its version.
    pub version: String,
}

/// Identifier of the schema of `hauski login`.
pub const LOGIN: &str = "hauski.login/1";

/// A link that logs a browser in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// [`LOGIN`].
    pub schema: String,
    /// Works once.
    pub link: String,
    /// Seconds within which it has to be opened.
    pub seconds: u64,
}
