//! The strict validator: every rule of the format, checked while a merge streams by.
//!
//! The rules and what they demand: `docs/validate.md` and [`Rule`]. A writer feeds its bytes to a
//! [`Validator`] before it renames the file into place; [`validate`] reads finished merges.

mod block;
mod files;
mod findings;
mod header;
mod links;
mod manifest;
mod meta;
mod rules;
mod sections;
mod sidecar;
mod state;

pub use files::{PartFile, ValidateError, group, validate};
pub use findings::Finding;
pub use rules::Rule;

use contracts::repolens::validate::{MergeVerdict, ValidateFinding};

use crate::reader::Reader;
use state::State;

/// What is checked beyond the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Add the debug findings of section 11 of the specification.
    pub debug: bool,
    /// Hash contents and compare. Whoever has just hashed them may turn it off.
    pub hashes: bool,
    /// Parts may have been renamed since they were written.
    pub any_names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { debug: false, hashes: true, any_names: false }
    }
}

/// Checks one merge, part after part, in the order of their numbers.
///
/// ```
/// use repolens::validate::{Options, Validator};
///
/// let mut validator = Validator::new(Options::default());
/// validator.begin_part("notes_merge.md");
/// validator.push(b"# no merge\n");
/// validator.end_part();
/// assert!(!validator.finish().valid);
/// ```
#[derive(Debug)]
pub struct Validator {
    reader: Reader,
    state: State,
    bytes: u64,
}

impl Validator {
    /// A validator that has seen nothing yet.
    pub fn new(options: Options) -> Self {
        Self { reader: Reader::new(), state: State::new(options), bytes: 0 }
    }

    /// Begins the next part; `name` is its file's name without folders, as links use it.
    pub fn begin_part(&mut self, name: &str) {
        self.reader = Reader::new();
        self.state.begin_part(name);
    }

    /// Takes the next bytes of the part.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.reader.push(bytes, &mut self.state);
    }

    /// Ends the part.
    pub fn end_part(&mut self) {
        self.reader.finish(&mut self.state);
        self.state.end_part();
    }

    /// Whether anything was wrong so far.
    pub fn is_failing(&self) -> bool {
        self.state.findings.errors() > 0
    }

    /// The verdict over all parts.
    pub fn finish(mut self) -> MergeVerdict {
        self.state.finish();
        let State { findings, names, manifest, blocks, .. } = self.state;
        let (errors, warnings) = (findings.errors(), findings.warnings());
        let (kept, findings_left_out) = findings.finish();
        let told = |finding: Finding| tell(&finding, &names);
        MergeVerdict {
            valid: errors == 0,
            files: manifest.rows,
            blocks: blocks.count,
            bytes: self.bytes,
            errors,
            warnings,
            findings: kept.into_iter().map(told).collect(),
            findings_left_out,
            parts: names.clone(),
        }
    }
}

/// A finding as reports carry it.
fn tell(finding: &Finding, names: &[String]) -> ValidateFinding {
    let file = finding.part.and_then(|part| names.get(part)).map_or("sidecar", String::as_str);
    ValidateFinding {
        rule: finding.rule.id().to_owned(),
        severity: if finding.rule.is_debug() { "warning" } else { "error" }.to_owned(),
        file: file.to_owned(),
        line: finding.line,
        message: finding.message.clone(),
        advice: finding.rule.advice().to_owned(),
    }
}

impl std::io::Write for Validator {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
