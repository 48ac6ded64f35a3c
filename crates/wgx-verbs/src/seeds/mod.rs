//! `wgx seeds`: small data states that tests start from, kept in the memory under the digest of an archive
//! that is the same for the same files everywhere.

mod archive;

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use contracts::wgx::seeds::{APPLY_SCHEMA, SCHEMA, Seed, SeedApplyReport, SeedPlace, SeedsReport};
use jiff::Timestamp;
use memory::{CasError, Digest, KnownSeed, SeedSnapshot, StoreError};

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};
use crate::observe;

pub use archive::{ArchiveError, MOST_BYTES, MOST_FILES};

/// Version of a snapshot that is taken without one.
const FIRST_VERSION: &str = "1";
/// Longest name and version, in bytes.
const WORD_MAX: usize = 64;

/// `NAME` or `NAME@VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedName {
    /// The name.
    pub name: String,
    /// The version of the schema that the data fits.
    pub version: Option<String>,
}

impl FromStr for SeedName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let is_word = |word: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            (1..=WORD_MAX).contains(&word.len())
                && word.chars().all(fits)
                && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if !is_word(name) || version.is_some_and(|version| !is_word(version)) {
            return Err(format!(
                "NAME and VERSION begin with a letter or digit and hold letters, digits, `.`, `_` and \
                 `-`, at most {WORD_MAX}"
            ));
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

/// A snapshot to take.
#[derive(Clone, Debug)]
pub struct SnapshotRequest {
    /// Its name; without a version it is the first.
    pub seed: SeedName,
    /// Files and folders, relative to the folder the person stands in, inside the repository.
    pub paths: Vec<PathBuf>,
    /// The command that made them, to be remembered; it is not started.
    pub made_by: String,
}

/// A seed to write back.
#[derive(Clone, Debug)]
pub struct ApplyRequest {
    /// Its name; without a version the newest snapshot counts.
    pub seed: SeedName,
    /// Another folder than the root of the repository.
    pub into: Option<PathBuf>,
    /// Also replace files that differ.
    pub force: bool,
    /// Only tell what would be written.
    pub dry_run: bool,
}

/// Why a seed cannot be taken, written or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// The content is not here, or damaged.
    #[error(transparent)]
    Content(#[from] CasError),
    /// The files or the archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is no such seed.
    #[error("there is no seed `{0}` in this repository")]
    Unknown(String),
    /// A path that is not inside the repository.
    #[error("{0} is not inside the repository")]
    Outside(String),
    /// Files that hold something else would be replaced.
    #[error("files that differ from the seed: {count}, the first is {first}")]
    Different {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl From<StoreError> for SeedError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl SeedError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Memory(error) => error.hint().to_owned(),
            Self::Content(error) => error.hint().to_owned(),
            Self::Archive(error) => error.hint(),
            Self::Unknown(_) => "`wgx seeds` lists them".to_owned(),
            Self::Outside(_) => "name files and folders of this repository".to_owned(),
            Self::Different { .. } => "--dry-run lists them, --force replaces them".to_owned(),
        }
    }
}

/// The seeds of this repository.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn list(context: &Context) -> Result<SeedsReport, SeedError> {
    let Some(mut notebook) = Notebook::read(context)? else {
        return Ok(SeedsReport { schema: SCHEMA.to_owned(), ..SeedsReport::default() });
    };
    report(context, &mut notebook)
}

/// Keeps files of the repository under a name. The archive is the same for the same files, whoever packs
/// them and when. What looks like a secret is refused: a seed travels in packs.
///
/// # Errors
/// When a path is missing, leads out of the repository or holds anything but files and folders, when it is
/// too much, when something looks like a secret, or when the memory cannot be written.
pub fn snapshot(context: &Context, request: &SnapshotRequest) -> Result<SeedsReport, SeedError> {
    let names: Result<Vec<String>, SeedError> =
        request.paths.iter().map(|path| inside(context, path)).collect();
    let mut notebook = Notebook::write(context)?;
    let packed = archive::pack(&context.root.path, &names?, notebook.redactor())?;
    let stored = notebook.store().cas().put(packed.as_slice())?;
    let version = request.seed.version.clone().unwrap_or_else(|| FIRST_VERSION.to_owned());
    let seed = SeedSnapshot {
        repo_key: observe::repository_key(context, &notebook),
        name: request.seed.name.clone(),
        schema_version: version.clone(),
        export_cmd: request.made_by.clone(),
        checksum: stored.digest.as_str().to_owned(),
    };
    notebook.with(async |store| store.record_seed(&seed).await)?;
    let mut report = report(context, &mut notebook)?;
    notebook.close();
    report.made = Some(format!("{}@{version}", request.seed.name));
    Ok(report)
}

