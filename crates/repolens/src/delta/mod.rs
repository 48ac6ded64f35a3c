//! The delta extra: what changed since an earlier merge or sidecar, since a revision, or between two
//! revisions. Only files that the filters of the merge let through are compared.

mod earlier;
mod revision;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use contracts::repolens::diff::{Changes, DELTA_SCHEMA, DeltaReport, DeltaSummary, FileState};
use thiserror::Error;

pub(crate) use earlier::Filters;

use crate::diff::{DiffError, State, compare};
use crate::git::GitError;
use crate::model::Snapshot;
use crate::reader::code_span;
use crate::render::view::Facts;
use crate::select::Selection;

/// Files of one list that the text names; the others are counted.
const LISTED_MAX: usize = 20;

/// What a merge is compared with.
#[derive(Debug, Clone)]
pub enum Base {
    /// An earlier merge or its sidecar.
    Earlier(Box<State>),
    /// A revision of every root's own repository; the working copy is compared with it.
    Revision(String),
    /// Two revisions of every root's own repository, the older one first. What lies in the working copy
    /// does not count.
    Revisions(String, String),
}

/// Why there is nothing to compare with.
#[derive(Debug, Error)]
pub enum DeltaError {
    /// The earlier merge cannot be read.
    #[error(transparent)]
    Earlier(#[from] DiffError),
    /// What was named is no revision range.
    #[error("`{0}` is no revision range; two dots stand between two revisions: `v1..v2`")]
    Range(String),
    /// A root is no repository.
    #[error("`{repo}` is no git repository of its own, so it has no revision `{revision}`")]
    NoRepository {
        /// The root's name.
        repo: String,
        /// What was asked for.
        revision: String,
    },
    /// There is no such commit.
    #[error("`{repo}` has no commit `{revision}`")]
    NoCommit {
        /// The repository's name.
        repo: String,
        /// What was asked for.
        revision: String,
    },
    /// Git cannot tell.
    #[error("git cannot list `{revision}` of `{repo}`")]
    Git {
        /// The repository's name.
        repo: String,
        /// What was asked for.
        revision: String,
        /// Why.
        source: GitError,
    },
    /// A root cannot be opened.
    #[error("cannot open `{}`", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Base {
    /// Reads what a person named: a file (part 1 of a merge, or a sidecar) below `here`, `REV`, or
    /// `REV..REV`; a missing end of a range is `HEAD`. What ends like a merge or a sidecar is a file even
    /// when it is not there.
    pub fn parse(text: &str, here: &Path) -> Result<Self, DeltaError> {
        let path = here.join(text);
        if text.ends_with(".md") || text.ends_with(".json") || path.is_file() {
            return Ok(Self::Earlier(Box::new(State::read(&path)?)));
        }
        let Some((from, to)) = text.split_once("..") else {
            return match text.trim() {
                "" => Err(DeltaError::Range(text.to_owned())),
                _ => Ok(Self::Revision(text.to_owned())),
            };
        };
        if from.is_empty() || to.starts_with('.') || to.contains("..") {
            return Err(DeltaError::Range(text.to_owned()));
        }
        let to = if to.is_empty() { "HEAD" } else { to };
        Ok(Self::Revisions(from.to_owned(), to.to_owned()))
    }

    /// What it is, for the id of a merge.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Earlier(state) => format!("merge {}", state.merge_id),
            Self::Revision(revision) => format!("revision {revision}"),
            Self::Revisions(from, to) => format!("revisions {from}..{to}"),
        }
    }
}

/// A delta with what has to be said about it.
#[derive(Debug, Clone)]
pub struct Delta {
    /// What changed.
    pub report: DeltaReport,
    /// Files that are the same in both states.
    pub unchanged: u64,
    /// Sentences about what was compared with what.
    pub notes: Vec<String>,
}

/// Compares a merge with its base. `facts` are those of the snapshot's files, in their order.
pub fn delta(
    base: &Base,
    snapshot: &Snapshot,
    facts: &[Facts],
    selection: &Selection,
    generated_at: &str,
) -> Result<Delta, DeltaError> {
    match base {
        Base::Earlier(state) => Ok(earlier::delta(state, snapshot, facts, selection, generated_at)),
        Base::Revision(revision) => {
            revision::with_working_copy(revision, snapshot, selection, generated_at)
        }
        Base::Revisions(from, to) => revision::between(from, to, snapshot, selection),
    }
}

