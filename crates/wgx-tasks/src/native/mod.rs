//! Asking native tools what they list: for `wgx list --ask-tools` and for measuring discovery.
//!
//! Several of these tools execute code of the repository while listing. Only a caller that knows the
//! repository to be trusted may start them; this module only says what to start and reads the answer.

mod cargo;
mod cargo_make;
mod composer;
mod deno;
mod devbox;
mod go_task;
mod gradle;
mod invoke;
mod just;
mod mage;
mod make;
mod mise;
mod moon;
mod nox;
mod npm;
mod nx;
mod pyproject;
mod rake;
mod tox;
mod turbo;

use contracts::wgx::TaskSource;

use crate::files::RepoFiles;

/// A command that makes a native tool list its tasks.
pub struct Question {
    /// The source whose tool is asked.
    pub source: TaskSource,
    /// Argument vector.
    pub argv: Vec<String>,
    /// Working directory, relative to the root; empty for the root.
    pub dir: String,
    /// Reads the answer on stdout.
    pub parse: fn(&str) -> Result<Vec<NativeTask>, String>,
}

/// A task as the native tool lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeTask {
    /// Its name.
    pub name: String,
    /// Its description, where the answer has one.
    pub description: Option<String>,
    /// Path of the workspace member, relative to the root, where the answer tells.
    pub member: Option<String>,
}

impl NativeTask {
    /// A task of which only the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None, member: None }
    }
}

/// The questions that fit the files of a repository; empty where the source is not present or its tool
/// has no way to list.
pub fn questions(files: &RepoFiles, source: TaskSource) -> Vec<Question> {
    match source {
        TaskSource::Just => just::questions(files),
        TaskSource::Task => go_task::questions(files),
        TaskSource::Make => make::questions(files),
        TaskSource::Npm => npm::questions(files),
        TaskSource::Cargo => cargo::questions(files),
        TaskSource::CargoMake => cargo_make::questions(files),
        TaskSource::Mise => mise::questions(files),
        TaskSource::Devbox => devbox::questions(files),
        TaskSource::Pyproject => pyproject::questions(files),
        TaskSource::Tox => tox::questions(files),
        TaskSource::Nox => nox::questions(files),
        TaskSource::Invoke => invoke::questions(files),
        TaskSource::Deno => deno::questions(files),
        TaskSource::Composer => composer::questions(files),
        TaskSource::Rake => rake::questions(files),
        TaskSource::Mage => mage::questions(files),
        TaskSource::Gradle => gradle::questions(files),
        TaskSource::Turbo => turbo::questions(files),
        TaskSource::Nx => nx::questions(files),
        TaskSource::Moon => moon::questions(files),
        TaskSource::Profile
        | TaskSource::Maven
        | TaskSource::Devcontainer
        | TaskSource::Vscode
        | TaskSource::Markdown
        | TaskSource::Github => Vec::new(),
    }
}
