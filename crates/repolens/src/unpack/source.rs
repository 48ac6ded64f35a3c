//! A merge that is to be unpacked: its files, where their contents lie, which hashes they must have.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use contracts::repolens::agent::{AgentFile, AgentSidecar};
use contracts::repolens::report::RenderMode;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::decode::Decoder;
use super::{AbsentFile, UnpackError, UnpackRequest, UnpackedFile};
use crate::model::Encoding;
use crate::reader::{Included, Outline, Outliner, Piece, Reader, encoding, hex};
use crate::validate::{Options, PartFile, ValidateError, Validator, group};

/// One merge.
#[derive(Debug)]
pub(super) struct Source {
    parts: Vec<PathBuf>,
    files: Vec<Content>,
    absent: Vec<AbsentFile>,
}

/// A file with content.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Which of the sources.
    pub(super) source: usize,
    pub(super) repo: String,
    pub(super) path: String,
    pub(super) percent: bool,
    part: usize,
    pieces: Vec<Piece>,
    encoding: Option<Encoding>,
    redacted: bool,
    truncated: bool,
    /// Of the file on disk.
    md5: Option<String>,
    /// Of the file on disk.
    sha256: Option<String>,
    /// Of the content in the merge.
    sha256_emitted: Option<String>,
    bytes: u64,
}

/// Opens and validates all merges of a request.
pub(super) fn open(request: &UnpackRequest) -> Result<Vec<Source>, UnpackError> {
    let merges = group(&request.merges)?;
    let sidecar = request.sidecar.as_deref().map(read_sidecar).transpose()?;
    if sidecar.is_some() && merges.len() != 1 {
        return Err(UnpackError::Sidecar(format!(
            "it belongs to one merge, {} were given",
            merges.len()
        )));
    }
    let mut sources = Vec::with_capacity(merges.len());
    for (at, parts) in merges.iter().enumerate() {
        refuse_missing(parts)?;
        sources.push(Source::read(at, parts, sidecar.as_ref())?);
    }
    Ok(sources)
}

fn refuse_missing(parts: &[PartFile]) -> Result<(), UnpackError> {
    let Some((_, of)) = parts.first().and_then(|part| part.part) else { return Ok(()) };
    let given: Vec<u32> =
        parts.iter().filter_map(|part| part.part).map(|(number, _)| number).collect();
    let stem = parts[0].name.rsplit_once("_part").map(|(stem, _)| stem);
    // A title may claim any number; names are listed only as far as people read.
    let missing: Vec<String> = (1..=of)
        .filter(|number| !given.contains(number))
        .take(20)
        .map(|number| match stem {
            Some(stem) => format!("{stem}_part{number}_merge.md"),
            None => format!("part {number} of {of}"),
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(UnpackError::PartsMissing(missing)) }
}

fn read_sidecar(path: &Path) -> Result<AgentSidecar, UnpackError> {
    let text = std::fs::read(path)
        .map_err(|source| ValidateError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| UnpackError::Sidecar(error.to_string()))
}

impl Source {
    fn read(
        at: usize,
        parts: &[PartFile],
        sidecar: Option<&AgentSidecar>,
    ) -> Result<Self, UnpackError> {
        let options = Options { debug: false, hashes: true, any_names: true };
        let mut validator = Validator::new(options);
        let mut outlines = Vec::with_capacity(parts.len());
        for part in parts {
            outlines.push(read_part(part, &mut validator)?);
        }
        let verdict = validator.finish();
        if !verdict.valid {
            return Err(UnpackError::Invalid(Box::new(verdict)));
        }
        // A valid merge has all of these.
        let outlines: Vec<Outline> = outlines.into_iter().flatten().collect();
        let meta = outlines.first().and_then(|first| first.meta.as_ref());
        if meta.is_some_and(|meta| meta.merge.render_mode == RenderMode::PlanOnly) {
            return Err(UnpackError::Plan(parts[0].name.clone()));
        }
        let known = match (sidecar, meta) {
            (Some(sidecar), Some(meta)) if sidecar.meta.merge_id != meta.merge.merge_id => {
                return Err(UnpackError::Sidecar("it has another merge id".to_owned()));
            }
            (Some(sidecar), _) => {
                sidecar.files.iter().map(|file| (file.id.as_str(), file)).collect()
            }
            (None, _) => BTreeMap::new(),
        };
        let repos = meta.map(|meta| meta.merge.source_repos.clone()).unwrap_or_default();
        let paths = parts.iter().map(|part| part.path.clone()).collect();
        let mut source = Self { parts: paths, files: Vec::new(), absent: Vec::new() };
        source.collect(at, &outlines, &repos, &known)?;
        Ok(source)
    }

    fn collect(
        &mut self,
        at: usize,
        outlines: &[Outline],
        repos: &[String],
        known: &BTreeMap<&str, &AgentFile>,
    ) -> Result<(), UnpackError> {
        let rows = outlines.first().map(|first| first.rows.as_slice()).unwrap_or_default();
        let mut by_anchor = BTreeMap::new();
        for row in rows {
            match (&row.anchor, &row.included) {
                (Some(anchor), _) => {
                    by_anchor.insert(anchor.as_str(), row);
                }
                (None, Included::MetaOnly(reason)) => self.absent.push(AbsentFile {
                    repo: repos.get(row.repo).or(repos.first()).cloned().unwrap_or_default(),
                    path: row.shown_path.clone(),
                    reason: reason.clone(),
                }),
                (None, _) => {}
            }
        }
        for (part, outline) in outlines.iter().enumerate() {
            for block in &outline.blocks {
                let row = by_anchor.get(block.anchor.as_str());
                let facts = block.facts.as_ref();
                let told = known.get(block.id.as_str());
                if !known.is_empty() && told.is_none_or(|file| file.path != block.path) {
                    let message = format!("it does not know `{}`", block.path);
                    return Err(UnpackError::Sidecar(message));
                }
                let emitted = told.and_then(|file| file.emitted.as_ref());
                self.files.push(Content {
                    source: at,
                    repo: block.repo.clone(),
                    path: block.path.clone(),
                    percent: block.percent,
                    part,
                    pieces: block.pieces.clone(),
                    encoding: block.encoding.as_deref().and_then(encoding),
                    redacted: row.is_some_and(|row| row.included.redacted() > 0),
                    truncated: row
                        .is_some_and(|row| matches!(row.included, Included::Truncated { .. })),
                    md5: row.and_then(|row| row.md5.clone()),
                    sha256: told
                        .and_then(|file| file.sha256.clone())
                        .or_else(|| facts.and_then(|facts| facts.sha256.clone())),
                    sha256_emitted: emitted
                        .map(|emitted| emitted.sha256_emitted.clone())
                        .or_else(|| facts.and_then(|facts| facts.sha256_emitted.clone())),
                    bytes: row.map_or(0, |row| row.size_bytes),
                });
            }
        }
        Ok(())
    }

    /// The files with content.
    pub(super) fn contents(&self) -> impl Iterator<Item = Content> + '_ {
        self.files.iter().cloned()
    }

    /// The files without.
    pub(super) fn absent(&self) -> impl Iterator<Item = AbsentFile> + '_ {
        self.absent.iter().cloned()
    }

    /// Writes the bytes of a file, and says whether they have all stated hashes.
    pub(super) fn verify(&self, file: &Content, out: &mut dyn Write) -> Result<bool, UnpackError> {
        let path = &self.parts[file.part];
        let part = File::open(path)
            .map_err(|source| ValidateError::Read { path: path.clone(), source })?;
        copy(file, part, out).map_err(|source| UnpackError::Write { path: file.name(), source })
    }
}