fn made(
    (base_import, base_timestamp): (&str, &str),
    current_timestamp: &str,
    (base, now): (&State, &State),
    notes: Vec<String>,
) -> Delta {
    let (changes, unchanged) = compare(base, now);
    let count = |list: usize| list as u64;
    let report = DeltaReport {
        kind: DELTA_SCHEMA.to_owned(),
        base_import: base_import.to_owned(),
        base_timestamp: Some(base_timestamp.to_owned()).filter(|time| !time.is_empty()),
        current_timestamp: current_timestamp.to_owned(),
        summary: DeltaSummary {
            files_added: count(changes.added.len()),
            files_removed: count(changes.removed.len()),
            files_changed: count(changes.changed.len()),
            files_renamed: count(changes.renamed.len()),
        },
        changes,
    };
    Delta { report, unchanged, notes }
}

/// The delta as Markdown, for the extra. Names stand in code spans; long lists end with a count.
pub fn text(delta: &Delta) -> String {
    let report = &delta.report;
    let DeltaSummary { files_added, files_removed, files_changed, files_renamed } = report.summary;
    let since = report.base_timestamp.as_deref().map(|time| format!(", of {time}"));
    let mut out =
        format!("- Base: `{}`{}\n", code_span(&report.base_import), since.unwrap_or_default());
    for note in &delta.notes {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "- {note}");
    }
    let _ = write!(
        out,
        "- Added: {files_added}\n- Removed: {files_removed}\n- Changed: {files_changed}\n- Renamed: {files_renamed}\n- Unchanged: {}\n",
        delta.unchanged
    );
    let Changes { added, removed, renamed, changed } = &report.changes;
    if delta.unchanged == 0 && added.is_empty() && removed.is_empty() && changed.is_empty() {
        out.push_str("\nThere is no file to compare.\n");
    }
    list(&mut out, "Added", added, name);
    list(&mut out, "Removed", removed, name);
    list(&mut out, "Changed", changed, |file| {
        let (from, to) = (file.from.size_bytes, file.to.size_bytes);
        format!("{}: {} ({from} → {to} bytes)", name(&file.to), file.what.join(", "))
    });
    list(&mut out, "Renamed", renamed, |file| format!("{} → {}", name(&file.from), name(&file.to)));
    out
}

fn name(file: &FileState) -> String {
    format!("`{}/{}`", code_span(&file.repo), code_span(&file.path))
}

fn list<T>(out: &mut String, title: &str, files: &[T], line: impl Fn(&T) -> String) {
    if files.is_empty() {
        return;
    }
    let _ = write!(out, "\n### {title}\n\n");
    for file in files.iter().take(LISTED_MAX) {
        let _ = writeln!(out, "- {}", line(file));
    }
    if let Some(more) = files.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        let _ = writeln!(out, "- {more} more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_names_is_a_file_a_revision_or_a_range() {
        let here = tempfile::tempdir().unwrap();
        let parse = |text: &str| Base::parse(text, here.path());
        assert!(matches!(parse("HEAD~2"), Ok(Base::Revision(rev)) if rev == "HEAD~2"));
        assert!(matches!(parse("origin/main"), Ok(Base::Revision(_))));
        assert!(matches!(parse("a..b"), Ok(Base::Revisions(a, b)) if a == "a" && b == "b"));
        assert!(matches!(parse("a.."), Ok(Base::Revisions(_, b)) if b == "HEAD"));
        for text in ["a...b", "..b", "a..b..c", "", " "] {
            assert!(matches!(parse(text), Err(DeltaError::Range(_))), "{text}");
        }
        assert!(matches!(parse("old_merge.md"), Err(DeltaError::Earlier(DiffError::Read { .. }))));
        std::fs::write(here.path().join("old"), "no merge\n").unwrap();
        assert!(matches!(parse("old"), Err(DeltaError::Earlier(DiffError::Form { .. }))));
    }
}
