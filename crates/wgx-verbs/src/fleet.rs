//! `wgx fleet`: the repositories of this device that a person remembers, and how each of them stands.
//!
//! They are preferences of the person's store, a key for each device and work tree; no table knows of
//! them. Git is asked about many at once, and what one of them lacks is its own problem.

mod look;
mod places;
mod scan;
mod state;

use std::collections::BTreeSet;
use std::path::PathBuf;

use contracts::wgx::fleet::{FleetReport, FleetRepository, GitState, SCHEMA};
use memory::{Access, StoreError};

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};

use look::Question;
use places::Place;

/// Folders below the start are looked into down to this level; the start is level 0.
pub const SCAN_LEVELS: usize = 6;

/// Which work trees to remember.
#[derive(Clone, Debug, Default)]
pub struct AddRequest {
    /// Folders in them, or with [`Self::scan`] above them; relative to the context's folder, which is meant
    /// where there is none.
    pub paths: Vec<PathBuf>,
    /// Every work tree in and below the folders, at most [`SCAN_LEVELS`] deep, instead of the one around each.
    pub scan: bool,
}

/// Which repositories of a report are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// With something that is not committed yet, or something in progress.
    Dirty,
    /// Whose upstream has commits that they lack.
    Behind,
    /// Whose last run failed.
    Red,
}

/// Why the fleet cannot be told or changed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The person's memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// The folder is missing or cannot be read.
    #[error("{} is not a folder that can be read: {source}", path.display())]
    NotAFolder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// There is no git work tree around the folder.
    #[error("{} is in no git work tree", .0.display())]
    NoWorkTree(PathBuf),
    /// The folder is a repository without a work tree.
    #[error("{} is a bare repository, which has no work tree", .0.display())]
    Bare(PathBuf),
    /// The path cannot be written as text.
    #[error("the path of {} is not UTF-8, so it cannot be remembered", .0.display())]
    NotText(PathBuf),
    /// No remembered repository has this name or path.
    #[error("`{0}` is not in the fleet")]
    Unknown(String),
    /// Several remembered repositories have this name.
    #[error("`{word}` is the name of several repositories: {}", roots.join(", "))]
    Ambiguous {
        /// The name.
        word: String,
        /// Their work trees.
        roots: Vec<String>,
    },
}

impl From<StoreError> for FleetError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl FleetError {
    /// The exit code: 2 where the call cannot be meant, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Memory(_) => 1,
            _ => 2,
        }
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Memory(error) => error.hint(),
            Self::NotAFolder { .. } => "name an existing folder",
            Self::NoWorkTree(_) => {
                "name a folder in a work tree, or the folder above many with --scan"
            }
            Self::Bare(_) => "add a clone or a worktree of it",
            Self::NotText(_) => "rename the folder",
            Self::Unknown(_) => "`wgx fleet ls` shows names and paths",
            Self::Ambiguous { .. } => "name one of them by its path",
        }
    }
}

/// The remembered repositories, without asking about their state.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn list(context: &Context) -> Result<FleetReport, FleetError> {
    look::look(context, Question::Names)
}

/// The remembered repositories with what git says and their last run, asked of many at once.
///
/// # Errors
/// As [`list`]. What cannot be told about one repository is its own problem.
pub fn status(context: &Context) -> Result<FleetReport, FleetError> {
    look::look(context, Question::State)
}

