//! Every git work tree below a folder. Only names are looked at; no link is followed and nothing started.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use wgx_tasks::git::Repository;

use super::{FleetError, SCAN_LEVELS, places};

/// What lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The work trees.
    pub(super) roots: BTreeSet<String>,
    passed: Passed,
}

/// How much was not looked into, and what was found and is not taken.
#[derive(Debug, Default)]
struct Passed {
    hidden: usize,
    node_modules: usize,
    target: usize,
    links: usize,
    deeper: usize,
    unreadable: usize,
    bare: usize,
    broken: usize,
    submodules: usize,
    not_text: usize,
}

/// A folder that is still to be looked into.
struct Open {
    folder: PathBuf,
    level: usize,
    /// Where the repository around it keeps those of its submodules.
    modules: Option<Rc<Path>>,
}

impl Found {
    /// A note for all that was passed over, where there is any.
    pub(super) fn passed_over(&self) -> Vec<String> {
        let passed = &self.passed;
        let deeper = format!("folders more than {SCAN_LEVELS} levels down");
        let list = |counts: &[(usize, &str)]| {
            let some = counts.iter().filter(|(count, _)| *count > 0);
            some.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        };
        let skipped = list(&[
            (passed.hidden, "hidden folders"),
            (passed.node_modules, "node_modules"),
            (passed.target, "target"),
            (passed.links, "links to folders"),
            (passed.deeper, &deeper),
            (passed.unreadable, "folders that cannot be read"),
        ]);
        let left = list(&[
            (passed.submodules, "submodules (their repository tells of them)"),
            (passed.bare, "bare repositories"),
            (passed.broken, "with a .git that is no repository"),
            (passed.not_text, "whose path is not UTF-8"),
        ]);
        let notes = [("not looked into: ", skipped), ("not added: ", left)].into_iter();
        let notes = notes.filter(|(_, text)| !text.is_empty());
        notes.map(|(label, text)| format!("{label}{text}")).collect()
    }

    fn look_into(&mut self, open: &Open) -> io::Result<Vec<Open>> {
        let mut folders = Vec::new();
        let mut has_git = false;
        for entry in fs::read_dir(&open.folder)? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            if name == ".git" {
                has_git = true;
            } else if kind.is_symlink() {
                let is_folder = fs::metadata(entry.path()).is_ok_and(|data| data.is_dir());
                self.passed.links += usize::from(is_folder);
            } else if kind.is_dir() {
                match name.as_encoded_bytes() {
                    [b'.', ..] => self.passed.hidden += 1,
                    b"node_modules" => self.passed.node_modules += 1,
                    b"target" => self.passed.target += 1,
                    _ => folders.push(entry.path()),
                }
            }
        }
        let modules = if has_git { self.take(open) } else { None };
        if !has_git && places::is_bare(&open.folder) {
            self.passed.bare += 1;
            return Ok(Vec::new());
        }
        if open.level >= SCAN_LEVELS {
            self.passed.deeper += folders.len();
            return Ok(Vec::new());
        }
        let modules = modules.or_else(|| open.modules.clone());
        let level = open.level + 1;
        let next = |folder| Open { folder, level, modules: modules.clone() };
        Ok(folders.into_iter().map(next).collect())
    }

    /// Takes a folder with a `.git`; gives where its submodules are kept.
    fn take(&mut self, open: &Open) -> Option<Rc<Path>> {
        let found = Repository::find(&open.folder).filter(|it| it.work_tree == open.folder);
        let Some(repository) = found else {
            self.passed.broken += 1;
            return None;
        };
        let resolve = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let git_dir = resolve(&repository.git_dir);
        let own = resolve(&repository.common_dir).join("modules");
        if open.modules.as_deref().is_some_and(|modules| git_dir.starts_with(modules)) {
            self.passed.submodules += 1;
        } else {
            match places::text(repository.work_tree) {
                Ok(root) => drop(self.roots.insert(root)),
                Err(_) => self.passed.not_text += 1,
            }
        }
        Some(own.into())
    }
}

