//! Names of merges: from what was merged and how, unless the caller names them.

use std::collections::BTreeSet;

use super::{MergeError, MergeRequest};
use crate::model::Snapshot;
use crate::render::view::Settings;

/// Characters of a name that come from repositories or filters.
const PIECE_MAX: usize = 60;

/// The first part of the file names of every merge.
pub(super) fn stems(
    request: &MergeRequest,
    settings: &Settings,
    snapshots: &[Snapshot],
) -> Result<Vec<String>, MergeError> {
    let mut taken = BTreeSet::new();
    let mut stems = Vec::new();
    for snapshot in snapshots {
        let scope = match snapshot.repos.as_slice() {
            [repo] => piece(&repo.name),
            _ => "multi".to_owned(),
        };
        let stem = match (&request.name, snapshots.len()) {
            (Some(name), 1) => name.clone(),
            (Some(name), _) => format!("{name}-{scope}"),
            (None, _) => format!("{scope}-{}", options(request, settings)),
        };
        if !taken.insert(stem.to_lowercase()) {
            return Err(MergeError::SameName { name: stem });
        }
        stems.push(stem);
    }
    Ok(stems)
}

fn options(request: &MergeRequest, settings: &Settings) -> String {
    let mut words = vec![settings.level.name().to_owned()];
    if settings.plan_only {
        words.push("plan-only".to_owned());
    } else if settings.code_only {
        words.push("code-only".to_owned());
    }
    if settings.meta_none {
        words.push("meta-none".to_owned());
    }
    if let Some(filter) = &settings.path_filter {
        words.push(format!("path-{}", piece(filter)));
    }
    if !settings.extensions.is_empty() {
        let all: Vec<&str> =
            settings.extensions.iter().map(|extension| extension.trim_start_matches('.')).collect();
        words.push(format!("ext-{}", piece(&all.join("+"))));
    }
    if request.dated {
        words.push(request.generated_at.strftime("%y%m%d-%H%M").to_string());
    }
    words.join("-")
}

/// Letters, digits, `+`, `_` and `-` of a text.
fn piece(text: &str) -> String {
    let fits = |c: char| if c.is_alphanumeric() || "+_-".contains(c) { c } else { '-' };
    let piece: String = text.chars().map(fits).take(PIECE_MAX).collect();
    let piece = piece.trim_matches('-');
    if piece.is_empty() { "x".to_owned() } else { piece.to_owned() }
}
