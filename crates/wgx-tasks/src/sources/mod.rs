//! Task discovery: one module a source, each a static parse of that source's files.
//!
//! Nothing here starts a program. What a source cannot know statically it says with [`Scan::dynamic`].

mod member_glob;
mod scan;

mod cargo;
mod cargo_make;
mod composer;
mod deno;
mod devbox;
mod devcontainer;
mod github;
mod go_task;
mod gradle;
mod invoke;
mod just;
mod mage;
mod make;
mod markdown;
mod maven;
mod mise;
mod moon;
mod name_pattern;
mod nox;
mod npm;
mod nx;
mod pyproject;
mod python;
mod rake;
mod tox;
mod turbo;
mod vscode;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use contracts::wgx::{Note, TaskSource};

use crate::files::RepoFiles;
use crate::profile;
use crate::task::FoundTask;

pub use scan::{Environment, Place, Scan};

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct DiscoverOptions {
    /// Also look into nested folders that nothing in the root includes or declares.
    pub deep: bool,
    /// Also list tasks of Markdown files.
    pub markdown: bool,
    /// What makefiles would see of the environment; nothing is read from the process's own.
    pub environment: Environment,
}

/// What was found.
#[derive(Debug)]
pub struct Discovery {
    /// The resolved root.
    pub root: PathBuf,
    /// All tasks, by source in order of precedence, then in order of declaration.
    pub tasks: Vec<FoundTask>,
    /// What could not be read or known statically.
    pub notes: Vec<Note>,
    /// Every file that was read, relative to the root; Markdown only where it declares something.
    pub read: BTreeSet<String>,
}

impl Discovery {
    /// Whether every declared task could be read.
    pub fn is_complete(&self) -> bool {
        self.notes.is_empty()
    }
}

