//! Every file that a task source reads: the first byte chooses the file, the rest is its content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::sources::{self, DiscoverOptions};

const FILES: &[&str] = &[
    ".wgx/profile.yml",
    "justfile",
    "Taskfile.yml",
    "Makefile",
    "package.json",
    ".cargo/config.toml",
    "Cargo.toml",
    "Makefile.toml",
    "mise.toml",
    "devbox.json",
    "pyproject.toml",
    "tox.ini",
    "noxfile.py",
    "tasks.py",
    "deno.jsonc",
    "composer.json",
    "Rakefile",
    "magefile.go",
    "build.gradle",
    "settings.gradle.kts",
    "pom.xml",
    "turbo.json",
    "project.json",
    ".moon/workspace.yml",
    ".devcontainer/devcontainer.json",
    ".vscode/tasks.json",
    "README.md",
    ".github/workflows/ci.yml",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, content)) = data.split_first() else { return };
    let name = FILES[usize::from(*choice) % FILES.len()];
    let files = RepoFiles::in_memory([(name.to_owned(), content.to_vec())]);
    let options = DiscoverOptions { markdown: true, ..DiscoverOptions::default() };
    let found = sources::discover_in(&files, &options);
    for task in &found.tasks {
        assert!(task.task.line >= 1 && !task.task.name.is_empty());
    }
});
