//! Facts about real repositories, ordinary and hostile ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wgx_tasks::git::{ChangeKind, DirtyBounds, Fact, Git, GitError, Head, Repository, dirty};
use wgx_tasks::process::{Capture, Captured, Limits, Variables, capture};

/// A repository with one commit, and a home of its own.
pub(crate) struct Repo {
    dir: TempDir,
}

impl Repo {
    pub(crate) fn new() -> Self {
        let repo = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(repo.dir.path().join("home")).unwrap();
        fs::create_dir(repo.root()).unwrap();
        repo.git(&["init", "-q", "-b", "main"]);
        repo.write("file", "one\n");
        repo.git(&["add", "."]);
        repo.git(&["commit", "-qm", "first"]);
        repo
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "tests need a real PATH")]
    pub(crate) fn environment(&self) -> Variables {
        let home = self.dir.path().join("home");
        vec![("PATH".into(), std::env::var_os("PATH").unwrap()), ("HOME".into(), home.into())]
    }

    fn ask(&self, words: &[&str]) -> Captured {
        let mut environment = self.environment();
        for who in ["AUTHOR", "COMMITTER"] {
            environment.push((format!("GIT_{who}_NAME").into(), "Ada".into()));
            environment.push((format!("GIT_{who}_EMAIL").into(), "ada@example.org".into()));
        }
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let root = self.root();
        let limits = Limits::default();
        capture(Capture { argv: &argv, dir: &root, environment: &environment, limits }).unwrap()
    }

    pub(crate) fn git(&self, words: &[&str]) -> String {
        let answer = self.ask(&[&["git"], words].concat());
        assert_eq!(answer.code, Some(0), "{words:?}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).unwrap().trim().to_owned()
    }

    fn found(&self) -> Repository {
        Repository::find(&self.root()).unwrap()
    }

    fn with_git<T>(&self, look: impl FnOnce(Git<'_>) -> T) -> T {
        look(Git { environment: &self.environment(), limits: Limits::default() })
    }

    /// A program that leaves a trace when somebody runs it, and passes its input through.
    fn trap(&self, name: &str) -> String {
        let file = self.dir.path().join(format!("trap-{name}"));
        let trace = self.dir.path().join(format!("ran-{name}"));
        fs::write(&file, format!("#!/bin/sh\n: > '{}'\ncat\n", trace.display())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file.to_string_lossy().into_owned()
    }

    fn traces(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("ran-")).collect()
    }
}

fn known<T>(fact: Fact<T>) -> T {
    match fact {
        Fact::Known(value) => value,
        Fact::AskGit(reason) => panic!("git is needed: {reason}"),
    }
}

#[test]
fn commit_and_branch_come_from_files_as_git_tells_them() {
    let repo = Repo::new();
    let commit = repo.git(&["rev-parse", "HEAD"]);
    let main = Head { commit: Some(commit.clone()), branch: Some("main".into()) };
    assert_eq!(known(repo.found().head()), main);
    repo.git(&["pack-refs", "--all"]);
    assert_eq!(known(repo.found().head()), main);
    repo.git(&["checkout", "-q", "--detach"]);
    let detached = Head { commit: Some(commit), branch: None };
    assert_eq!(known(repo.found().head()), detached);
    repo.git(&["checkout", "-q", "--orphan", "new"]);
    assert_eq!(known(repo.found().head()), Head { commit: None, branch: Some("new".into()) });
    assert_eq!(repo.with_git(|git| git.head(&repo.found())).unwrap().branch.unwrap(), "new");
}

#[test]
fn a_linked_worktree_shares_refs_and_has_its_own_head() {
    let repo = Repo::new();
    repo.git(&["remote", "add", "origin", "https://example.org/a.git"]);
    repo.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let inside = repo.dir.path().join("linked");
    let linked = Repository::find(&inside).unwrap();
    assert_eq!(known(linked.head()).branch.as_deref(), Some("side"));
    assert_eq!(known(linked.head()).commit, known(repo.found().head()).commit);
    assert_eq!(known(linked.origin()).as_deref(), Some("https://example.org/a.git"));
    fs::write(inside.join("new"), "x").unwrap();
    let status = repo.with_git(|git| git.status(&linked)).unwrap();
    assert_eq!(status.changes[0].path, Path::new("new"));
    assert_eq!(status.head.branch.as_deref(), Some("side"));
}

#[test]
fn a_reftable_and_an_include_are_left_to_git() {
    let repo = Repo::new();
    fs::write(repo.dir.path().join("more"), "[remote \"origin\"]\nurl = https://example.org/b\n")
        .unwrap();
    repo.git(&["config", "include.path", "../../more"]);
    assert!(matches!(repo.found().origin(), Fact::AskGit(_)));
    let origin = repo.with_git(|git| git.origin(&repo.found())).unwrap();
    assert_eq!(origin.as_deref(), Some("https://example.org/b"));
    let answer = repo.ask(&["git", "init", "-q", "-b", "main", "--ref-format=reftable", "tables"]);
    if answer.code != Some(0) {
        eprintln!("this git knows no reftable: that part was not tested");
        return;
    }
    let tables = Repository::find(&repo.root().join("tables")).unwrap();
    assert!(matches!(tables.head(), Fact::AskGit(_)));
    assert_eq!(repo.with_git(|git| git.head(&tables)).unwrap().branch.as_deref(), Some("main"));
}

#[test]
fn changes_and_files_are_told_by_kind() {
    let repo = Repo::new();
    repo.write(".gitignore", "ignored\n");
    repo.write("ignored", "x");
    repo.write("file", "two\n");
    repo.write("staged file", "x");
    repo.git(&["add", "staged file"]);
    repo.write("deep/new\nline", "x");
    let status = repo.with_git(|git| git.status(&repo.found())).unwrap();
    let kinds: BTreeMap<_, _> =
        status.changes.iter().map(|change| (change.path.to_str().unwrap(), change.kind)).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            (".gitignore", ChangeKind::Untracked),
            ("deep/new\nline", ChangeKind::Untracked),
            ("file", ChangeKind::Unstaged),
            ("staged file", ChangeKind::Staged),
        ]
    );
    let files = repo.with_git(|git| git.files(&repo.found())).unwrap();
    let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    assert_eq!(files, [".gitignore", "deep/new\nline", "file", "staged file"]);
}

