//! The data of the delta extra: what changed since an earlier merge or sidecar.

use std::fmt::Write as _;

use contracts::repolens::diff::{Changes, DELTA_SCHEMA, DeltaReport, DeltaSummary, FileState};

use crate::diff::{State, compare};
use crate::reader::code_span;

/// Files of one list that the text names; the others are counted.
const LISTED_MAX: usize = 20;

/// What changed between an earlier state and this one.
pub fn delta(base: &State, now: &State) -> DeltaReport {
    let (changes, _) = compare(base, now);
    report(&base.merge_id, Some(base.generated_at.clone()), &now.generated_at, changes)
}

/// A report over changes that are already known.
pub fn report(
    base_import: &str,
    base_timestamp: Option<String>,
    current_timestamp: &str,
    changes: Changes,
) -> DeltaReport {
    let count = |list: usize| list as u64;
    DeltaReport {
        kind: DELTA_SCHEMA.to_owned(),
        base_import: base_import.to_owned(),
        base_timestamp,
        current_timestamp: current_timestamp.to_owned(),
        summary: DeltaSummary {
            files_added: count(changes.added.len()),
            files_removed: count(changes.removed.len()),
            files_changed: count(changes.changed.len()),
            files_renamed: count(changes.renamed.len()),
        },
        changes,
    }
}

/// The delta as Markdown, for the extra. Names stand in code spans; long lists end with a count.
pub fn text(delta: &DeltaReport) -> String {
    let DeltaSummary { files_added, files_removed, files_changed, files_renamed } = delta.summary;
    let since = delta.base_timestamp.as_deref().map(|time| format!(", made {time}"));
    let mut out = format!(
        "- Base: `{}`{}\n- Added: {files_added}\n- Removed: {files_removed}\n- Changed: {files_changed}\n- Renamed: {files_renamed}\n",
        code_span(&delta.base_import),
        since.unwrap_or_default()
    );
    let Changes { added, removed, renamed, changed } = &delta.changes;
    list(&mut out, "Added", added, name);
    list(&mut out, "Removed", removed, name);
    list(&mut out, "Changed", changed, |file| {
        format!("{}: {}", name(&file.to), file.what.join(", "))
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
    // Writing to a string cannot fail.
    let _ = write!(out, "\n### {title}\n\n");
    for file in files.iter().take(LISTED_MAX) {
        let _ = writeln!(out, "- {}", line(file));
    }
    if let Some(more) = files.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        let _ = writeln!(out, "- {more} more");
    }
}
