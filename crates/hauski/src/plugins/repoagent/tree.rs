//! `repo.tree`: the files of a repository, as its ignore files have it. Also the walk of the others.

use ignore::WalkBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{Place, relative};
use super::{Agent, Fault, within};

/// Files that one walk looks at, at most; more are counted as not seen.
const MAX_FILES: usize = 200_000;

/// Parameters of `repo.tree`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    repo: String,
    /// Only below this folder.
    path: Option<String>,
    /// Folders deep, 1 to 100; default 100.
    depth: Option<u64>,
    /// At most so many files, 1 to 10,000; default 1,000.
    limit: Option<u64>,
    /// `next` of the answer before.
    cursor: Option<u64>,
}

/// A file of a walk.
pub(super) struct Seen {
    /// Relative, with `/`.
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// A walk: its files sorted by path, and how many entries it could not show.
pub(super) struct Walk {
    pub(super) files: Vec<Seen>,
    pub(super) not_seen: u64,
}

/// Walks a repository or a folder of it: no link is followed, ignored files and `.git` are left out.
pub(super) fn walk(place: &Place, below: Option<&str>, depth: usize) -> Result<Walk, Fault> {
    let root = match below {
        Some(below) => place.path().join(relative(below)?),
        None => place.path().to_owned(),
    };
    // A link on the way would lead the walk elsewhere.
    if root.canonicalize().ok().as_deref() != Some(root.as_path()) {
        return Err(Fault::invalid(
            "path",
            "there is no such folder, or it is reached through a link",
        ));
    }
    let mut walk = Walk { files: Vec::new(), not_seen: 0 };
    let entries = WalkBuilder::new(&root)
        .hidden(false)
        .parents(false)
        .git_global(false)
        .require_git(false)
        .follow_links(false)
        .max_depth(Some(depth))
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for entry in entries {
        let Ok(entry) = entry else {
            walk.not_seen += 1;
            continue;
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path().strip_prefix(place.path()).ok().and_then(|path| path.to_str());
        match (path, entry.metadata()) {
            (Some(path), Ok(about)) if walk.files.len() < MAX_FILES => {
                walk.files.push(Seen { path: path.to_owned(), bytes: about.len() });
            }
            _ => walk.not_seen += 1,
        }
    }
    Ok(walk)
}

pub(super) fn tree(agent: &Agent, asked: &Tree) -> Result<Value, Fault> {
    let depth = within("depth", asked.depth, 100, 1..=100)?;
    let limit = within("limit", asked.limit, 1_000, 1..=10_000)?;
    let cursor = within("cursor", asked.cursor, 0, 0..=u64::from(u32::MAX))?;
    let place = agent.place(&asked.repo)?;
    let found = walk(&place, asked.path.as_deref(), depth)?;
    let total = found.files.len();
    let shown = found.files.iter().skip(cursor).take(limit);
    let files: Vec<Value> =
        shown.map(|file| json!({ "path": file.path, "bytes": file.bytes })).collect();
    let next = cursor + files.len();
    Ok(json!({
        "total": total,
        "files": files,
        "next": (next < total).then_some(next),
        "not_seen": found.not_seen,
    }))
}