#[test]
fn the_digest_changes_with_every_content_and_comes_back_with_it() {
    let repo = Repo::new();
    let look = || {
        let status = repo.with_git(|git| git.status(&repo.found())).unwrap();
        dirty(&status, &repo.root(), DirtyBounds::default())
    };
    assert_eq!(look(), None);
    repo.write("file", "two\n");
    let two = look().unwrap();
    assert_eq!((two.changed, two.unread), (1, 0));
    repo.write("file", "six\n");
    assert_ne!(look().unwrap().sha256, two.sha256);
    repo.write("file", "two\n");
    assert_eq!(look().unwrap().sha256, two.sha256);
    std::os::unix::fs::symlink("/etc/passwd", repo.root().join("link")).unwrap();
    repo.write("big", &"x".repeat(2 << 20));
    let more = look().unwrap();
    assert_eq!((more.changed, more.unread), (3, 1));
}

#[test]
fn the_root_commit_is_the_oldest_and_unknown_in_a_shallow_clone() {
    let repo = Repo::new();
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.write("file", "two\n");
    repo.git(&["commit", "-qam", "second"]);
    let root = repo.with_git(|git| git.root_commit(&repo.found())).unwrap();
    assert_eq!(root.as_deref(), Some(first.as_str()));
    let url = format!("file://{}", repo.root().display());
    repo.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    let shallow = Repository::find(&repo.dir.path().join("shallow")).unwrap();
    let answer = repo.with_git(|git| git.root_commit(&shallow));
    assert!(matches!(answer, Err(GitError::Shallow)));
}

