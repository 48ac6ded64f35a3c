//! The files that a green run made, as its task declares them (`artifacts`): found by globs inside the root,
//! bounded in number and size, kept in the store. What stays out is counted.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;
use memory::{Artefact, ArtefactGaps, Store};
use wgx_tasks::task::FoundTask;

/// Most files of a run.
pub(crate) const MOST_FILES: usize = 100;
/// Largest file; packs take none that is larger.
pub(crate) const MOST_FILE_BYTES: u64 = 64 << 20;
/// Largest sum of a run.
pub(crate) const MOST_BYTES: u64 = 256 << 20;
/// Most entries of folders that are looked at; a folder beyond them is left out as one.
const MOST_ENTRIES: usize = 50_000;

/// What was kept of what a run made.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) artefacts: Vec<Artefact>,
    pub(super) gaps: ArtefactGaps,
}

impl Collected {
    /// A sentence about what is missing, if anything is.
    pub(super) fn note(&self, task: &str) -> Option<String> {
        let ArtefactGaps { left_out, without_content } = self.gaps;
        let mut told = Vec::new();
        if left_out > 0 {
            told.push(format!(
                "{left_out} of its artifacts are left out (at most {MOST_FILES} files, {} MiB each, {} \
                 MiB together)",
                MOST_FILE_BYTES >> 20,
                MOST_BYTES >> 20
            ));
        }
        if without_content > 0 {
            told.push(format!(
                "{without_content} look as if they hold a secret: only their digests are kept"
            ));
        }
        (!told.is_empty()).then(|| format!("`{task}`: {}", told.join("; ")))
    }
}

/// Finds and keeps the artefacts of a task. Links are not followed.
pub(super) fn collect(root: &Path, task: &FoundTask, store: &Store) -> Collected {
    let mut collected = Collected::default();
    let folder = match task.invocation.dir.as_str() {
        "" | "." => root.to_owned(),
        dir => root.join(dir),
    };
    let (files, unseen) = find(&folder, &task.artifacts);
    collected.gaps.left_out = unseen;
    let mut bytes = 0u64;
    for (path, metadata) in files {
        let room = MOST_FILE_BYTES.min(MOST_BYTES.saturating_sub(bytes));
        let fits = collected.artefacts.len() < MOST_FILES && metadata.len() <= room;
        let name = path.strip_prefix(root).ok().and_then(Path::to_str).filter(|_| fits);
        let kept = name.and_then(|name| store.keep_artefact(root, name, room).ok());
        let Some((artefact, is_whole)) = kept else {
            collected.gaps.left_out += 1;
            continue;
        };
        bytes = bytes.saturating_add(artefact.bytes);
        collected.gaps.without_content += u64::from(!is_whole);
        collected.artefacts.push(artefact);
    }
    collected
}

/// Regular files below a folder that a glob names, sorted, and how much could not be looked at.
fn find(folder: &Path, globs: &[String]) -> (Vec<(PathBuf, Metadata)>, u64) {
    let wanted = matcher(globs);
    let mut found = Vec::new();
    let (mut entries, mut unseen) = (0, 0);
    for start in starts(folder, globs) {
        let mut walk = WalkBuilder::new(&start);
        walk.standard_filters(false).follow_links(false);
        walk.filter_entry(|entry| entry.file_name() != ".git");
        for entry in walk.build() {
            entries += 1;
            if entries > MOST_ENTRIES {
                unseen += 1;
                break;
            }
            let Ok(entry) = entry else {
                unseen += 1;
                continue;
            };
            let path = entry.path();
            let is_wanted = path.strip_prefix(folder).is_ok_and(|path| wanted.is_match(path));
            if !is_wanted || !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) => found.push((path.to_owned(), metadata)),
                Err(_) => unseen += 1,
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found.dedup_by(|(a, _), (b, _)| a == b);
    (found, unseen)
}

/// The folders and files to begin at: the part of each glob before its first wildcard, where it is there
/// and no link leads to it.
fn starts(folder: &Path, globs: &[String]) -> Vec<PathBuf> {
    let is_plain = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
    let mut starts: Vec<PathBuf> = Vec::new();
    for glob in globs {
        let mut start = folder.to_owned();
        let mut parts = glob.split('/').filter(|part| !part.is_empty() && *part != ".");
        let exists = parts.by_ref().take_while(is_plain).all(|part| {
            start.push(part);
            part != ".git" && start.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink())
        });
        if exists && !starts.iter().any(|known| start.starts_with(known)) {
            starts.retain(|known| !known.starts_with(&start));
            starts.push(start);
        }
    }
    starts
}

/// `*` stays inside of a folder, `**` does not. The reader of the profile refused what is no glob.
fn matcher(globs: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = glob.trim_start_matches("./");
        if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
            set.add(glob);
        }
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}
