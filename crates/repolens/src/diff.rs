//! What changed between two merges, or between their sidecars: from the facts alone, no content is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use contracts::repolens::agent::{AgentFile, AgentSidecar, InclusionStatus};
use contracts::repolens::diff::{ChangedFile, Changes, DiffReport, FileState, RenamedFile, SCHEMA};

use crate::delta::Filters;
use crate::model::{self, Inclusion, Snapshot};
use crate::reader::{Included, ManifestRow, OutlineError, code_span, outline};
use crate::render::anchors::hex;
use crate::render::view;

/// Largest sidecar that is read, in bytes.
const SIDECAR_BYTES_MAX: u64 = 1 << 30;

/// Why two states cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is neither a merge nor a sidecar.
    #[error("`{}` is neither a merge nor a sidecar: {what}", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The facts of all files at one time.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The Merge-Id; empty when it is no merge.
    pub merge_id: String,
    /// When it was made, as RFC 3339.
    pub generated_at: String,
    filters: Filters,
    files: BTreeMap<(String, String), Facts>,
}

/// One file of a state.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Category, size and inclusion; its `hash` is not looked at.
    pub state: FileState,
    /// MD5 of the bytes on disk.
    pub md5: Option<String>,
    /// SHA-256 of the bytes on disk.
    pub sha256: Option<String>,
    /// The id that git gives the content.
    pub git: Option<String>,
    /// SHA-256 of what stands in the merge; all that is known of a file with masked secrets.
    pub emitted: Option<String>,
}

impl State {
    /// The state that a merge shows: `facts` are those of the snapshot's files, in their order.
    pub fn of(snapshot: &Snapshot, facts: &[view::Facts], generated_at: &str) -> Self {
        let mut state = Self { generated_at: generated_at.to_owned(), ..Self::default() };
        let files = { snapshot.repos.iter() }
            .flat_map(|repo| repo.files.iter().map(move |file| (repo, file)));
        for ((repo, file), facts) in files.zip(facts) {
            state.add(merge_facts(&repo.name, file, facts));
        }
        state
    }

    /// Reads part 1 of a merge (which has the manifest) or a sidecar.
    pub fn read(path: &Path) -> Result<Self, DiffError> {
        let fail = |source| DiffError::Read { path: path.to_owned(), source };
        let wrong = |what: String| DiffError::Form { path: path.to_owned(), what };
        let mut file = File::open(path).map_err(fail)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            let text =
                io::read_to_string(io::Read::take(&mut file, SIDECAR_BYTES_MAX)).map_err(fail)?;
            let sidecar = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            return Ok(Self::of_sidecar(sidecar));
        }
        let outline = outline(file).map_err(|error| match error {
            OutlineError::Read(source) => fail(source),
            error @ OutlineError::Form { .. } => wrong(error.to_string()),
        })?;
        let Some(meta) = outline.meta.map(|meta| meta.merge) else {
            let what = "it has no @meta block; give part 1 of the merge".to_owned();
            return Err(wrong(what));
        };
        if !meta.manifest_present {
            return Err(wrong("a plan has no manifest to compare".to_owned()));
        }
        let mut state = Self {
            merge_id: meta.merge_id,
            generated_at: meta.generated_at,
            filters: Filters {
                path_filter: meta.path_filter,
                extensions: { meta.ext_filter.into_iter().flatten() }.map(|ext| ext.0).collect(),
                code_only: meta.code_only,
            },
            files: BTreeMap::new(),
        };
        let mut emitted: BTreeMap<String, String> = { outline.blocks.into_iter() }
            .filter_map(|block| Some((block.anchor, block.facts?.sha256_emitted?)))
            .collect();
        for row in outline.rows {
            let repo = meta.source_repos.get(row.repo).or(meta.source_repos.first());
            let emitted = row.anchor.as_ref().and_then(|anchor| emitted.remove(anchor));
            state.add(Facts { emitted, ..row_facts(row, repo.map_or("", String::as_str)) });
        }
        Ok(state)
    }

    fn of_sidecar(sidecar: AgentSidecar) -> Self {
        let mut state = Self {
            merge_id: sidecar.meta.merge_id,
            generated_at: sidecar.meta.generated_at,
            filters: Filters {
                path_filter: sidecar.meta.filters.path_filter,
                extensions: sidecar.meta.filters.ext_filter.unwrap_or_default(),
                code_only: sidecar.meta.code_only,
            },
            files: BTreeMap::new(),
        };
        sidecar.files.into_iter().for_each(|file| state.add(file_facts(file)));
        state
    }

    /// Adds a file. Paths count as they are shown, so that merges and sidecars can be compared.
    pub fn add(&mut self, facts: Facts) {
        let FileState { repo, path, .. } = &facts.state;
        self.files.insert((repo.clone(), code_span(path).into_owned()), facts);
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The repositories that have a file, sorted.
    pub(crate) fn repos(&self) -> Vec<String> {
        let mut repos: Vec<String> = self.files.keys().map(|(repo, _)| repo.clone()).collect();
        repos.dedup();
        repos
    }

    /// Repository, path and size of every file.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let files = self.files.iter();
        files.map(|((repo, path), facts)| (repo.as_str(), path.as_str(), facts.state.size_bytes))
    }

    /// Keeps the files of which the answer to repository and path is yes.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.files.retain(|(repo, path), _| keep(repo, path));
    }

    /// The filters it was made with.
    pub(crate) fn filters(&self) -> &Filters {
        &self.filters
    }

    /// Whether all files are of one repository; its name does not count then, because a working copy
    /// may be called anything.
    fn single(&self) -> bool {
        let mut repos = self.files.keys().map(|(repo, _)| repo);
        repos.next().is_none_or(|first| repos.all(|repo| repo == first))
    }
}

