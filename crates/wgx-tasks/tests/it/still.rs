//! The state of a work tree is known without git while nothing has changed, and never when something has.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use wgx_tasks::fingerprint::{CollectRequest, Environment, collect};
use wgx_tasks::git::Repository;
use wgx_tasks::process::Variables;
use wgx_tasks::tools::Facts;

use crate::git::Repo;

/// Longer than times on this file system need to tell two changes apart.
fn settle() {
    thread::sleep(Duration::from_millis(150));
}

fn look(repo: &Repo, environment: &Variables, facts: &mut Facts) -> Environment {
    let root = repo.root();
    let repository = Repository::find(&root);
    let request = CollectRequest {
        root: &root,
        repository: repository.as_ref(),
        environment,
        device_class: "test",
        programs: &[],
        flags: &BTreeMap::new(),
        is_trusted: true,
        ask_tools: false,
        git_timeout_ms: 10_000,
    };
    collect(request, facts)
}

/// The row without any git on the path: complete only when it is known from before.
fn known(repo: &Repo, facts: &Facts) -> Option<Environment> {
    let mut facts = facts.clone();
    let row = look(repo, &vec![("PATH".into(), "/nowhere".into())], &mut facts);
    row.gaps.is_empty().then_some(row)
}

/// A repository with a changed file, an untracked one and ignored ones, looked at once with git.
fn settled() -> (Repo, Facts, Environment) {
    let repo = Repo::new();
    repo.write(".gitignore", "*.log\n/build/\n");
    repo.write("src/a", "a\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "second"]);
    repo.write("file", "changed\n");
    repo.write("src/new", "new\n");
    repo.write("big.log", "x\n");
    repo.write("build/out/o", "x\n");
    settle();
    let mut facts = Facts::default();
    let row = look(&repo, &repo.environment(), &mut facts);
    assert!(row.dirty.is_some() && row.gaps.is_empty());
    (repo, Facts::from_json(&facts.to_json()), row)
}

#[test]
fn nothing_changed_and_git_is_not_asked() {
    let (repo, facts, row) = settled();
    assert_eq!(known(&repo, &facts), Some(row.clone()));
    repo.write("big.log", "more\n");
    repo.write("build/out/another", "more\n");
    assert_eq!(known(&repo, &facts), Some(row), "what is ignored does not count");
}

#[test]
fn whatever_changes_is_seen() {
    type Change = (&'static str, fn(&Repo));
    let changes: [Change; 14] = [
        ("a tracked file", |repo| repo.write("src/a", "b\n")),
        ("a changed file, same size", |repo| repo.write("file", "chang3d\n")),
        ("an untracked file", |repo| repo.write("src/new", "neW\n")),
        ("another untracked file", |repo| repo.write("src/deep/er/new", "")),
        ("a deleted file", |repo| fs::remove_file(repo.root().join("src/a")).unwrap()),
        ("a deleted untracked file", |repo| fs::remove_file(repo.root().join("src/new")).unwrap()),
        ("a mode", |repo| {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(repo.root().join("src/a"), mode).unwrap();
        }),
        ("the index", |repo| drop(repo.git(&["add", "file"]))),
        ("the commit", |repo| drop(repo.git(&["commit", "-qam", "third"]))),
        ("the branch", |repo| drop(repo.git(&["checkout", "-qb", "other"]))),
        ("what is ignored", |repo| repo.write(".gitignore", "*.log\n/build/\nsrc/new\n")),
        ("what is ignored here", |repo| repo.write(".git/info/exclude", "src/new\n")),
        ("a setting", |repo| drop(repo.git(&["config", "core.fileMode", "false"]))),
        ("a repository inside", |repo| repo.write("src/sub/.git/HEAD", "ref: refs/heads/x\n")),
    ];
    for (what, change) in changes {
        let (repo, facts, _) = settled();
        change(&repo);
        assert_eq!(known(&repo, &facts), None, "{what} went unseen");
        let fresh = look(&repo, &repo.environment(), &mut Facts::default());
        assert_eq!(look(&repo, &repo.environment(), &mut facts.clone()), fresh, "{what}");
    }
}

#[test]
fn where_more_than_files_count_git_is_always_asked() {
    let cases: [fn(&Repo); 4] = [
        |repo| drop(repo.git(&["config", "filter.x.clean", "cat"])),
        |repo| drop(repo.git(&["config", "core.excludesFile", "/nowhere"])),
        |repo| repo.write("src/sub/.git", "gitdir: ../../x\n"),
        |repo| (0..1_100).for_each(|at| repo.write(&format!("many/{at}"), "")),
    ];
    for prepare in cases {
        let (repo, ..) = settled();
        prepare(&repo);
        settle();
        let mut facts = Facts::default();
        look(&repo, &repo.environment(), &mut facts);
        assert_eq!(known(&repo, &facts), None);
    }
}

#[test]
fn a_tracked_file_in_an_ignored_folder_counts() {
    let (repo, ..) = settled();
    repo.git(&["add", "-f", "build/out/o"]);
    repo.git(&["commit", "-qm", "third"]);
    settle();
    let mut facts = Facts::default();
    look(&repo, &repo.environment(), &mut facts);
    repo.write("build/out/o", "changed\n");
    assert_eq!(known(&repo, &facts), None);
}

#[test]
fn a_state_that_has_not_settled_is_not_kept() {
    let (repo, ..) = settled();
    repo.write("src/a", "just now\n");
    let mut facts = Facts::default();
    look(&repo, &repo.environment(), &mut facts);
    assert_eq!(known(&repo, &facts), None);
}
