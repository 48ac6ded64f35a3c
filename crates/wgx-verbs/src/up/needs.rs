//! What a repository needs: its toolchain files, its lockfiles and its profile, put together.

use std::collections::BTreeMap;

use wgx_tasks::files::RepoFiles;
use wgx_tasks::profile::{Profile, TaskCommand};

use super::installs::{self, InstallNeed};
use super::{sha256, toolchains};

/// What a repository needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Tools, each once for every file or task that asks for it.
    pub tools: Vec<ToolNeed>,
    /// Dependencies to install.
    pub installs: Vec<InstallNeed>,
    /// Packages of the system (Debian names).
    pub packages: Vec<PackageNeed>,
    /// The profile's task `up`, when it has one that can be started: it takes the place of the
    /// installations.
    pub up_task: Option<String>,
    /// File → SHA-256 of its content, for all files that decide an installation.
    pub digests: BTreeMap<String, String>,
}

/// A tool that something asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolNeed {
    /// The program.
    pub name: String,
    /// Requirement for its version; `None` for any.
    pub requirement: Option<String>,
    /// The file or the task that asks.
    pub asked_by: String,
    /// Whether the repository itself needs it, not only one task.
    pub required: bool,
}

impl ToolNeed {
    pub(super) fn new(name: &str, requirement: Option<String>, file: &str) -> Self {
        Self { name: name.to_owned(), requirement, asked_by: file.to_owned(), required: true }
    }
}

/// A package of the system that a task asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageNeed {
    /// Its Debian name.
    pub name: String,
    /// The task that asks.
    pub task: String,
    /// Whether that task is `up` itself.
    pub required: bool,
}

/// Reads what the repository needs from the files in its root and from its profile. Executes
/// nothing.
///
/// `within_up` says that the caller is itself started by a task `up`, which is then not run again.
pub fn find_needs(files: &RepoFiles, profile: Option<&Profile>, within_up: bool) -> Needs {
    let mut needs = Needs {
        tools: toolchains::find(files),
        installs: installs::find(files),
        ..Needs::default()
    };
    if let Some(profile) = profile {
        let up = profile.task("up").filter(|task| task.name == "up" && !within_up);
        let startable = up.filter(|task| !matches!(task.command, TaskCommand::Absent(_)));
        needs.up_task = startable.map(|task| task.name.clone());
        from_profile(&mut needs, profile);
    }
    let inputs = needs.installs.iter().flat_map(|install| &install.files);
    for file in inputs {
        if let Ok(Some(text)) = files.read(file) {
            needs.digests.insert(file.clone(), sha256(text.as_bytes()));
        }
    }
    needs
}

fn from_profile(needs: &mut Needs, profile: &Profile) {
    for task in &profile.tasks {
        let required = task.name == "up";
        let asked_by = format!("task {}", task.name);
        for (name, requirement) in &task.requires.tools {
            needs.tools.push(ToolNeed {
                name: name.clone(),
                requirement: Some(requirement.clone()).filter(|text| text.trim() != "*"),
                asked_by: asked_by.clone(),
                required,
            });
        }
        for package in &task.requires.apt {
            let (name, task) = (package.clone(), task.name.clone());
            needs.packages.push(PackageNeed { name, task, required });
        }
    }
}