/// A source and its static parser.
struct SourceParser {
    source: TaskSource,
    discover: fn(&mut Scan<'_>),
}

/// Adding a source = a variant of `TaskSource`, a module, and a row here.
const PARSERS: [SourceParser; 26] = [
    SourceParser { source: TaskSource::Profile, discover: profile::discover },
    SourceParser { source: TaskSource::Just, discover: just::discover },
    SourceParser { source: TaskSource::Task, discover: go_task::discover },
    SourceParser { source: TaskSource::Make, discover: make::discover },
    SourceParser { source: TaskSource::Npm, discover: npm::discover },
    SourceParser { source: TaskSource::Cargo, discover: cargo::discover },
    SourceParser { source: TaskSource::CargoMake, discover: cargo_make::discover },
    SourceParser { source: TaskSource::Mise, discover: mise::discover },
    SourceParser { source: TaskSource::Devbox, discover: devbox::discover },
    SourceParser { source: TaskSource::Pyproject, discover: pyproject::discover },
    SourceParser { source: TaskSource::Tox, discover: tox::discover },
    SourceParser { source: TaskSource::Nox, discover: nox::discover },
    SourceParser { source: TaskSource::Invoke, discover: invoke::discover },
    SourceParser { source: TaskSource::Deno, discover: deno::discover },
    SourceParser { source: TaskSource::Composer, discover: composer::discover },
    SourceParser { source: TaskSource::Rake, discover: rake::discover },
    SourceParser { source: TaskSource::Mage, discover: mage::discover },
    SourceParser { source: TaskSource::Gradle, discover: gradle::discover },
    SourceParser { source: TaskSource::Maven, discover: maven::discover },
    SourceParser { source: TaskSource::Turbo, discover: turbo::discover },
    SourceParser { source: TaskSource::Nx, discover: nx::discover },
    SourceParser { source: TaskSource::Moon, discover: moon::discover },
    SourceParser { source: TaskSource::Devcontainer, discover: devcontainer::discover },
    SourceParser { source: TaskSource::Vscode, discover: vscode::discover },
    SourceParser { source: TaskSource::Markdown, discover: markdown::discover },
    SourceParser { source: TaskSource::Github, discover: github::discover },
];

/// Lists what the repository at `root` offers. Reads files below the root and executes nothing.
///
/// # Errors
/// When the root cannot be resolved; faults inside files become notes.
pub fn discover(root: &Path, options: &DiscoverOptions) -> std::io::Result<Discovery> {
    Ok(discover_in(&RepoFiles::new(root)?, options))
}

/// [`discover`] over files that are already opened.
pub fn discover_in(files: &RepoFiles, options: &DiscoverOptions) -> Discovery {
    let mut found = Discovery {
        root: files.root().to_owned(),
        tasks: Vec::new(),
        notes: Vec::new(),
        read: files.take_read(),
    };
    scan_folder(files, "", options, &mut found);
    if options.deep {
        for dir in nested_folders(files) {
            scan_folder(files, &dir, options, &mut found);
        }
    }
    found.read.extend(files.take_read());
    found.read.extend(found.tasks.iter().map(|found| found.task.file.clone()));
    found.read.extend(found.notes.iter().map(|note| note.file.clone()));
    found.tasks.sort_by_key(|found| found.task.source);
    drop_repeated(&mut found.tasks);
    make_ids_unique(&mut found.tasks);
    mark_shadowed(&mut found.tasks);
    found
}

fn scan_folder(files: &RepoFiles, dir: &str, options: &DiscoverOptions, found: &mut Discovery) {
    for parser in &PARSERS {
        let is_prose = parser.source == TaskSource::Markdown;
        if is_prose && !options.markdown {
            continue;
        }
        if is_prose {
            found.read.extend(files.take_read());
        }
        let mut scan = Scan::new(files, parser.source, dir, &options.environment);
        (parser.discover)(&mut scan);
        scan.finish(&mut found.tasks, &mut found.notes);
        if is_prose {
            // Prose without tasks starts nothing; what declares some is added by its tasks.
            files.take_read();
        }
    }
}

/// Folders below the root that are neither hidden nor ignored nor dependencies of a package manager.
fn nested_folders(files: &RepoFiles) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(files.root())
        .require_git(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != "node_modules" && entry.file_name() != "vendor")
        .build();
    let mut dirs: Vec<String> = walk
        .flatten()
        .filter(|entry| entry.depth() > 0 && entry.file_type().is_some_and(|kind| kind.is_dir()))
        .filter_map(|entry| {
            Some(entry.path().strip_prefix(files.root()).ok()?.to_str()?.to_owned())
        })
        .collect();
    dirs.sort_unstable();
    dirs
}

/// A nested folder's file may already be known through an include or a workspace.
fn drop_repeated(tasks: &mut Vec<FoundTask>) {
    let mut seen = HashSet::new();
    tasks.retain(|found| {
        let place = (found.task.source, found.task.file.clone(), found.task.line);
        seen.insert((place, found.task.name.clone(), found.task.member.clone()))
    });
}

/// A root script `site:dev` and the script `dev` of the member `site` would share an id. The first keeps it, a
/// member's gets a `/` after its path, and whatever still repeats gets the number of its line.
fn make_ids_unique(tasks: &mut [FoundTask]) {
    let mut seen = HashSet::with_capacity(tasks.len());
    for found in tasks {
        let task = &mut found.task;
        if seen.insert(task.id.clone()) {
            continue;
        }
        if let Some(member) = &task.member {
            task.id = format!("{}:{member}/:{}", task.source, task.name);
        }
        if !seen.insert(task.id.clone()) {
            task.id = format!("{}#{}", task.id, task.line);
            seen.insert(task.id.clone());
        }
    }
}

/// Of several tasks with one name the first by precedence gets the plain name; tasks of the root come
/// before tasks of members, and members never shadow one another.
fn mark_shadowed(tasks: &mut [FoundTask]) {
    let mut winners: HashMap<String, String> = HashMap::new();
    for found in tasks.iter().filter(|found| found.task.member.is_none() && found.task.runnable) {
        let name = found.task.name.clone();
        winners.entry(name).or_insert_with(|| found.task.id.clone());
    }
    for found in tasks.iter_mut().filter(|found| found.task.runnable) {
        let winner = winners.get(&found.task.name);
        found.task.shadowed_by = winner.filter(|id| **id != found.task.id).cloned();
    }
}
