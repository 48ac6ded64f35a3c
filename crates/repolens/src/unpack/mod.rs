//! A merge turned back into files, byte for byte.
//!
//! Everything is checked before anything is written: the merge keeps to its format, every content has
//! the stated hashes, every path stays inside the target, and nothing is overwritten unasked. While
//! writing, the same bytes are hashed again, and a file gets its name only when they fit.

mod decode;
mod paths;
mod source;
mod write;

use std::io;
use std::path::PathBuf;

use contracts::repolens::unpack::{AbsentFile, SCHEMA, UnpackReport, UnpackedFile};
use contracts::repolens::validate::MergeVerdict;

use crate::validate::ValidateError;

/// What to unpack and where to.
#[derive(Debug, Clone, Default)]
pub struct UnpackRequest {
    /// Merges; the parts of one may come in any order.
    pub merges: Vec<PathBuf>,
    /// The sidecar of the merge: SHA-256 of every file, whatever the density.
    pub sidecar: Option<PathBuf>,
    /// The folder; made when it is not there.
    pub into: PathBuf,
    /// Write masked and cut files too.
    pub partial: bool,
    /// Replace files that are there.
    pub force: bool,
}

/// Why nothing was written, or writing stopped.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A merge or the sidecar cannot be read.
    #[error(transparent)]
    Read(#[from] ValidateError),
    /// The merge breaks its format, or a content is not the stated one.
    #[error("the merge is not what was written")]
    Invalid(Box<MergeVerdict>),
    /// Parts are missing.
    #[error("{} missing: {}", if .0.len() == 1 { "a part is" } else { "parts are" }, .0.join(", "))]
    PartsMissing(Vec<String>),
    /// The sidecar is unreadable or belongs to another merge.
    #[error("the sidecar does not fit: {0}")]
    Sidecar(String),
    /// A plan holds no contents.
    #[error("`{0}` is a plan: it holds no contents")]
    Plan(String),
    /// Contents whose hash is not the stated one.
    #[error("the contents of {} files are not what the merge states, first `{}`", .0.len(), .0.first().map_or("", String::as_str))]
    Changed(Vec<String>),
    /// Masked or cut files without `--partial`.
    #[error("{} files are masked or cut and cannot come back whole, first `{}`", .0.len(), .0.first().map_or("", String::as_str))]
    Partial(Vec<String>),
    /// A path that must not be written.
    #[error("`{path}` cannot be written: {why}")]
    Path {
        /// Repository and path.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// Files that are there already.
    #[error("{} files are there already, first `{}`", .0.len(), .0.first().map_or("", String::as_str))]
    Exists(Vec<String>),
    /// The file system refuses.
    #[error("cannot write `{path}`")]
    Write {
        /// Repository and path, or the target folder.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

impl UnpackError {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Read(_) => "give merges that can be read",
            Self::Invalid(_) => {
                "`repolens validate` names every place; take the merge as it was written"
            }
            Self::PartsMissing(_) => "give all parts of the merge",
            Self::Sidecar(_) => "give the sidecar that was written with this merge, or none",
            Self::Plan(_) => "unpack the merge itself",
            Self::Changed(_) => "take the merge as it was written; nothing was unpacked",
            Self::Partial(_) => "--partial writes what is there and lists what it lacks",
            Self::Path { .. } => {
                "nothing was unpacked; such a merge was not made from a working copy"
            }
            Self::Exists(_) => "unpack into an empty folder, or replace them with --force",
            Self::Write { .. } => "look at the folder's rights and room",
        }
    }
}

/// Unpacks. Every repository gets its own folder when the merges hold several.
pub fn unpack(request: &UnpackRequest) -> Result<UnpackReport, UnpackError> {
    let sources = source::open(request)?;
    let files: Vec<source::Content> = sources.iter().flat_map(source::Source::contents).collect();
    let mut report = UnpackReport {
        schema: SCHEMA.to_owned(),
        exact: Vec::new(),
        partial: Vec::new(),
        absent: sources.iter().flat_map(source::Source::absent).collect(),
    };
    refuse_partial(&files, request.partial)?;
    let targets = paths::settle(&files)?;
    let mut changed = Vec::new();
    for file in &files {
        if !sources[file.source].verify(file, &mut io::sink())? {
            changed.push(file.name());
        }
    }
    if !changed.is_empty() {
        return Err(UnpackError::Changed(changed));
    }
    let mut writer = write::Writer::new(request, &targets)?;
    for (file, target) in files.iter().zip(&targets) {
        writer.write(&sources[file.source], file, target)?;
        let written = file.unpacked();
        if written.lacks.is_some() {
            report.partial.push(written);
        } else {
            report.exact.push(written);
        }
    }
    Ok(report)
}

fn refuse_partial(files: &[source::Content], partial: bool) -> Result<(), UnpackError> {
    let lacking: Vec<String> =
        files.iter().filter(|file| file.lacks().is_some()).map(source::Content::name).collect();
    if lacking.is_empty() || partial { Ok(()) } else { Err(UnpackError::Partial(lacking)) }
}
