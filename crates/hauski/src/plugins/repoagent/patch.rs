//! `repo.patch` and `repo.revert`: a unified diff over several files, whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use diffy::patch_set::{FileMode, FileOperation, ParseOptions, PatchKind, PatchSet};
use redact::Depth;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::journal::Change;
use super::place::{Contents, Place, relative};
use super::{Agent, Fault};

/// Bytes of one patch.
const MAX_PATCH_BYTES: usize = 4 << 20;
/// Files of one patch.
const MAX_FILES: usize = 1_000;

/// Parameters of `repo.patch`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    repo: String,
    /// A diff as git writes it, paths with `a/` and `b/`, or without where no file has them so.
    patch: String,
    /// Only says whether it would apply.
    #[serde(default)]
    check: bool,
    /// SHA-256 of files as the caller knows them; another state is refused.
    #[serde(default)]
    base: BTreeMap<String, String>,
}

/// Parameters of `repo.revert`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revert {
    /// The id that `repo.patch` gave.
    id: String,
}

pub(super) fn patch(agent: &Agent, asked: &Patch) -> Result<Value, Fault> {
    let journal = agent.require_write()?;
    if asked.patch.len() > MAX_PATCH_BYTES {
        return Err(Fault::invalid("patch", "it is larger than 4 MiB"));
    }
    let place = agent.place(&asked.repo)?;
    for (path, sha256) in &asked.base {
        let now = place.read(path)?.map(|contents| hash(&contents.bytes));
        if now.as_ref() != Some(sha256) {
            return Err(Fault::invalid("base", format!("{path} is not as it was; read it again")));
        }
    }
    let changes = changes(&place, &asked.patch)?;
    for change in &changes {
        refuse_secrets(agent, change)?;
    }
    let files: Vec<Value> = changes.iter().map(described).collect();
    if asked.check {
        return Ok(json!({ "applies": true, "files": files }));
    }
    let id = journal.apply(&place, &changes)?;
    Ok(json!({ "id": id, "files": files }))
}

pub(super) fn revert(agent: &Agent, asked: &Revert) -> Result<Value, Fault> {
    let files = agent.require_write()?.revert(&asked.id, &agent.roots)?;
    Ok(json!({ "id": asked.id, "files": files }))
}

/// What the patch makes of the files, computed without touching one.
fn changes(place: &Place, text: &str) -> Result<Vec<Change>, Fault> {
    let mut state: BTreeMap<String, (Option<Contents>, Option<Contents>)> = BTreeMap::new();
    let options = if text.contains("diff --git ") {
        ParseOptions::gitdiff()
    } else {
        ParseOptions::unidiff()
    };
    let mut any = false;
    for file in PatchSet::parse(text, options) {
        let file =
            file.map_err(|error| Fault::invalid("patch", format!("it is no diff: {error}")))?;
        any = true;
        if [file.old_mode(), file.new_mode()]
            .into_iter()
            .flatten()
            .any(|mode| matches!(mode, FileMode::Symlink | FileMode::Gitlink))
        {
            return Err(Fault::forbidden("a patch makes neither links nor submodules"));
        }
        let executable = file.new_mode().map(|mode| *mode == FileMode::Executable);
        let (from, to) = paths(file.operation());
        let text = match file.patch() {
            PatchKind::Text(text) => text,
            PatchKind::Binary(_) => {
                return Err(Fault::invalid("patch", "binary files cannot be patched"));
            }
        };
        let before = match from.as_deref() {
            Some(from) => Some(
                now(place, &mut state, from)?
                    .ok_or_else(|| Fault::invalid("patch", format!("there is no {from}")))?,
            ),
            None => None,
        };
        let base = before.as_ref().map(|contents| contents.bytes.as_slice()).unwrap_or_default();
        let base = std::str::from_utf8(base)
            .map_err(|_| Fault::invalid("patch", "a file it changes is not UTF-8 text"))?;
        let name = to.as_deref().or(from.as_deref()).unwrap_or_default();
        let applied = diffy::apply(base, text).map_err(|error| {
            Fault::invalid(
                "patch",
                format!("{name}: {error}; the file is not what the patch expects"),
            )
        })?;
        if from.is_none() && now(place, &mut state, name)?.is_some() {
            return Err(Fault::invalid("patch", format!("{name} is there already")));
        }
        let keeps_original = matches!(file.operation(), FileOperation::Copy { .. });
        if let (Some(from), false) = (&from, keeps_original)
            && Some(from) != to.as_ref()
        {
            set(&mut state, from, None);
        }
        if let Some(to) = &to {
            let was = before.as_ref().is_some_and(|contents| contents.executable);
            let executable = executable.unwrap_or(was);
            now(place, &mut state, to)?;
            set(&mut state, to, Some(Contents { bytes: applied.into_bytes(), executable }));
        } else if !applied.is_empty() {
            return Err(Fault::invalid("patch", format!("{name} would not be empty when removed")));
        }
    }
    if !any || state.len() > MAX_FILES {
        return Err(Fault::invalid("patch", "it changes no file, or more than 1000"));
    }
    let changed = state.into_iter().filter(|(_, (before, after))| before != after);
    Ok(changed.map(|(path, (before, after))| Change { path, before, after }).collect())
}

