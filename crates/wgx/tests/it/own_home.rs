//! A repository's own `.hauski/`: honoured when begun here, refused when a clone brought it along.

use std::fs;

use testkit::{Run, TestRepo};

use crate::world::{WGX, Wgx};

/// A call without an explicit home.
fn call(repo: &TestRepo, words: &[&str]) -> Run {
    let data = repo.home().with_file_name("data");
    repo.run(WGX, words).without("HAUSKI_HOME").env("XDG_DATA_HOME", data)
}

fn home_of(repo: &TestRepo) -> String {
    let ran = call(repo, &["memory", "stats", "--json"]).go();
    ran.json()["home"].as_str().unwrap().to_owned()
}

fn repo() -> TestRepo {
    let repo =
        TestRepo::new().profile("tasks:\n  gen: 'true'\n  a: {cmd: echo ran, needs: [gen]}\n");
    fs::create_dir(repo.path().join(".hauski")).unwrap();
    repo
}

#[test]
fn an_empty_folder_takes_the_runs_of_its_repository_and_trust_stays_outside() {
    let repo = repo().git();
    assert_eq!(call(&repo, &["trust"]).go().code, 0);
    assert!(!repo.path().join(".hauski/memory.sqlite").exists(), "trust is the person's");
    let ran = call(&repo, &["run", "a"]).go();
    assert_eq!((ran.code, ran.stderr.contains("note")), (0, false), "{}", ran.stderr);
    assert!(repo.path().join(".hauski/memory.sqlite").is_file());
    assert!(home_of(&repo).ends_with(".hauski"));
    let runs = call(&repo, &["runs", "--json"]).go().json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
    let status = Run::new("git", repo.path()).args(["status", "--porcelain"]).go();
    assert_eq!(status.stdout, "", "git does not see the memory");
}

#[test]
fn a_planted_memory_is_refused_with_a_note() {
    let author = repo();
    assert_eq!(call(&author, &["run", "gen"]).go().code, 0);
    let victim = TestRepo::new().profile("tasks:\n  gen: 'true'\n");
    let copied =
        Run::new("cp", author.path()).args(["-r", ".hauski", victim.path().to_str().unwrap()]).go();
    assert_eq!(copied.code, 0);
    let ran = call(&victim, &["run", "gen"]).go();
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("note: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("was not begun on this device at this place"), "{}", ran.stderr);
    assert!(home_of(&victim).ends_with("data/hauski"));
    let runs = call(&victim, &["runs", "--json"]).go().json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    let own = ["--home", ".hauski", "runs", "--all", "--json"];
    let planted = call(&victim, &own).go().json();
    assert_eq!(planted["runs"].as_array().unwrap().len(), 1, "an explicit home is used");
}

#[test]
fn an_explicit_home_wins_over_the_folder() {
    let repo = repo();
    repo.expect(0, &["run", "gen"]);
    assert_eq!(fs::read_dir(repo.path().join(".hauski")).unwrap().count(), 0);
    assert_eq!(repo.report(&["memory", "stats"])["home"], repo.home().to_str().unwrap());
}

#[test]
fn many_first_runs_adopt_it_once() {
    let repo = repo();
    let children: Vec<_> = (0..16).map(|_| call(&repo, &["run", "gen"]).spawn()).collect();
    for child in children {
        let ran = testkit::Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    }
    let runs = call(&repo, &["runs", "--json"]).go().json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 16);
}

#[test]
fn guard_adopts_it_too() {
    let repo = TestRepo::new().file("a.txt", "text\n").git();
    fs::create_dir(repo.path().join(".hauski")).unwrap();
    assert_eq!(call(&repo, &["guard"]).go().code, 0);
    let again = call(&repo, &["guard"]).go();
    assert_eq!((again.code, again.stderr.contains("is not used")), (0, false), "{}", again.stderr);
    assert!(repo.path().join(".hauski/memory.sqlite").is_file());
}
