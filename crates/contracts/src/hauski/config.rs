//! The report of `hauski config show`: what holds and where it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of the schema.
pub const SCHEMA: &str = "hauski.config/1";
/// Identifier of the schema of `hauski config validate`.
pub const VALIDATION: &str = "hauski.config.validate/1";

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether a daemon that runs says so; otherwise it is what one would start with.
    pub running: bool,
    /// Folder of all files of the daemon.
    pub home: String,
    /// Every setting.
    pub settings: Vec<Setting>,
    /// The policy files.
    pub policies: Vec<PolicyFile>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What holds.
    pub value: String,
    /// Which source wins.
    pub source: Source,
    /// What was stored at run time, also where another source wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// Its environment variable.
    pub variable: String,
    /// What holds when nobody says anything.
    pub default: String,
    /// Whether a change counts at once; otherwise at the next start.
    pub live: bool,
    /// What it is for.
    pub about: String,
}

/// Where a value comes from, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An option of the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// `hauski config set`.
    Stored,
    /// Built in.
    Default,
}

/// One policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyFile {
    /// Its usual name.
    pub name: String,
    /// Where it lies, or would lie.
    pub path: String,
    /// SHA-256 of what is in force; absent where the built-in values hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A new value for a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The value; null forgets what was stored.
    pub value: Option<String>,
}

/// The report of `hauski config validate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// [`VALIDATION`].
    pub schema: String,
    /// Files that were read.
    pub files: Vec<PolicyFile>,
    /// Everything that is wrong; empty when all is well.
    pub faults: Vec<Fault>,
}

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Line from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