/// Bytes, hashes and the number of bytes written.
fn copy(file: &Content, mut part: File, out: &mut dyn Write) -> io::Result<bool> {
    let (mut emitted, mut sha256, mut md5) = (Sha256::new(), Sha256::new(), Md5::new());
    let mut decoder = Decoder::new(file.encoding);
    let mut buffer = vec![0; 128 << 10];
    let mut bytes = Vec::new();
    let mut length = 0;
    for piece in &file.pieces {
        part.seek(SeekFrom::Start(piece.offset))?;
        let mut range = (&mut part).take(piece.length);
        loop {
            let count = range.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            emitted.update(&buffer[..count]);
            bytes.clear();
            if decoder.push(&buffer[..count], &mut bytes).is_err() {
                return Ok(false);
            }
            sha256.update(&bytes);
            md5.update(&bytes);
            length += bytes.len() as u64;
            out.write_all(&bytes)?;
        }
    }
    let same = |stated: &Option<String>, found: String| {
        stated.as_ref().is_none_or(|stated| *stated == found)
    };
    let exact = file.lacks().is_some()
        || length == file.bytes
            && same(&file.sha256, hex(&sha256.finalize()))
            && same(&file.md5, hex(&md5.finalize()));
    Ok(decoder.is_complete() && exact && same(&file.sha256_emitted, hex(&emitted.finalize())))
}

impl Content {
    /// Repository and path, for messages.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.repo, self.path)
    }

    /// Why the file cannot come back whole.
    pub(super) fn lacks(&self) -> Option<String> {
        match (self.redacted, self.truncated) {
            (false, false) => None,
            (true, false) => Some("redacted".to_owned()),
            (false, true) => Some("truncated".to_owned()),
            (true, true) => Some("redacted and truncated".to_owned()),
        }
    }

    /// The file as the report lists it.
    pub(super) fn unpacked(&self) -> UnpackedFile {
        let lacks = self.lacks();
        let verified = match (&lacks, &self.sha256, &self.md5, &self.sha256_emitted) {
            (None, Some(_), ..) => "sha256",
            (None, None, Some(_), _) => "md5",
            (_, _, _, Some(_)) => "sha256-emitted",
            _ => "none",
        };
        UnpackedFile {
            repo: self.repo.clone(),
            path: self.path.clone(),
            percent: self.percent,
            bytes: self.bytes,
            verified: verified.to_owned(),
            lacks,
        }
    }
}

fn read_part(part: &PartFile, validator: &mut Validator) -> Result<Option<Outline>, UnpackError> {
    let fail = |source| ValidateError::Read { path: part.path.clone(), source };
    let mut file = File::open(&part.path).map_err(fail)?;
    let mut reader = Reader::new();
    let mut outliner = Outliner::default();
    let mut buffer = vec![0; 128 << 10];
    validator.begin_part(&part.name);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                validator.push(&buffer[..count]);
                reader.push(&buffer[..count], &mut outliner);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(error).into()),
        }
    }
    validator.end_part();
    reader.finish(&mut outliner);
    Ok(outliner.finish().ok())
}
