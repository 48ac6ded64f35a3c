//! What changed since a revision, or between two: git lists the files of a commit with the hashes of
//! their contents; of the working copy only files are hashed whose size leaves the question open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};

use contracts::repolens::diff::FileState;
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::earlier::{listed, repo as repo_of};
use super::{Delta, DeltaError, made};
use crate::diff::{Facts as StateFacts, State};
use crate::git::Git;
use crate::model::{File, Kind, Repo, Snapshot};
use crate::render::anchors::hex;
use crate::render::view::category_word;
use crate::scan;
use crate::scan::beneath::Root;
use crate::secrets;
use crate::select::{Selection, select};

/// A file of a commit.
struct Blob {
    path: String,
    size: u64,
    id: String,
}

/// A commit and the files of it that the merge would list.
struct Commit {
    id: String,
    /// RFC 3339, in UTC.
    time: String,
    blobs: Vec<Blob>,
}

impl Commit {
    fn read(repo: &Repo, revision: &str, selection: &Selection) -> Result<Self, DeltaError> {
        let named = || (repo.name.clone(), revision.to_owned());
        let Some(git) = Git::at(&repo.root) else {
            let (repo, revision) = named();
            return Err(DeltaError::NoRepository { repo, revision });
        };
        let failed = |source| {
            let (repo, revision) = named();
            DeltaError::Git { repo, revision, source }
        };
        let id = git.commit(revision).map_err(|source| match source {
            crate::git::GitError::Failed(_) => {
                let (repo, revision) = named();
                DeltaError::NoCommit { repo, revision }
            }
            source => failed(source),
        })?;
        let about = git
            .ask(&["log", "-1", "--format=%ct", "--end-of-options", &id, "--"])
            .map_err(failed)?;
        let seconds = String::from_utf8_lossy(&about).trim().parse().unwrap_or(0);
        let time = Timestamp::from_second(seconds).unwrap_or_default();
        let listing = git
            .ask(&["ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", &id])
            .map_err(failed)?;
        let blobs = blobs(&listing);
        let mut snapshot = Snapshot {
            repos: vec![repo_of(
                &repo.name,
                blobs.iter().map(|blob| listed(&blob.path, blob.size)).collect(),
            )],
        };
        select(&mut snapshot, selection);
        let passing: BTreeSet<&str> =
            snapshot.repos[0].files.iter().map(|file| file.path.as_str()).collect();
        let blobs = blobs
            .into_iter()
            .filter(|blob| passing.contains(blob.path.as_str()) && !is_skipped(repo, &blob.path))
            .collect();
        Ok(Self { id, time: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), blobs })
    }

    fn add_to(&self, repo: &Repo, state: &mut State) {
        for blob in &self.blobs {
            state.add(facts(&repo.name, &blob.path, blob.size, Some(blob.id.clone())));
        }
    }
}

/// Whether the scan left a path out, itself or with a folder above it.
fn is_skipped(repo: &Repo, path: &str) -> bool {
    let is_listed = |path: &str| {
        repo.skipped.binary_search_by(|skipped| skipped.path.as_str().cmp(path)).is_ok()
    };
    is_listed(path) || path.match_indices('/').any(|(at, _)| is_listed(&path[..=at]))
}

/// `MODE TYPE ID SIZE\tPATH` and NUL, for every file. A submodule has no size.
fn blobs(listing: &[u8]) -> Vec<Blob> {
    let record = |record: &[u8]| -> Option<Blob> {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let mut words = str::from_utf8(&record[..tab]).ok()?.split_ascii_whitespace().skip(2);
        let (id, size) = (words.next()?.to_owned(), words.next()?);
        let (path, _) = scan::path_text(&record[tab + 1..]);
        Some(Blob { path, size: size.parse().unwrap_or(0), id })
    };
    let mut blobs: Vec<Blob> = listing.split(|byte| *byte == 0).filter_map(record).collect();
    // As the scan shows them.
    let paths = blobs.iter().map(|blob| blob.path.as_str());
    for (place, masked, _) in secrets::in_names(&secrets::redactor(), paths) {
        blobs[place].path = masked;
    }
    blobs
}

fn facts(repo: &str, path: &str, size: u64, git: Option<String>) -> StateFacts {
    let (category, _) = crate::classify::classify(path);
    let state = FileState {
        repo: repo.to_owned(),
        path: path.to_owned(),
        category: category_word(category).to_owned(),
        size_bytes: size,
        // A commit says nothing about what a merge shows.
        included: String::new(),
        hash: None,
    };
    StateFacts { state, md5: None, sha256: None, git, emitted: None }
}

/// What one call of a revision was in every repository.
struct Named {
    /// For the report: the revision, with its commit where there is one repository.
    label: String,
    /// Of the newest commit among them.
    time: String,
    commits: Vec<Commit>,
}