fn row_facts(row: ManifestRow, repo: &str) -> Facts {
    let included = match &row.included {
        Included::Full { redacted: 0 } => "full".to_owned(),
        Included::Full { .. } => "full (redacted)".to_owned(),
        Included::Truncated { .. } => "truncated".to_owned(),
        Included::MetaOnly(reason) => format!("meta-only ({reason})"),
    };
    let state = FileState {
        repo: repo.to_owned(),
        path: row.shown_path,
        category: row.category,
        size_bytes: row.size_bytes,
        included,
        hash: None,
    };
    Facts { state, md5: row.md5, sha256: None, git: None, emitted: None }
}

/// The facts of a file that a merge is made of.
fn merge_facts(repo: &str, file: &model::File, facts: &view::Facts) -> Facts {
    let masked = facts.emitted.as_ref().is_some_and(|emitted| !emitted.redacted.is_empty());
    let included = match file.inclusion {
        Inclusion::Full if masked => "full (redacted)".to_owned(),
        Inclusion::Full => "full".to_owned(),
        Inclusion::Truncated { .. } => "truncated".to_owned(),
        Inclusion::MetaOnly(reason) => format!("meta-only ({})", view::reason_word(reason)),
    };
    let state = FileState {
        repo: repo.to_owned(),
        path: file.path.clone(),
        category: view::category_word(file.category).to_owned(),
        size_bytes: file.size,
        included,
        hash: None,
    };
    let hashes = facts.hashes;
    Facts {
        state,
        md5: hashes.map(|hashes| hex(&hashes.md5)),
        sha256: hashes.map(|hashes| hex(&hashes.sha256)),
        git: None,
        emitted: { facts.emitted.as_ref() }
            .and_then(|emitted| emitted.sha256.as_deref())
            .or(hashes.as_ref().map(|hashes| &hashes.sha256))
            .map(|hash| hex(hash)),
    }
}

fn file_facts(file: AgentFile) -> Facts {
    let masked = file.emitted.as_ref().is_some_and(|emitted| !emitted.redacted.is_empty());
    let included = match (file.inclusion_status, &file.reason) {
        (InclusionStatus::Full, _) if masked => "full (redacted)".to_owned(),
        (InclusionStatus::Full, _) => "full".to_owned(),
        (InclusionStatus::Truncated, _) => "truncated".to_owned(),
        (InclusionStatus::MetaOnly, reason) => {
            format!("meta-only ({})", reason.as_deref().unwrap_or("unknown"))
        }
    };
    let state = FileState {
        repo: file.repo,
        path: file.path,
        category: file.category,
        size_bytes: file.size_bytes,
        included,
        hash: None,
    };
    let emitted = file.emitted.map(|emitted| emitted.sha256_emitted);
    Facts { state, md5: file.md5, sha256: file.sha256, git: None, emitted }
}

