//! Discovery, one module a source: fixtures of our own for every form.

mod cargo;
mod composer;
mod deno;
mod devbox;
mod devcontainer;
mod github;
mod go_task;
mod gradle;
mod just;
mod mage;
mod make;
mod markdown;
mod maven;
mod mise;
mod moon;
mod npm;
mod nx;
mod python_tools;
mod rake;
mod turbo;
mod vscode;

use std::path::Path;

use contracts::wgx::TaskSource;
use wgx_tasks::sources::{DiscoverOptions, Discovery, discover};
use wgx_tasks::task::{FoundTask, Program};

/// A repository of a few files.
pub(crate) struct TestRepo {
    dir: tempfile::TempDir,
}

impl TestRepo {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let repo = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        for (path, text) in files {
            repo.write(path, text);
        }
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        let folder = path.parent().expect("a path below the repository");
        std::fs::create_dir_all(folder).expect("a writable folder");
        std::fs::write(path, text).expect("a writable file");
    }

    /// Writes a file and gives it the executable bit.
    #[cfg(unix)]
    pub(crate) fn write_executable(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(path, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.path().join(path), mode).expect("an own file");
    }

    pub(crate) fn discover(&self) -> Discovery {
        discover(self.path(), &DiscoverOptions::default()).expect("a repository")
    }

    /// What one source lists.
    pub(crate) fn tasks(&self, source: TaskSource) -> Vec<FoundTask> {
        let mut tasks = self.discover().tasks;
        tasks.retain(|found| found.task.source == source);
        tasks
    }

    /// The names that one source lists, in order.
    pub(crate) fn names(&self, source: TaskSource) -> Vec<String> {
        let tasks = self.tasks(source);
        tasks.into_iter().map(|found| found.task.name).collect()
    }

    /// The reasons of the notes about one source.
    pub(crate) fn notes(&self, source: TaskSource) -> Vec<String> {
        let mut notes = self.discover().notes;
        notes.retain(|note| note.source == source);
        notes.into_iter().map(|note| note.reason).collect()
    }
}

/// Words that make a parser go somewhere, to be joined at random.
pub(crate) fn mutations(
    words: &'static [&'static str],
) -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::strategy::Strategy;
    proptest::collection::vec(proptest::sample::select(words), 0..60)
        .prop_map(|parts| parts.concat())
}

/// The ids without their source, in order.
pub(crate) fn ids(tasks: &[FoundTask]) -> Vec<&str> {
    let start = |found: &FoundTask| found.task.source.as_str().len() + 1;
    tasks.iter().map(|found| &found.task.id[start(found)..]).collect()
}

/// The task of that id (without the source).
pub(crate) fn task<'a>(tasks: &'a [FoundTask], id: &str) -> &'a FoundTask {
    let position = ids(tasks).iter().position(|other| *other == id);
    &tasks[position.unwrap_or_else(|| panic!("no task {id} in {:?}", ids(tasks)))]
}

/// What starts a task, as one line; in brackets what is put before a person's arguments.
pub(crate) fn command(found: &FoundTask) -> String {
    match &found.invocation.program {
        Program::Argv { argv, separator: Some(mark) } => format!("{} [{mark}]", argv.join(" ")),
        Program::Argv { argv, .. } => argv.join(" "),
        Program::Bracketed(argv) => format!("{}[…]", argv.join(" ")),
        Program::Shell(text) => format!("sh: {text}"),
        Program::ShellLines(lines) => format!("sh: {}", lines.join("; ")),
        Program::Shown(why) => format!("shown: {why}"),
    }
}