impl Named {
    fn read(
        revision: &str,
        snapshot: &Snapshot,
        selection: &Selection,
    ) -> Result<Self, DeltaError> {
        let commits: Vec<Commit> = { snapshot.repos.iter() }
            .map(|repo| Commit::read(repo, revision, selection))
            .collect::<Result<_, _>>()?;
        let label = match commits.as_slice() {
            [commit] => format!("{revision} ({})", short(&commit.id)),
            _ => revision.to_owned(),
        };
        let time = commits.iter().map(|commit| commit.time.clone()).max().unwrap_or_default();
        Ok(Self { label, time, commits })
    }

    fn state(&self, snapshot: &Snapshot) -> State {
        let mut state = State::default();
        for (commit, repo) in self.commits.iter().zip(&snapshot.repos) {
            commit.add_to(repo, &mut state);
        }
        state
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

pub(super) fn between(
    from: &str,
    to: &str,
    snapshot: &Snapshot,
    selection: &Selection,
) -> Result<Delta, DeltaError> {
    let from = Named::read(from, snapshot, selection)?;
    let to = Named::read(to, snapshot, selection)?;
    let note = format!(
        "Compared with it: `{}`, of {}; the files of this merge may be others",
        crate::reader::code_span(&to.label),
        to.time
    );
    let states = (&from.state(snapshot), &to.state(snapshot));
    Ok(made((&from.label, &from.time), &to.time, states, vec![note]))
}

pub(super) fn with_working_copy(
    revision: &str,
    snapshot: &Snapshot,
    selection: &Selection,
    generated_at: &str,
) -> Result<Delta, DeltaError> {
    let base = Named::read(revision, snapshot, selection)?;
    let mut now = State::default();
    for (commit, repo) in base.commits.iter().zip(&snapshot.repos) {
        let root = Root::open(&repo.root)
            .map_err(|source| DeltaError::Root { path: repo.root.clone(), source })?;
        working_copy(repo, &root, commit, &mut now);
    }
    let notes = vec!["Compared with it: the files of the working copy".to_owned()];
    let states = (&base.state(snapshot), &now);
    Ok(made((&base.label, &base.time), generated_at, states, notes))
}

fn working_copy(repo: &Repo, root: &Root, commit: &Commit, now: &mut State) {
    let sizes: BTreeMap<&str, u64> =
        commit.blobs.iter().map(|blob| (blob.path.as_str(), blob.size)).collect();
    let here: BTreeSet<&str> = repo.files.iter().map(|file| file.path.as_str()).collect();
    // What is gone may have moved to a new file of its size.
    let gone: BTreeSet<u64> =
        sizes.iter().filter(|(path, _)| !here.contains(*path)).map(|(_, size)| *size).collect();
    let long = commit.blobs.first().is_some_and(|blob| blob.id.len() > 40);
    for file in &repo.files {
        let size = if file.kind == Kind::Submodule { 0 } else { file.size };
        let open = match sizes.get(file.path.as_str()) {
            Some(before) => *before == size,
            None => gone.contains(&size),
        };
        let id = if open { object_id(root, file, long) } else { None };
        now.add(facts(&repo.name, &file.path, size, id));
    }
}

/// The id that git gives the content of a file; nothing where it cannot be told.
fn object_id(root: &Root, file: &File, long: bool) -> Option<String> {
    match &file.kind {
        // A target with `%` may stand for other bytes than it shows.
        Kind::Symlink { target } if !target.contains('%') => {
            blob_id(&mut target.as_bytes(), target.len() as u64, long).ok()
        }
        Kind::Symlink { .. }
        | Kind::Submodule
        | Kind::Special
        | Kind::Withheld
        | Kind::Unreadable { .. } => None,
        _ => {
            let mut opened = fs::File::from(root.file(&file.raw_path()).ok()?);
            if !opened.metadata().ok()?.is_file() {
                return None;
            }
            blob_id(&mut opened, file.size, long).ok()
        }
    }
}

fn blob_id(content: &mut impl Read, size: u64, long: bool) -> io::Result<String> {
    let head = format!("blob {size}\0");
    if long { hashed::<Sha256>(&head, content) } else { hashed::<Sha1>(&head, content) }
}

fn hashed<D: Digest>(head: &str, content: &mut impl Read) -> io::Result<String> {
    let mut hash = D::new();
    hash.update(head.as_bytes());
    let mut portion = vec![0; 64 * 1024];
    loop {
        match content.read(&mut portion) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => hash.update(&portion[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_have_the_ids_that_git_gives_them() {
        let id = |text: &str, long| blob_id(&mut text.as_bytes(), text.len() as u64, long).unwrap();
        assert_eq!(id("", false), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(id("hello\n", false), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(
            id("", true),
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
        );
    }

    #[test]
    fn listings_tell_names_sizes_and_ids() {
        let listing =
            b"100644 blob aa   12\ta b\x00160000 commit bb       -\tsub\x00120000 blob cc 3\t\xFF\0";
        let read = blobs(listing);
        let told: Vec<_> =
            read.iter().map(|blob| (blob.path.as_str(), blob.size, blob.id.as_str())).collect();
        assert_eq!(told, [("a b", 12, "aa"), ("sub", 0, "bb"), ("%FF", 3, "cc")]);
    }
}
