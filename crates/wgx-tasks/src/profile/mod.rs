//! The wgx profile (`.wgx/profile.yml`): v1 and v1.1 as found in real files, and this program's
//! additions. Reading it is a static parse with budgets; nothing of it is executed or expanded.

mod check;
mod found;
mod model;
mod overlay;
mod problem;
mod read;
mod tasks;

use crate::document::{self, DocumentError, Node, RepeatedKey};
use crate::files::RepoFiles;
use crate::sources::Scan;

pub use check::check;
pub use model::{
    AbsentReason, ApiVersion, EnvVar, Os, Profile, ProfileEnv, ProfileTask, RequiredWgx, Semantic,
    TaskCommand, TaskIndex, TaskRef, ValidateProfiles, Workflow, normalise_task_name,
};
pub use problem::{Problem, Severity};
pub use tasks::quote;

/// Files of the profile, in order of precedence.
pub const PROFILE_FILES: [&str; 3] = [".wgx/profile.yml", ".wgx/profile.yaml", ".wgx/profile.json"];
/// The file that stands in for a missing profile, as in upstream's wgx: its tasks are offered.
pub const EXAMPLE_FILE: &str = ".wgx/profile.example.yml";
/// Files of the local overrides, in order of precedence.
pub const LOCAL_FILES: [&str; 3] =
    [".wgx/profile.local.yml", ".wgx/profile.local.yaml", ".wgx/profile.local.json"];
/// Version of the profile contract (upstream's wgx 2) that this program implements; `requiredWgx`
/// is compared with it and not with the version of this program.
pub const CONTRACT_VERSION: &str = "2.1.0";
/// Capabilities of that contract, as `requiredWgx.caps` names them.
pub const CAPABILITIES: [&str; 8] = [
    "task-array",
    "status-dirs",
    "tasks-json",
    "validate",
    "validate-profiles",
    "env-defaults",
    "env-overrides",
    "workflows",
];

/// A profile that was found, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedProfile {
    /// What it says; empty where the file is broken.
    pub profile: Profile,
    /// What is wrong, in the order of the files and their lines.
    pub problems: Vec<Problem>,
}

impl LoadedProfile {
    /// Whether the profile or its local overrides could not be read at all.
    pub fn is_broken(&self) -> bool {
        let codes = ["syntax", "unreadable"];
        self.problems.iter().any(|problem| codes.contains(&&*problem.code))
    }
}

/// Reads the profile of a folder (relative to the root, empty for the root) with its local
/// overrides;
/// `None` when it has none.
pub fn load(files: &RepoFiles, dir: &str, os: Os) -> Option<LoadedProfile> {
    let path = |name: &str| match dir {
        "" => name.to_owned(),
        dir => format!("{dir}/{name}"),
    };
    if !files.is_dir(&path(".wgx")) {
        return None;
    }
    let names = PROFILE_FILES.iter().chain([&EXAMPLE_FILE]);
    let mut present = names.map(|name| path(name)).filter(|path| exists(files, path));
    let file = present.next()?;
    let mut loaded = load_file(files, &file, os);
    loaded.profile.is_example = file.ends_with(EXAMPLE_FILE);
    if loaded.profile.is_example {
        loaded.problems.push(example_problem(&file));
    }
    let ignored = present.filter(|other| !other.ends_with(EXAMPLE_FILE));
    loaded.problems.extend(ignored.map(|other| ignored_problem(&other, &file)));
    let local = LOCAL_FILES.iter().map(|name| path(name));
    if let Some(local) = local.into_iter().find(|path| exists(files, path)) {
        let local = load_file(files, &local, os);
        loaded.problems.extend(local.problems);
        overlay::overlay(&mut loaded.profile, local.profile);
    }
    Some(loaded)
}

/// Reads the text of one profile file; the name's ending decides between JSON and YAML.
pub fn parse(file: &str, text: &str, os: Os) -> LoadedProfile {
    match document(file, text) {
        Ok((node, repeats)) => {
            let (profile, mut problems) = read::read(file, &node, os);
            problems.extend(repeats.into_iter().map(|key| repeated_problem(file, &key)));
            LoadedProfile { profile, problems }
        }
        Err(error) => {
            let hint = "correct the syntax there";
            broken(file, "syntax", Some(error.line), (error.message, hint))
        }
    }
}

/// Lists the profile's tasks; what hides tasks becomes a note.
pub(crate) fn discover(scan: &mut Scan<'_>) {
    if !scan.has(".wgx") {
        return;
    }
    let Some(loaded) = load(scan.files, scan.dir, Os::current()) else {
        return;
    };
    for problem in loaded.problems.iter().filter(|problem| problem.hides_tasks()) {
        scan.broken(&problem.file, problem.line, &problem.message, &problem.hint);
    }
    for task in loaded.profile.found_tasks(scan.dir) {
        scan.push(task);
    }
}

fn document(file: &str, text: &str) -> Result<(Node, Vec<RepeatedKey>), DocumentError> {
    if file.ends_with(".json") {
        return document::parse_json(text).map(|node| (node, Vec::new()));
    }
    let (mut documents, repeats) = document::parse_yaml_last_wins(text)?;
    if let Some(second) = documents.get(1) {
        return Err(DocumentError {
            line: second.line,
            message: "a second YAML document begins; a profile is one document".to_owned(),
        });
    }
    let empty = || Node::new(1, document::Value::Null);
    Ok((documents.pop().unwrap_or_else(empty), repeats))
}

/// Also true for what stands in the file's place and cannot be read: that is an error, not an
/// absence.
fn exists(files: &RepoFiles, path: &str) -> bool {
    !matches!(files.read(path), Ok(None))
}

fn load_file(files: &RepoFiles, file: &str, os: Os) -> LoadedProfile {
    match files.read(file) {
        Ok(text) => parse(file, &text.unwrap_or_default(), os),
        Err(error) => broken(file, "unreadable", None, (error.to_string(), error.hint())),
    }
}

fn broken(file: &str, code: &str, line: Option<u32>, text: (String, &str)) -> LoadedProfile {
    let problem = Problem {
        code: code.to_owned(),
        severity: Severity::Error,
        file: file.to_owned(),
        line,
        message: text.0,
        hint: text.1.to_owned(),
    };
    let profile = Profile { file: file.to_owned(), ..Profile::default() };
    LoadedProfile { profile, problems: vec![problem] }
}

/// Real profiles hold keys twice; upstream's parser lets the later one count.
fn repeated_problem(file: &str, repeated: &RepeatedKey) -> Problem {
    let key = &repeated.key;
    Problem {
        code: format!("repeated_key:{key}"),
        severity: Severity::Error,
        file: file.to_owned(),
        line: Some(repeated.line),
        message: format!("the key {key} is there twice; only this one counts"),
        hint: "merge the two into one".to_owned(),
    }
}

fn example_problem(file: &str) -> Problem {
    Problem {
        code: "example_profile".to_owned(),
        severity: Severity::Warning,
        file: file.to_owned(),
        line: None,
        message: "there is no profile: the tasks come from the example".to_owned(),
        hint: format!("copy it to {}", PROFILE_FILES[0]),
    }
}

fn ignored_problem(file: &str, winner: &str) -> Problem {
    Problem {
        code: "ignored_file".to_owned(),
        severity: Severity::Warning,
        file: file.to_owned(),
        line: None,
        message: format!("the file has no effect: {winner} wins"),
        hint: "keep one profile file".to_owned(),
    }
}

#[cfg(test)]
mod tests;
