//! What changed since an earlier merge or sidecar.

use std::collections::{BTreeMap, BTreeSet};

use super::{Delta, made};
use crate::classify::classify;
use crate::diff::State;
use crate::model::{File, Inclusion, Kind, Repo, Snapshot, Stamp};
use crate::reader::code_span;
use crate::render::view::Facts;
use crate::select::{Selection, select};

pub(super) fn delta(
    base: &State,
    snapshot: &Snapshot,
    facts: &[Facts],
    selection: &Selection,
    generated_at: &str,
) -> Delta {
    let now = State::of(snapshot, facts, generated_at);
    let mut base = base.clone();
    let mut notes = vec!["Compared with it: the files of this merge".to_owned()];
    let here: BTreeSet<&str> = snapshot.repos.iter().map(|repo| repo.name.as_str()).collect();
    // A working copy may be called anything, so of two single ones the names do not count.
    let renamed = match (base.repos().as_slice(), snapshot.repos.as_slice()) {
        ([from], [to]) if *from != to.name => Some(to.name.clone()),
        _ => None,
    };
    let known = base.repos();
    let strangers: Vec<String> = { known.iter() }
        .filter(|repo| renamed.is_none() && !here.contains(repo.as_str()))
        .map(|repo| format!("`{}`", code_span(repo)))
        .collect();
    if !strangers.is_empty() {
        notes.push(format!(
            "Repositories of the base that are not in this merge, not compared: {}",
            strangers.join(", ")
        ));
    }
    base.retain(|repo, _| renamed.is_some() || here.contains(repo));
    let before = base.len();
    let passing = passing(&base, renamed.as_deref(), selection);
    base.retain(|repo, path| passing.contains(&(repo.to_owned(), path.to_owned())));
    let dropped = before - base.len();
    if dropped > 0 {
        notes.push(format!(
            "Files of the base that the filters of this merge leave out, not compared: {dropped}"
        ));
    }
    if *base.filters() != Filters::of(selection) {
        notes.push(
            "The base was made with other filters; what those left out counts as added".to_owned(),
        );
    }
    let id = base.merge_id.clone();
    made((&id, &base.generated_at), generated_at, (&base, &now), notes)
}

/// The filters that decide which files are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) path_filter: Option<String>,
    pub(crate) extensions: Vec<String>,
    pub(crate) code_only: bool,
}

impl Filters {
    fn of(selection: &Selection) -> Self {
        Self {
            path_filter: selection.path_filter.clone(),
            extensions: selection.extensions.clone(),
            code_only: selection.code_only,
        }
    }
}

/// The files of a state that the filters of a merge let through.
fn passing(
    base: &State,
    renamed: Option<&str>,
    selection: &Selection,
) -> BTreeSet<(String, String)> {
    let mut by_repo: BTreeMap<&str, Vec<File>> = BTreeMap::new();
    for (repo, path, size) in base.listed() {
        by_repo.entry(repo).or_default().push(listed(path, size));
    }
    let mut passing = BTreeSet::new();
    for (name, files) in by_repo {
        let mut snapshot = Snapshot { repos: vec![repo(renamed.unwrap_or(name), files)] };
        select(&mut snapshot, selection);
        let files = snapshot.repos.remove(0).files;
        passing.extend(files.into_iter().map(|file| (name.to_owned(), file.path)));
    }
    passing
}

/// A file of which nothing but path and size is known.
pub(super) fn listed(path: &str, size: u64) -> File {
    let (category, tags) = classify(path);
    File {
        path: path.to_owned(),
        escaped: false,
        size,
        kind: Kind::Unread,
        category,
        tags,
        inclusion: Inclusion::Full,
        stamp: Stamp::default(),
    }
}

/// A repository of such files.
pub(super) fn repo(name: &str, files: Vec<File>) -> Repo {
    Repo {
        name: name.to_owned(),
        root: std::path::PathBuf::new(),
        purposes: Vec::new(),
        files,
        skipped: Vec::new(),
        folders: Vec::new(),
        masked_names: 0,
        filtered: BTreeMap::new(),
        notes: Vec::new(),
    }
}
