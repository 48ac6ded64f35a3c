//! Reading the four policy files: bounded, strict, and with a place for every complaint.

mod check;
mod file;
mod positions;

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::hauski::policy::{Limits, Memory, Models, Routing};

use crate::egress::EgressPolicy;
pub(crate) use check::is_dotted;
use positions::Positions;
pub(crate) use positions::{Position, child, element};

/// What is wrong in a policy file, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The file.
    pub file: PathBuf,
    /// Line from 1, where the fault has one.
    pub line: Option<u32>,
    /// Column in characters from 1, where the fault has one.
    pub column: Option<u32>,
    /// What is wrong, without the contents of values that may be secret.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(formatter, ":{line}:{column}")?;
        }
        write!(formatter, ": {}", self.what)
    }
}

/// The four policy files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    /// `routing.yaml`
    Routing,
    /// `limits.yaml`
    Limits,
    /// `memory.yaml`
    Memory,
    /// `models.yml`
    Models,
}

impl FileName {
    /// All of them, in the order in which they are read.
    pub const ALL: [Self; 4] = [Self::Routing, Self::Limits, Self::Memory, Self::Models];

    /// Its usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Routing => "routing.yaml",
            Self::Limits => "limits.yaml",
            Self::Memory => "memory.yaml",
            Self::Models => "models.yml",
        }
    }

    /// The file of this name, whatever its folder; also with the other of `.yaml` and `.yml`.
    pub fn of(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?;
        let extension = path.extension()?;
        let known = extension == "yaml" || extension == "yml";
        Self::ALL
            .into_iter()
            .find(|name| known && Path::new(name.as_str()).file_stem() == Some(stem))
    }
}

/// Where the files lie. A file that is not there has its defaults, unless somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    files: [(PathBuf, bool); 4],
}

impl Paths {
    /// The usual names in one folder; none of them has to be there.
    pub fn in_dir(dir: &Path) -> Self {
        Self { files: FileName::ALL.map(|name| (dir.join(name.as_str()), false)) }
    }

    /// The same with another path for one file, which then must be there: who names a file means it.
    #[must_use]
    pub fn with(mut self, name: FileName, path: PathBuf) -> Self {
        self.files[name as usize] = (path, true);
        self
    }

    /// Where one file lies or would lie.
    pub fn path(&self, name: FileName) -> &Path {
        &self.files[name as usize].0
    }

    /// Whether the file must be there.
    pub fn is_required(&self, name: FileName) -> bool {
        self.files[name as usize].1
    }
}

/// The value of one file and where it comes from; behaves like the value.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    value: T,
    path: PathBuf,
    sha256: Option<String>,
    positions: Positions,
}

impl<T> Loaded<T> {
    /// Where the file lies, or would lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file's bytes in hex; none where there is no file and the defaults hold.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Line and column of a key such as `egress.allow[0]`, where the file says it.
    pub(crate) fn position(&self, path: &str) -> Option<Position> {
        self.positions.get(path)
    }
}

impl<T> Deref for Loaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// All policies, checked; what they say together is checked as well.
#[derive(Clone, Debug)]
pub struct Policies {
    /// `routing.yaml`
    pub routing: Loaded<Routing>,
    /// `limits.yaml`
    pub limits: Loaded<Limits>,
    /// `memory.yaml`
    pub memory: Loaded<Memory>,
    /// `models.yml`
    pub models: Loaded<Models>,
    /// What `routing.yaml` says of destinations, ready to decide.
    pub egress: Arc<EgressPolicy>,
}

impl Policies {
    /// Name, path and SHA-256 of each file; none where its defaults hold.
    pub fn sources(&self) -> [(FileName, &Path, Option<&str>); 4] {
        [
            (FileName::Routing, self.routing.path(), self.routing.sha256()),
            (FileName::Limits, self.limits.path(), self.limits.sha256()),
            (FileName::Memory, self.memory.path(), self.memory.sha256()),
            (FileName::Models, self.models.path(), self.models.sha256()),
        ]
    }
}

/// Reads and checks all four files.
///
/// # Errors
/// The first fault in the order of [`FileName::ALL`]; [`load_all`] brings every one of them.
pub fn load(paths: &Paths) -> Result<Policies, PolicyError> {
    load_all(paths).map_err(|mut problems| problems.swap_remove(0))
}

/// Reads and checks all four files.
///
/// # Errors
/// Every fault that was found, at least one. A file with faulty syntax has one, any other all of them.
pub fn load_all(paths: &Paths) -> Result<Policies, Vec<PolicyError>> {
    let mut problems = Vec::new();
    let routing = file::read(paths, FileName::Routing, check::routing, &mut problems);
    let limits = file::read(paths, FileName::Limits, check::limits, &mut problems);
    let memory = file::read(paths, FileName::Memory, check::memory, &mut problems);
    let models = file::read(paths, FileName::Models, check::models, &mut problems);
    let (Some(routing), Some(limits), Some(memory), Some(models)) =
        (routing, limits, memory, models)
    else {
        return Err(problems);
    };
    match EgressPolicy::new(&routing) {
        Ok(egress) if problems.is_empty() => {
            Ok(Policies { routing, limits, memory, models, egress: Arc::new(egress) })
        }
        // The same entries were checked with their lines above, so `problems` names this one already.
        Ok(_) | Err(_) => Err(problems),
    }
}

/// Reads and checks one file, which must be there; every fault that was found.
pub fn check_file(name: FileName, path: &Path) -> Vec<PolicyError> {
    let paths = Paths::in_dir(Path::new("")).with(name, path.to_owned());
    let mut problems = Vec::new();
    match name {
        FileName::Routing => drop(file::read(&paths, name, check::routing, &mut problems)),
        FileName::Limits => drop(file::read(&paths, name, check::limits, &mut problems)),
        FileName::Memory => drop(file::read(&paths, name, check::memory, &mut problems)),
        FileName::Models => drop(file::read(&paths, name, check::models, &mut problems)),
    }
    problems
}
