//! What takes patches back: the files as they were, kept before anything is changed. A patch that a crash
//! left half applied is taken back at the next start.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Fault;
use super::patch::hash;
use super::place::{Contents, Place};

/// One file before and after; `None` where there is none.
pub(super) struct Change {
    pub(super) path: String,
    pub(super) before: Option<Contents>,
    pub(super) after: Option<Contents>,
}

/// The folder of kept patches.
pub(super) struct Journal {
    folder: PathBuf,
}

/// One patch, as its `entry.json` tells it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    repo: PathBuf,
    state: State,
    files: Vec<Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Applying,
    Applied,
    Reverted,
}

/// A file of a patch. What it was lies beside the entry under the number of its place in the list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    path: String,
    /// Whether it was there, and could be executed.
    before: Option<bool>,
    /// What it became.
    after: Option<String>,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> Result<Self, Fault> {
        use std::os::unix::fs::DirBuilderExt as _;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| {
            let folder = folder.display();
            Fault::invalid("config", format!("state: {folder} cannot be used: {error}"))
        })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Applies changes; when one goes wrong, those before it are taken back.
    pub(super) fn apply(&self, place: &Place, changes: &[Change]) -> Result<String, Fault> {
        let id = Uuid::now_v7().to_string();
        let folder = self.folder.join(&id);
        fs::create_dir(&folder).map_err(broken)?;
        let mut entry =
            Entry { repo: place.path().to_owned(), state: State::Applying, files: Vec::new() };
        for (number, change) in changes.iter().enumerate() {
            if let Some(before) = &change.before {
                keep(&folder.join(number.to_string()), &before.bytes)?;
            }
            entry.files.push(Kept {
                path: change.path.clone(),
                before: change.before.as_ref().map(|contents| contents.executable),
                after: change.after.as_ref().map(|contents| hash(&contents.bytes)),
            });
        }
        store(&folder, &entry)?;
        for change in changes {
            let done = match &change.after {
                Some(after) => place.write(&change.path, after),
                None => place.remove(&change.path),
            };
            if let Err(fault) = done {
                restore(&folder, place, &entry)?;
                entry.state = State::Reverted;
                store(&folder, &entry)?;
                return Err(fault);
            }
        }
        entry.state = State::Applied;
        store(&folder, &entry)?;
        Ok(id)
    }

    /// Takes a patch back when its files are still as it left them. Says which.
    pub(super) fn revert(&self, id: &str, roots: &[PathBuf]) -> Result<Vec<String>, Fault> {
        let known = Uuid::parse_str(id).ok().map(|id| self.folder.join(id.to_string()));
        let Some(folder) = known.filter(|folder| folder.is_dir()) else {
            return Err(Fault::invalid("id", "there is no such patch"));
        };
        let mut entry = load(&folder)?;
        if entry.state != State::Applied {
            return Err(Fault::invalid("id", "this patch was taken back already"));
        }
        if !roots.iter().any(|root| entry.repo.starts_with(root)) {
            return Err(Fault::forbidden("its repository lies in none of the declared roots"));
        }
        let place = Place::open(&entry.repo)?;
        for file in &entry.files {
            let now = place.read(&file.path)?.map(|contents| hash(&contents.bytes));
            if now != file.after {
                let what = format!("{} was changed since; nothing was taken back", file.path);
                return Err(Fault::invalid("id", what));
            }
        }
        restore(&folder, &place, &entry)?;
        entry.state = State::Reverted;
        store(&folder, &entry)?;
        Ok(entry.files.into_iter().map(|file| file.path).collect())
    }

    /// Takes back what a crash left half applied.
    pub(super) fn recover(&self, roots: &[PathBuf]) -> Result<(), Fault> {
        for folder in fs::read_dir(&self.folder).map_err(broken)?.flatten() {
            let folder = folder.path();
            // Without an entry nothing had been changed yet.
            if !folder.join(ENTRY).is_file() {
                continue;
            }
            let mut entry = load(&folder)?;
            let is_ours = roots.iter().any(|root| entry.repo.starts_with(root));
            if entry.state == State::Applying && is_ours {
                restore(&folder, &Place::open(&entry.repo)?, &entry)?;
                entry.state = State::Reverted;
                store(&folder, &entry)?;
            }
        }
        Ok(())
    }
}

const ENTRY: &str = "entry.json";

fn restore(folder: &Path, place: &Place, entry: &Entry) -> Result<(), Fault> {
    for (number, file) in entry.files.iter().enumerate() {
        match file.before {
            Some(executable) => {
                let bytes = fs::read(folder.join(number.to_string())).map_err(broken)?;
                place.write(&file.path, &Contents { bytes, executable })?;
            }
            None => place.remove(&file.path)?,
        }
    }
    Ok(())
}

fn load(folder: &Path) -> Result<Entry, Fault> {
    let bytes = fs::read(folder.join(ENTRY)).map_err(broken)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Fault::failed(format!("a kept patch cannot be read: {error}")))
}

fn store(folder: &Path, entry: &Entry) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(entry).map_err(|error| Fault::failed(error.to_string()))?;
    let fresh = folder.join("entry.new");
    keep(&fresh, &bytes)?;
    fs::rename(&fresh, folder.join(ENTRY)).map_err(broken)?;
    // The name must be as durable as the contents before the first file is touched.
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(broken)
}

fn keep(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut file = fs::File::create(path).map_err(broken)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(broken)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn broken(error: std::io::Error) -> Fault {
    Fault::failed(format!("what takes patches back cannot be kept: {error}"))
}