/// Compares two merges or sidecars.
pub fn diff(a: &Path, b: &Path) -> Result<DiffReport, DiffError> {
    let (changes, unchanged) = compare(&State::read(a)?, &State::read(b)?);
    let Changes { added, removed, renamed, changed } = &changes;
    Ok(DiffReport {
        schema: SCHEMA.to_owned(),
        a: a.display().to_string(),
        b: b.display().to_string(),
        same: added.is_empty() && removed.is_empty() && renamed.is_empty() && changed.is_empty(),
        unchanged,
        changes,
    })
}

/// What changed, and how many files did not.
pub fn compare(a: &State, b: &State) -> (Changes, u64) {
    let by_path_alone = a.single() && b.single();
    let key = |(repo, path): &(String, String)| match by_path_alone {
        true => (String::new(), path.clone()),
        false => (repo.clone(), path.clone()),
    };
    let before: BTreeMap<_, &Facts> =
        a.files.iter().map(|(name, facts)| (key(name), facts)).collect();
    let after: BTreeMap<_, &Facts> =
        b.files.iter().map(|(name, facts)| (key(name), facts)).collect();
    let mut changes = Changes::default();
    let mut unchanged = 0;
    let mut gone = Vec::new();
    for (name, from) in &before {
        match after.get(name) {
            None => gone.push(*from),
            Some(to) => match differences(from, to) {
                what if what.is_empty() => unchanged += 1,
                what => {
                    changes.changed.push(ChangedFile { from: shown(from), to: shown(to), what });
                }
            },
        }
    }
    let mut new: Vec<&Facts> = after
        .iter()
        .filter(|(name, _)| !before.contains_key(*name))
        .map(|(_, facts)| *facts)
        .collect();
    for from in gone {
        // An empty file says nothing about where it came from.
        let moved = new
            .iter()
            .position(|to| from.state.size_bytes > 0 && same_bytes(from, to) == Some(true));
        match moved {
            Some(at) => {
                let to = new.remove(at);
                changes.renamed.push(RenamedFile { from: shown(from), to: shown(to) });
            }
            None => changes.removed.push(shown(from)),
        }
    }
    changes.added = new.into_iter().map(shown).collect();
    (changes, unchanged)
}

/// Whether two files have the same bytes; nothing when no hash is known of both.
fn same_bytes(a: &Facts, b: &Facts) -> Option<bool> {
    let compare = |a: &Option<String>, b: &Option<String>| Some(a.as_ref()? == b.as_ref()?);
    let hashes = compare(&a.sha256, &b.sha256).or_else(|| compare(&a.md5, &b.md5));
    hashes.or_else(|| compare(&a.git, &b.git)).or_else(|| {
        (a.state.included == b.state.included)
            .then_some(())
            .and_then(|()| compare(&a.emitted, &b.emitted))
    })
}

fn differences(a: &Facts, b: &Facts) -> Vec<String> {
    let size = a.state.size_bytes != b.state.size_bytes;
    let content = same_bytes(a, b).map_or(size, |same| !same);
    let told = [
        (content, "content"),
        (size, "size"),
        (a.state.category != b.state.category, "category"),
        (a.state.included != b.state.included, "included"),
    ];
    told.iter().filter(|(differs, _)| *differs).map(|(_, what)| (*what).to_owned()).collect()
}

fn shown(facts: &Facts) -> FileState {
    let sha256 = facts.sha256.as_ref().map(|hash| format!("sha256:{hash}"));
    let hash = sha256.or_else(|| facts.md5.as_ref().map(|hash| format!("md5:{hash}")));
    let hash = hash.or_else(|| facts.git.as_ref().map(|id| format!("git:{id}")));
    FileState { hash, ..facts.state.clone() }
}
