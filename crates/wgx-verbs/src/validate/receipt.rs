//! The receipt of a profile run: sealed with a digest, written as sorted JSON, verifiable by
//! anybody.
//!
//! Format and digests are those of upstream's receipts (`schema_version` 1).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use contracts::wgx::validate::{ReceiptEnvironment, ValidateReceipt};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the identity of a machine is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityFacts {
    /// Version of wgx.
    pub wgx_version: String,
    /// Kernel name (`Linux`).
    pub os: String,
    /// Kernel release.
    pub os_release: String,
    /// Machine (`x86_64`).
    pub machine: String,
    /// Version of bash, where there is one.
    pub bash: Option<String>,
    /// Version of Python, where there is one.
    pub python: Option<String>,
    /// Names of all variables of the environment; those that look like secrets are named.
    pub variable_names: Vec<String>,
}

/// Why a receipt could not be written or read. Exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The file system refused.
    #[error("receipt {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not a receipt.
    #[error("receipt {path} is not a receipt of wgx validate: {source}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
}

impl ReceiptError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the path and the permissions of its folder",
            Self::Format { .. } => "give the JSON file that wgx validate --profile wrote",
        }
    }
}

/// What is wrong with a receipt's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// A field was changed, added or removed after sealing.
    #[error("the receipt's digest does not fit its content: it was changed")]
    Digest,
    /// The command of a check does not fit its own digest.
    #[error("the command of the check {0} does not fit its digest")]
    Command(String),
    /// The machine's identity does not fit its fields.
    #[error("the identity of the machine does not fit its fields")]
    Identity,
    /// The result does not follow from the checks.
    #[error("the result does not follow from the checks")]
    Result,
    /// It lacks a field that receipts have, or one has another type.
    #[error("not a receipt: {0}")]
    Shape(String),
}