/// Remembers work trees. One that is remembered already stays as it is, and a call in which one path is
/// wrong remembers none.
///
/// # Errors
/// When a path is no folder or in no work tree, or the person's memory cannot be written.
pub fn add(context: &Context, request: &AddRequest) -> Result<FleetReport, FleetError> {
    let starts: Vec<PathBuf> = match request.paths.is_empty() {
        true => vec![context.cwd.clone()],
        false => request.paths.iter().map(|path| context.cwd.join(path)).collect(),
    };
    let mut roots = BTreeSet::new();
    let mut notes = Vec::new();
    for start in &starts {
        if request.scan {
            let found = scan::below(start)?;
            notes.extend(found.passed_over());
            roots.extend(found.roots);
        } else {
            roots.insert(places::work_tree(start)?);
        }
    }
    if roots.is_empty() {
        notes.insert(0, "no git work tree was found".to_owned());
        return Ok(report(Vec::new(), notes));
    }
    let mut notebook = Notebook::open(&context.user_home, Access::Write, context)?;
    let known: BTreeSet<String> =
        places::remembered(&mut notebook)?.into_iter().map(|place| place.root).collect();
    let new: Vec<&String> = roots.iter().filter(|root| !known.contains(*root)).collect();
    for root in &new {
        places::remember(&mut notebook, root)?;
    }
    notebook.close();
    let known = roots.len() - new.len();
    notes.insert(0, format!("{} added, {known} already there", new.len()));
    let mut found = look::look(context, Question::Names)?;
    found.repositories.retain(|repository| roots.contains(&repository.root));
    found.notes.splice(0..0, notes);
    Ok(found)
}

/// Forgets a repository: by its path, by a folder in it, or by its name where only one has it. Nothing but
/// the fleet changes.
///
/// # Errors
/// When it is not there, several have the name, or the person's memory cannot be written.
pub fn remove(context: &Context, word: &str) -> Result<FleetReport, FleetError> {
    let unknown = || FleetError::Unknown(word.to_owned());
    let mut notebook = places::existing(context)?.ok_or_else(unknown)?;
    let all = places::remembered(&mut notebook)?;
    notebook.close();
    let mut meant = places::meant(all, word, &context.cwd);
    let place = meant.pop().ok_or_else(unknown)?;
    if !meant.is_empty() {
        let roots = meant.into_iter().map(|place| place.root).chain([place.root]);
        return Err(FleetError::Ambiguous { word: word.to_owned(), roots: roots.collect() });
    }
    let mut notebook = Notebook::open(&context.user_home, Access::Write, context)?;
    places::forget(&mut notebook, &place.root)?;
    notebook.close();
    Ok(report(vec![unseen(place)], Vec::new()))
}

/// Keeps what is wanted of a report, and says how many others there are. What could not be read may be any
/// of it and stays.
#[must_use]
pub fn only(mut report: FleetReport, wanted: Only) -> FleetReport {
    let before = report.repositories.len();
    report.repositories.retain(|repository| {
        let state = repository.state.as_ref();
        let is_meant = match wanted {
            Only::Dirty => state.is_some_and(is_dirty),
            Only::Behind => state.is_some_and(|state| state.behind > 0),
            Only::Red => is_red(repository),
        };
        is_meant || repository.problem.is_some()
    });
    let left_out = before - report.repositories.len();
    if left_out > 0 {
        let word = match wanted {
            Only::Dirty => "dirty",
            Only::Behind => "behind",
            Only::Red => "red",
        };
        report.notes.push(format!("{left_out} of {before} left out: not {word}"));
    }
    report
}

/// Whether something is not committed yet, or something is in progress.
#[must_use]
pub fn is_dirty(state: &GitState) -> bool {
    let changes = [state.staged, state.unstaged, state.untracked, state.conflicts];
    state.operation.is_some() || changes.iter().any(|count| *count > 0)
}

/// Whether the last run of a repository failed. One that still runs, or was cut off, did not.
#[must_use]
pub fn is_red(repository: &FleetRepository) -> bool {
    let code = repository.last_run.as_ref().and_then(|run| run.exit_code);
    code.is_some_and(|code| code != 0)
}

fn report(repositories: Vec<FleetRepository>, notes: Vec<String>) -> FleetReport {
    FleetReport { schema: SCHEMA.to_owned(), repositories, notes }
}

fn unseen(place: Place) -> FleetRepository {
    FleetRepository {
        name: place.name,
        root: place.root,
        key: None,
        state: None,
        last_run: None,
        problem: None,
        hint: None,
    }
}