/// The work trees in and below a folder, [`SCAN_LEVELS`] levels deep.
///
/// # Errors
/// When the folder itself cannot be read.
pub(super) fn below(start: &Path) -> Result<Found, FleetError> {
    let fault = |source| FleetError::NotAFolder { path: start.to_owned(), source };
    let folder = fs::canonicalize(start).map_err(fault)?;
    let mut found = Found::default();
    let first = Open { folder, level: 0, modules: None };
    let mut open = found.look_into(&first).map_err(fault)?;
    while let Some(next) = open.pop() {
        match found.look_into(&next) {
            Ok(folders) => open.extend(folders),
            Err(_) => found.passed.unreadable += 1,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(repositories: &[&str], folders: &[&str]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for repository in repositories {
                let git = tree.path().join(repository).join(".git");
                fs::create_dir_all(&git).unwrap();
                fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
            }
            for folder in folders {
                fs::create_dir_all(tree.path().join(folder)).unwrap();
            }
            tree
        }

        fn path(&self) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap()
        }

        fn found(&self) -> (Vec<String>, Vec<String>) {
            let found = below(&self.path()).unwrap();
            let notes = found.passed_over();
            let prefix = format!("{}/", self.path().display());
            let roots = found.roots.into_iter();
            (roots.map(|root| root.replacen(&prefix, "", 1)).collect(), notes)
        }
    }

    #[test]
    fn every_work_tree_is_found_and_what_is_passed_over_is_counted() {
        let tree = Tree::new(
            &[
                "a",
                "b/c d",
                "b/c d/inner",
                ".hidden/x",
                "node_modules/x",
                "t/target/x",
                "1/2/3/4/5/6",
            ],
            &["1/2/3/4/5/6/7", "broken/.git", "bare.git/objects", "bare.git/refs", "plain"],
        );
        fs::write(tree.path().join("bare.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        std::os::unix::fs::symlink("a", tree.path().join("link")).unwrap();
        let (roots, notes) = tree.found();
        assert_eq!(roots, ["1/2/3/4/5/6", "a", "b/c d", "b/c d/inner"]);
        assert_eq!(
            notes,
            [
                "not looked into: 1 hidden folders, 1 node_modules, 1 target, 1 links to folders, \
                 1 folders more than 6 levels down",
                "not added: 1 bare repositories, 1 with a .git that is no repository"
            ]
        );
    }

    #[test]
    fn submodules_belong_to_their_repository_and_linked_worktrees_do_not() {
        let tree = Tree::new(&["main"], &["main/sub", "main/linked", "main/.git/modules/sub"]);
        let git = tree.path().join("main/.git");
        fs::write(git.join("modules/sub/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(tree.path().join("main/sub/.git"), "gitdir: ../.git/modules/sub\n").unwrap();
        fs::create_dir_all(git.join("worktrees/linked")).unwrap();
        fs::write(git.join("worktrees/linked/HEAD"), "ref: refs/heads/x\n").unwrap();
        fs::write(git.join("worktrees/linked/commondir"), "../..\n").unwrap();
        fs::write(tree.path().join("main/linked/.git"), "gitdir: ../.git/worktrees/linked\n")
            .unwrap();
        let (roots, notes) = tree.found();
        assert_eq!(roots, ["main", "main/linked"]);
        assert_eq!(notes, ["not added: 1 submodules (their repository tells of them)"]);
    }

    #[test]
    fn a_start_that_is_no_folder_is_an_error() {
        let tree = Tree::new(&[], &[]);
        fs::write(tree.path().join("file"), "").unwrap();
        for start in ["file", "gone"] {
            let error = below(&tree.path().join(start)).unwrap_err();
            assert!(matches!(error, FleetError::NotAFolder { .. }), "{error}");
        }
    }
}
