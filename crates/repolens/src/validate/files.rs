//! Finished merges in files: which parts belong together, then the verdict over each merge.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use contracts::repolens::validate::{MergeVerdict, SCHEMA, ValidateReport};

use super::{Options, Validator, sidecar, tell};
use crate::reader::{Event, Position, Reader, Sink, key_value};

/// Bytes at the head of a part among which its number and Merge-Id must stand.
const HEAD_BYTES: u64 = 1 << 20;

/// Why files cannot be validated at all.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One part of a merge in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name, without folders.
    pub name: String,
    /// Number and count, as its title says.
    pub part: Option<(u32, u32)>,
    /// `Merge-Id` of its header.
    pub merge_id: Option<String>,
}

/// Validates merges; parts of one merge may come in any order.
///
/// A sidecar is checked against the first merge; whoever has several validates them one by one.
pub fn validate(
    paths: &[PathBuf],
    sidecar: Option<&Path>,
    options: Options,
) -> Result<ValidateReport, ValidateError> {
    let mut merges = Vec::new();
    let mut sidecar = sidecar;
    for parts in group(paths)? {
        let mut verdict = validate_merge(&parts, options)?;
        if let Some(sidecar) = sidecar.take() {
            let (findings, left_out, errors) = sidecar::check(sidecar, &parts)?;
            verdict.errors += errors;
            verdict.findings_left_out += left_out;
            verdict.valid = verdict.errors == 0;
            verdict.findings.extend(findings.iter().map(|finding| tell(finding, &[])));
        }
        merges.push(verdict);
    }
    let valid = merges.iter().all(|merge| merge.valid);
    Ok(ValidateReport { schema: SCHEMA.to_owned(), valid, merges })
}

/// Validates one merge whose parts are in their order.
pub(crate) fn validate_merge(
    parts: &[PartFile],
    options: Options,
) -> Result<MergeVerdict, ValidateError> {
    let mut validator = Validator::new(options);
    let mut buffer = vec![0; 128 << 10];
    for part in parts {
        validator.begin_part(&part.name);
        let fail = |source| ValidateError::Read { path: part.path.clone(), source };
        let mut file = File::open(&part.path).map_err(fail)?;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => validator.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fail(error)),
            }
        }
        validator.end_part();
    }
    Ok(validator.finish())
}

/// The parts of each merge, in the order of their numbers; merges in the order of their first file.
/// Files that are no part of several stand alone.
pub fn group(paths: &[PathBuf]) -> Result<Vec<Vec<PartFile>>, ValidateError> {
    let mut merges: Vec<Vec<PartFile>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let part = head(path)?;
        let several = part.part.is_some_and(|(_, of)| of > 1);
        match part.merge_id.clone().filter(|_| several) {
            Some(id) => match known.get(&id) {
                Some(at) => merges[*at].push(part),
                None => {
                    known.insert(id, merges.len());
                    merges.push(vec![part]);
                }
            },
            None => merges.push(vec![part]),
        }
    }
    for merge in &mut merges {
        merge.sort_by_key(|part| part.part);
    }
    Ok(merges)
}

fn head(path: &Path) -> Result<PartFile, ValidateError> {
    let fail = |source| ValidateError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut bytes).map_err(fail)?;
    let mut found = Head::default();
    Reader::new().push(&bytes, &mut found);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(PartFile { path: path.to_owned(), name, part: found.part, merge_id: found.merge_id })
}

#[derive(Default)]
struct Head {
    part: Option<(u32, u32)>,
    merge_id: Option<String>,
}

impl Sink for Head {
    fn event(&mut self, _: Position, event: Event<'_>) {
        match event {
            Event::Title { part, of } => {
                self.part.get_or_insert((part, of));
            }
            Event::Item(item) => {
                if let Some(("Merge-Id", id)) = key_value(item) {
                    self.merge_id.get_or_insert_with(|| id.to_owned());
                }
            }
            _ => {}
        }
    }

    fn content(&mut self, _: &[u8]) {}
}