/// The paths of an operation without git's `a/` and `b/`: before and after.
fn paths(operation: &FileOperation<'_, str>) -> (Option<String>, Option<String>) {
    let has_prefixes = match operation {
        FileOperation::Delete(path) => path.starts_with("a/"),
        FileOperation::Create(path) => path.starts_with("b/"),
        FileOperation::Modify { original, modified } => {
            original.starts_with("a/") && modified.starts_with("b/")
        }
        // git writes these two without prefixes.
        FileOperation::Rename { .. } | FileOperation::Copy { .. } => false,
    };
    let stripped = if has_prefixes { operation.strip_prefix(1) } else { operation.clone() };
    match stripped {
        FileOperation::Delete(path) => (Some(path.into_owned()), None),
        FileOperation::Create(path) => (None, Some(path.into_owned())),
        FileOperation::Modify { original, modified } => {
            (Some(original.into_owned()), Some(modified.into_owned()))
        }
        FileOperation::Rename { from, to } | FileOperation::Copy { from, to } => {
            (Some(from.into_owned()), Some(to.into_owned()))
        }
    }
}

type State = BTreeMap<String, (Option<Contents>, Option<Contents>)>;

/// A file as the patch has made it so far.
fn now(place: &Place, state: &mut State, path: &str) -> Result<Option<Contents>, Fault> {
    relative(path)?;
    if let Some((_, now)) = state.get(path) {
        return Ok(now.clone());
    }
    let contents = place.read(path)?;
    state.insert(path.to_owned(), (contents.clone(), contents.clone()));
    Ok(contents)
}

fn set(state: &mut State, path: &str, contents: Option<Contents>) {
    if let Some((_, now)) = state.get_mut(path) {
        *now = contents;
    }
}

/// A patch that brings a secret into a repository is refused; one that only leaves it there is not.
fn refuse_secrets(agent: &Agent, change: &Change) -> Result<(), Fault> {
    let count = |contents: &Option<Contents>| {
        contents.as_ref().map_or(0, |contents| {
            agent.redactor.count(&String::from_utf8_lossy(&contents.bytes), Depth::Deep)
        })
    };
    if count(&change.after) > count(&change.before) {
        let what = "the patch would bring in something that looks like a secret";
        return Err(Fault::forbidden(format!("{}: {what}", change.path)));
    }
    Ok(())
}

fn described(change: &Change) -> Value {
    let what = match (&change.before, &change.after) {
        (None, _) => "create",
        (_, None) => "delete",
        _ => "modify",
    };
    let sha256 = change.after.as_ref().map(|contents| hash(&contents.bytes));
    json!({ "path": change.path, "change": what, "sha256": sha256 })
}

/// SHA-256 in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