/// Everything in a configuration that git would run while it answers our questions.
fn hostile_config(repo: &Repo) -> String {
    let trap = |name: &str| repo.trap(name);
    format!(
        "[core]\nfsmonitor = {}\npager = {}\nsshCommand = {}\neditor = {}\nhooksPath = {}\n\
         [filter \"evil\"] clean = {}\nprocess = {}\nsmudge = {}\nrequired = true\n\
         [filter \"odd = name.x\"]\nclean = {}\n[diff \"evil\"]\ntextconv = {}\ncommand = {}\n\
         [diff]\nexternal = {}\n[alias]\nstatus = !{}\nls-files = !{}\n\
         [status]\nsubmoduleSummary = true\n[pager]\nstatus = {}\n",
        trap("fsmonitor"),
        trap("pager"),
        trap("ssh"),
        trap("editor"),
        repo.dir.path().join("hooks").display(),
        trap("clean"),
        trap("process"),
        trap("smudge"),
        trap("odd"),
        trap("textconv"),
        trap("command"),
        trap("external"),
        trap("alias"),
        trap("alias-files"),
        trap("pager-status"),
    )
}

fn ask_everything(repo: &Repo, found: &Repository) {
    let _ = known(found.head());
    let _ = found.origin();
    repo.with_git(|git| {
        git.status(found).unwrap();
        git.files(found).unwrap();
        git.root_commit(found).unwrap();
        git.origin(found).unwrap();
        git.head(found).unwrap();
    });
}

fn make_hostile(repo: &Repo) {
    for hook in ["post-index-change", "pre-commit", "fsmonitor-watchman", "post-checkout"] {
        let trap = repo.trap(&format!("hook-{hook}"));
        for folder in [repo.dir.path().join("hooks"), repo.root().join(".git/hooks")] {
            fs::create_dir_all(&folder).unwrap();
            fs::copy(&trap, folder.join(hook)).unwrap();
        }
    }
    repo.write(".gitattributes", "* filter=evil diff=evil\n*.odd filter=odd\\ =\\ name.x\n");
    repo.write("file", "six\n");
    repo.write("new.odd", "x\n");
}

#[test]
fn a_hostile_configuration_runs_nothing() {
    let repo = Repo::new();
    make_hostile(&repo);
    let config = repo.root().join(".git/config");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{before}\n{}", hostile_config(&repo))).unwrap();
    ask_everything(&repo, &repo.found());
    assert_eq!(repo.traces(), [] as [&str; 0]);
    // The traps work: a plain git falls into them.
    repo.ask(&["git", "status"]);
    let traces = repo.traces();
    for trap in ["ran-fsmonitor", "ran-process"] {
        assert!(traces.iter().any(|trace| trace == trap), "{trap} is no trap: {traces:?}");
    }
}

#[test]
fn a_hostile_file_that_the_configuration_includes_runs_nothing() {
    let repo = Repo::new();
    make_hostile(&repo);
    fs::write(repo.root().join(".evil"), hostile_config(&repo).replace("process", "other"))
        .unwrap();
    repo.git(&["config", "include.path", "../.evil"]);
    ask_everything(&repo, &repo.found());
    assert_eq!(repo.traces(), [] as [&str; 0]);
    repo.ask(&["git", "status"]);
    let traces = repo.traces();
    for trap in ["ran-fsmonitor", "ran-clean"] {
        assert!(traces.iter().any(|trace| trace == trap), "{trap} is no trap: {traces:?}");
    }
}