/// Writes the files of a seed, all of them or, when one would be replaced unasked, none.
///
/// # Errors
/// When there is no such seed, its content is missing or damaged, a file that differs lies in the way and
/// `force` is not set, or a file cannot be written.
pub fn apply(context: &Context, request: &ApplyRequest) -> Result<SeedApplyReport, SeedError> {
    let unknown = || SeedError::Unknown(told(&request.seed));
    let mut notebook = Notebook::read(context)?.ok_or_else(unknown)?;
    let known = seeds(context, &mut notebook)?.into_iter().find(|known| fits(known, &request.seed));
    let seed = known.ok_or_else(unknown)?.seed;
    let digest = Digest::parse(&seed.checksum)?;
    let cas = notebook.store().cas();
    cas.verify(&digest)?;
    let files = archive::unpack(cas.get(&digest)?)?;
    let into = match &request.into {
        Some(folder) => context.cwd.join(folder),
        None => context.root.path.clone(),
    };
    let shown: Vec<_> =
        files.iter().map(|file| archive::compare(&into, file)).collect::<Result<_, _>>()?;
    let mut different = shown.iter().filter(|file| file.before == SeedPlace::Different);
    if let Some(first) = different.next()
        && !request.force
        && !request.dry_run
    {
        let count = 1 + different.count();
        return Err(SeedError::Different { count, first: first.path.clone() });
    }
    let mut applied = false;
    if !request.dry_run {
        for (file, shown) in files.iter().zip(&shown) {
            if shown.before != SeedPlace::Same {
                archive::write(&into, file)?;
                applied = true;
            }
        }
    }
    Ok(SeedApplyReport {
        schema: APPLY_SCHEMA.to_owned(),
        name: seed.name,
        version: seed.schema_version,
        into: into.display().to_string(),
        files: shown,
        applied,
    })
}

/// Forgets all snapshots of a name, or of one version of it, and what they hold.
///
/// # Errors
/// When there is none, or the memory cannot be written.
pub fn forget(context: &Context, seed: &SeedName) -> Result<SeedsReport, SeedError> {
    let unknown = || SeedError::Unknown(told(seed));
    if Notebook::read(context)?.is_none() {
        return Err(unknown());
    }
    let mut notebook = Notebook::write(context)?;
    let key = observe::repository_key(context, &notebook);
    let version = seed.version.as_deref();
    let forgotten =
        notebook.with(async |store| store.forget_seeds(&key, &seed.name, version).await)?.facts;
    if forgotten == 0 {
        return Err(unknown());
    }
    let report = report(context, &mut notebook)?;
    notebook.close();
    Ok(SeedsReport { forgotten, ..report })
}

fn seeds(context: &Context, notebook: &mut Notebook) -> Result<Vec<KnownSeed>, SeedError> {
    let key = observe::repository_key(context, notebook);
    Ok(notebook.with(async |store| store.seeds(&key).await)?)
}

fn report(context: &Context, notebook: &mut Notebook) -> Result<SeedsReport, SeedError> {
    let mut rows: Vec<Seed> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for KnownSeed { recorded_at_ms, seed } in seeds(context, notebook)? {
        let name = (seed.name.clone(), seed.schema_version.clone());
        if let Some(newer) = places.get(&name) {
            rows[*newer].older += 1;
            continue;
        }
        places.insert(name, rows.len());
        let path = notebook.store().cas().path(&Digest::parse(&seed.checksum)?);
        let time = Timestamp::from_millisecond(recorded_at_ms).unwrap_or_default();
        rows.push(Seed {
            name: seed.name,
            version: seed.schema_version,
            sha256: seed.checksum,
            bytes: path.metadata().ok().map(|metadata| metadata.len()),
            made_by: seed.export_cmd,
            recorded_at: format!("{time:.3}"),
            older: 0,
        });
    }
    Ok(SeedsReport { schema: SCHEMA.to_owned(), seeds: rows, ..SeedsReport::default() })
}

fn fits(known: &KnownSeed, wanted: &SeedName) -> bool {
    let version = wanted.version.as_ref();
    known.seed.name == wanted.name && version.is_none_or(|it| *it == known.seed.schema_version)
}

fn told(seed: &SeedName) -> String {
    match &seed.version {
        Some(version) => format!("{}@{version}", seed.name),
        None => seed.name.clone(),
    }
}

/// The name of a path relative to the root, with `/`; `.` for the root itself. Links are not resolved.
fn inside(context: &Context, path: &Path) -> Result<String, SeedError> {
    let outside = || SeedError::Outside(path.display().to_string());
    let mut absolute = PathBuf::new();
    for part in context.cwd.join(path).components() {
        match part {
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            part => absolute.push(part),
        }
    }
    let name = absolute.strip_prefix(&context.root.path).map_err(|_| outside())?;
    match name.to_str().ok_or_else(outside)? {
        "" => Ok(".".to_owned()),
        name => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_a_version() {
        let seed: SeedName = "demo-2025q3@7.1".parse().unwrap();
        assert_eq!((seed.name.as_str(), seed.version.as_deref()), ("demo-2025q3", Some("7.1")));
        assert_eq!("demo".parse::<SeedName>().unwrap().version, None);
        for name in ["", "@1", "demo@", "a/b", "..", "-x", "a b", "a@b@c", &"a".repeat(65)] {
            assert!(name.parse::<SeedName>().is_err(), "{name}");
        }
    }
}
