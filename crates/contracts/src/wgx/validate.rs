//! `wgx validate`: the profile contract, and the receipt of its declared checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`ValidateReport`].
pub const SCHEMA: &str = "wgx.validate/1";

/// `kind` of a [`ValidateReceipt`].
pub const RECEIPT_KIND: &str = "wgx.validate.receipt";

/// Whether the profile keeps its contract and, with `--profile`, whether its checks passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// No errors, and every check that ran passed.
    pub ok: bool,
    /// Codes of the errors (`no_manifest`, `task_missing_command:NAME`, …).
    pub errors: Vec<String>,
    /// Capabilities that the profile demands and this wgx lacks.
    #[serde(rename = "missingCapabilities")]
    pub missing_capabilities: Vec<String>,
    /// The profile file, relative to the root; null when there is none.
    pub file: Option<String>,
    /// Everything that was found, warnings too, with places.
    pub problems: Vec<ProfileProblem>,
    /// With `--profile`: what runs and what is skipped, in order.
    pub plan: Vec<PlannedCheck>,
    /// With `--profile` and without `--dry-run`: the receipt.
    pub receipt: Option<ValidateReceipt>,
    /// Where the receipt was written.
    pub receipt_file: Option<String>,
}

/// One finding about the profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileProblem {
    /// Stable code, with its subject after `:`.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// File relative to the root, with `/`.
    pub file: String,
    /// Line from 1, where one can be named.
    pub line: Option<u32>,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// One line of the plan of a profile run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedCheck {
    /// `run` or `skip`.
    pub action: String,
    /// Normalised name of the task.
    pub task: String,
    /// For `skip`: `undeclared`, `unsupported` or `ci-only`.
    pub kind: Option<String>,
    /// For `skip`: why.
    pub reason: Option<String>,
}

/// What was invoked and how it ended; field for field upstream's receipt, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateReceipt {
    /// 1.
    pub schema_version: u32,
    /// Always [`RECEIPT_KIND`].
    pub kind: String,
    /// `quick` or `full`.
    pub profile: String,
    /// The repository.
    pub repository: ReceiptRepository,
    /// The state of the profile file.
    pub manifest: ReceiptManifest,
    /// The checks that ran, in order.
    pub checks: Vec<ReceiptCheck>,
    /// The checks that did not run.
    pub skipped: Vec<ReceiptSkip>,
    /// `passed` or `failed`.
    pub result: String,
    /// RFC 3339, UTC, whole seconds.
    pub started_at: String,
    /// RFC 3339, UTC, whole seconds.
    pub finished_at: String,
    /// Time limit of each check.
    pub timeout_seconds: u64,
    /// The machine.
    pub environment: ReceiptEnvironment,
    /// What the receipt does not prove.
    pub does_not_establish: Vec<String>,
    /// SHA-256 over the receipt without this field: sorted keys, separators `,` and `:`.
    pub receipt_sha256: String,
}

/// The repository of a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptRepository {
    /// Absolute path.
    pub root: String,
    /// Name of its folder.
    pub name: String,
    /// Commit, where there is one.
    pub commit: Option<String>,
    /// Whether the working copy differs from the commit.
    pub dirty: bool,
}

/// The profile file of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptManifest {
    /// Whether it keeps its contract.
    pub ok: bool,
    /// Codes of the errors.
    pub errors: Vec<String>,
    /// Capabilities that are missing.
    pub missing_capabilities: Vec<String>,
}

/// A check of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptCheck {
    /// Normalised name of the task.
    pub name: String,
    /// `passed`, `failed` or `timeout`.
    pub status: String,
    /// Exit code; 124 for a timeout, 128+N for a signal.
    pub exit_code: i32,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// `STR:` and a shell string, or `ARRJSON:` and an argument list; secrets masked.
    pub command: String,
    /// SHA-256 of `command`.
    pub command_sha256: String,
}

/// A check that did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptSkip {
    /// Normalised name of the task.
    pub name: String,
    /// `undeclared`, `unsupported` or `ci-only`.
    pub kind: String,
    /// Why; secrets masked.
    pub reason: String,
}

/// The machine of a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptEnvironment {
    /// Version of wgx.
    pub wgx_version: String,
    /// Kernel name, lower case (`linux`).
    pub os: String,
    /// Kernel release.
    pub os_release: String,
    /// Machine (`x86_64`).
    pub machine: String,
    /// Version of bash, or `unknown`.
    pub bash: String,
    /// Version of Python, or `unknown`.
    pub python: String,
    /// Names of variables that look like secrets; their values are nowhere.
    pub redacted_env_names: Vec<String>,
    /// SHA-256 over the other fields: sorted keys, separators `, ` and `: `.
    pub identity_sha256: String,
}