#[test]
fn a_hostile_submodule_and_an_embedded_bare_repository_run_nothing() {
    let repo = Repo::new();
    let sub = repo.root().join("sub");
    repo.git(&["init", "-q", "sub"]);
    repo.git(&["-C", "sub", "commit", "-q", "--allow-empty", "-m", "x"]);
    repo.git(&["add", "sub"]);
    repo.git(&["commit", "-qm", "sub"]);
    fs::write(sub.join("changed"), "x").unwrap();
    let trap = repo.trap("sub");
    fs::write(sub.join(".git/config"), format!("[core]\nfsmonitor = {trap}\n")).unwrap();
    repo.git(&["init", "-q", "--bare", "bare"]);
    let trap = repo.trap("bare");
    let worktree = repo.root().join("bare");
    fs::write(
        worktree.join("config"),
        format!(
            "[core]\nrepositoryformatversion = 0\nworktree = {}\nfsmonitor = {trap}\n",
            worktree.display()
        ),
    )
    .unwrap();
    ask_everything(&repo, &repo.found());
    let from_bare = Repository::find(&worktree).unwrap();
    assert_eq!(from_bare, repo.found());
    ask_everything(&repo, &from_bare);
    assert_eq!(repo.traces(), [] as [&str; 0]);
    repo.ask(&["git", "status"]);
    repo.ask(&["git", "-C", "bare", "status"]);
    let traces = repo.traces();
    for trap in ["ran-sub", "ran-bare"] {
        assert!(traces.iter().any(|trace| trace == trap), "{trap} is no trap: {traces:?}");
    }
}

#[test]
fn a_work_tree_that_points_elsewhere_is_not_followed() {
    let repo = Repo::new();
    fs::create_dir(repo.dir.path().join("elsewhere")).unwrap();
    fs::write(repo.dir.path().join("elsewhere/secret"), "x").unwrap();
    repo.git(&["config", "core.worktree", "../../elsewhere"]);
    let status = repo.with_git(|git| git.status(&repo.found())).unwrap();
    assert!(status.is_clean(), "{status:?}");
}

#[test]
fn without_git_the_files_still_tell_commit_branch_and_origin() {
    let repo = Repo::new();
    repo.git(&["remote", "add", "origin", "https://example.org/a.git"]);
    assert!(known(repo.found().head()).commit.is_some());
    assert!(known(repo.found().origin()).is_some());
    let environment = vec![("PATH".into(), "/nowhere".into())];
    let git = Git { environment: &environment, limits: Limits::default() };
    assert!(matches!(git.status(&repo.found()), Err(GitError::Missing)));
}

#[test]
fn a_repository_of_another_user_is_read_only_where_the_person_calls_it_safe() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can give a folder away: this was not tested");
        return;
    }
    let repo = Repo::new();
    std::os::unix::fs::chown(repo.root(), Some(12_345), None).unwrap();
    std::os::unix::fs::chown(repo.root().join(".git"), Some(12_345), None).unwrap();
    let error = repo.with_git(|git| git.status(&repo.found())).unwrap_err();
    assert!(matches!(error, GitError::ForeignOwner(_)), "{error}");
    assert!(known(repo.found().head()).commit.is_some());
    let settings = format!("[safe]\ndirectory = {}\n", repo.root().display());
    fs::write(repo.dir.path().join("home/.gitconfig"), settings).unwrap();
    assert!(repo.with_git(|git| git.status(&repo.found())).unwrap().is_clean());
}

#[test]
fn odd_git_folders_are_no_reason_to_panic() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("x");
    fs::create_dir(&root).unwrap();
    for (text, head) in [
        ("gitdir: missing", None),
        ("nonsense", None),
        ("gitdir: git", Some("ref: ../../../etc/passwd")),
        ("gitdir: git", Some("ref: refs/heads/\u{0}")),
        ("gitdir: git", Some("")),
    ] {
        fs::write(root.join(".git"), text).unwrap();
        fs::create_dir_all(root.join("git")).unwrap();
        if let Some(head) = head {
            fs::write(root.join("git/HEAD"), head).unwrap();
        }
        if let Some(found) = Repository::find(&root).filter(|found| found.work_tree == root) {
            assert!(!matches!(found.head(), Fact::Known(Head { commit: Some(_), .. })), "{text}");
        }
    }
}