/// The receipt as it is written: sorted keys, two spaces, a line feed at the end.
pub fn receipt_text(receipt: &ValidateReceipt) -> String {
    let mut text = String::new();
    render(&value(receipt), &Layout::Indented, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a receipt next to its place and renames it, so that no half receipt is ever seen.
///
/// # Errors
/// When the file cannot be written; an earlier one stays as it was.
pub fn write_receipt(path: &Path, receipt: &ValidateReceipt) -> Result<(), ReceiptError> {
    let fail = |source| ReceiptError::Io { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", &receipt.receipt_sha256[..8.min(receipt.receipt_sha256.len())]));
    let beside = path.with_file_name(name);
    let written = std::fs::write(&beside, receipt_text(receipt));
    let renamed = written.and_then(|()| std::fs::rename(&beside, path));
    renamed.map_err(|source| {
        // Nothing else can be done about a leftover of a failed write.
        let _ = std::fs::remove_file(&beside);
        fail(source)
    })
}

/// Reads a receipt as plain JSON, for [`verify_receipt`].
///
/// # Errors
/// When the file cannot be read or is not JSON.
pub fn read_receipt(path: &Path) -> Result<Value, ReceiptError> {
    let io = |source| ReceiptError::Io { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(io)?;
    let format = |source| ReceiptError::Format { path: path.to_owned(), source };
    serde_json::from_str(&text).map_err(format)
}

/// Checks every digest of a receipt and whether its result follows from its checks. Takes plain
/// JSON so that fields nobody knows count as changes, too.
///
/// # Errors
/// Names the first thing that does not fit.
pub fn verify_receipt(receipt: &Value) -> Result<(), ReceiptFault> {
    let shape = |error: serde_json::Error| ReceiptFault::Shape(error.to_string());
    let typed: ValidateReceipt = serde_json::from_value(receipt.clone()).map_err(shape)?;
    if digest_of(receipt) != typed.receipt_sha256 {
        return Err(ReceiptFault::Digest);
    }
    // Older receipts hold the digest of the command before it was masked.
    let masked = |text: &str| text.contains(super::redaction::REDACTED);
    let fits = |text: &str, digest: &str| masked(text) || sha256(text.as_bytes()) == digest;
    if let Some(check) =
        typed.checks.iter().find(|check| !fits(&check.command, &check.command_sha256))
    {
        return Err(ReceiptFault::Command(check.name.clone()));
    }
    if identity(&typed.environment) != typed.environment.identity_sha256 {
        return Err(ReceiptFault::Identity);
    }
    if result(&typed) != typed.result {
        return Err(ReceiptFault::Result);
    }
    Ok(())
}

pub(super) fn sealed(mut receipt: ValidateReceipt) -> ValidateReceipt {
    receipt.result = result(&receipt).to_owned();
    receipt.receipt_sha256 = digest_of(&value(&receipt));
    receipt
}

/// The digest that seals a receipt.
pub(super) fn digest_of(receipt: &Value) -> String {
    digest_without(receipt, "receipt_sha256", &Layout::Compact)
}

pub(super) fn environment(facts: &IdentityFacts) -> ReceiptEnvironment {
    let unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let secret = |name: &&String| super::redaction::is_secret_name(name);
    let mut names: Vec<String> = facts.variable_names.iter().filter(secret).cloned().collect();
    names.sort_unstable();
    let mut environment = ReceiptEnvironment {
        wgx_version: facts.wgx_version.clone(),
        os: facts.os.to_lowercase(),
        os_release: facts.os_release.clone(),
        machine: facts.machine.clone(),
        bash: unknown(&facts.bash),
        python: unknown(&facts.python),
        redacted_env_names: names,
        identity_sha256: String::new(),
    };
    environment.identity_sha256 = identity(&environment);
    environment
}

pub(super) fn does_not_establish() -> Vec<String> {
    let limits = [
        "repository_correctness",
        "ci_replacement",
        "merge_readiness_from_quick_profile",
        "test_sufficiency",
        "runtime_correctness",
    ];
    limits.map(str::to_owned).into()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A JSON string, non-ASCII kept.
pub(super) fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

fn result(receipt: &ValidateReceipt) -> &'static str {
    let passed = receipt.manifest.ok
        && receipt.checks.iter().all(|check| check.status == "passed")
        && receipt.skipped.iter().all(|skip| skip.kind != "undeclared");
    if passed { "passed" } else { "failed" }
}

/// The names of secret variables are not part of a machine's identity.
fn identity(environment: &ReceiptEnvironment) -> String {
    let mut fields = value(environment);
    if let Some(fields) = fields.as_object_mut() {
        fields.shift_remove("redacted_env_names");
    }
    digest_without(&fields, "identity_sha256", &Layout::Spaced)
}

fn digest_without(object: &Value, key: &str, layout: &Layout) -> String {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove(key);
    }
    let mut text = String::new();
    render(&object, layout, 0, &mut text);
    sha256(text.as_bytes())
}

fn value(data: &impl serde::Serialize) -> Value {
    serde_json::to_value(data).expect("plain structs of text and numbers always become JSON")
}

/// How JSON is laid out; keys are sorted in each.
enum Layout {
    /// `{"a":1,"b":2}`.
    Compact,
    /// `{"a": 1, "b": 2}`.
    Spaced,
    /// One entry a line, two spaces a level.
    Indented,
}

fn render(value: &Value, layout: &Layout, depth: usize, out: &mut String) {
    match value {
        Value::Array(items) => {
            let mut list = List::open('[', layout, depth, out);
            for item in items {
                list.next(out);
                render(item, layout, depth + 1, out);
            }
            list.close(']', out);
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_str());
            let mut list = List::open('{', layout, depth, out);
            for (key, value) in fields {
                list.next(out);
                out.push_str(&json_text(key));
                out.push_str(if matches!(layout, Layout::Compact) { ":" } else { ": " });
                render(value, layout, depth + 1, out);
            }
            list.close('}', out);
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The commas, spaces and line breaks of one list or map.
struct List<'a> {
    layout: &'a Layout,
    depth: usize,
    empty: bool,
}

impl<'a> List<'a> {
    fn open(bracket: char, layout: &'a Layout, depth: usize, out: &mut String) -> Self {
        out.push(bracket);
        Self { layout, depth, empty: true }
    }

    fn next(&mut self, out: &mut String) {
        if !self.empty {
            out.push(',');
        }
        match self.layout {
            Layout::Spaced if !self.empty => out.push(' '),
            Layout::Indented => self.line(self.depth + 1, out),
            Layout::Spaced | Layout::Compact => {}
        }
        self.empty = false;
    }

    fn close(self, bracket: char, out: &mut String) {
        if !self.empty && matches!(self.layout, Layout::Indented) {
            self.line(self.depth, out);
        }
        out.push(bracket);
    }

    fn line(&self, depth: usize, out: &mut String) {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
}
