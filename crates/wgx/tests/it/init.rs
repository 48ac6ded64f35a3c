//! `wgx init`: a profile that keeps its contract and offers the same tasks; nothing is overwritten.

use testkit::TestRepo;

const WGX: &str = env!("CARGO_BIN_EXE_wgx");

fn repo() -> TestRepo {
    TestRepo::new().justfile("# Builds it\nbuild:\n    echo built\n\ntest:\n    echo tested\n")
}

/// Names of the tasks of a source, sorted.
fn names(repo: &TestRepo, source: &str) -> Vec<String> {
    let listed = repo.run(WGX, &["list", "--json", "--source", source]).go().json();
    let tasks = listed["tasks"].as_array().unwrap().iter();
    let mut names: Vec<String> =
        tasks.map(|task| task["name"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_profile_keeps_its_contract_and_offers_the_same_tasks() {
    let repo = repo();
    let ran = repo.run(WGX, &["init"]).go();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let judged = repo.run(WGX, &["validate", "--json"]).go();
    assert_eq!(judged.code, 0, "{}", judged.stdout);
    assert_eq!(judged.json()["problems"].as_array().unwrap().len(), 0);
    assert_eq!(names(&repo, "just"), ["build", "test"]);
    assert_eq!(names(&repo, "profile"), ["build", "doctor", "test"]);
    let plan = repo.run(WGX, &["run", "build", "--dry-run", "--json"]).go().json();
    assert_eq!(plan["task"]["id"], "profile:build");
    assert_eq!(plan["command"], serde_json::json!(["just", "build"]));
}

#[test]
fn a_dry_run_writes_nothing_and_shows_everything() {
    let repo = repo();
    let words = ["init", "--dry-run", "--vscode", "--workflow", "example/wgx@v0.1.0"];
    let ran = repo.run(WGX, &words).go();
    assert_eq!(ran.code, 0);
    for part in [".wgx/profile.yml", ".vscode/tasks.json", "wgx-smoke.yml@v0.1.0", "apiVersion"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(!repo.path().join(".wgx").exists());
}

#[test]
fn what_is_there_stays_as_it_is() {
    let repo = repo().file(".wgx/profile.yaml", "wgx:\n  tasks:\n    own: 'true'\n");
    let ran = repo.run(WGX, &["init", "--vscode", "--json"]).go();
    let report = ran.json();
    assert_eq!((ran.code, &report["files"][0]["written"]), (0, &false.into()));
    assert_eq!(report["files"][1]["written"], true);
    assert!(!repo.path().join(".wgx/profile.yml").exists());
    let tasks = std::fs::read_to_string(repo.path().join(".vscode/tasks.json")).unwrap();
    assert!(tasks.contains("wgx: build"));
}

#[test]
fn a_release_that_is_none_is_a_wrong_call() {
    let ran = repo().run(WGX, &["init", "--workflow", "wgx"]).go();
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("OWNER/NAME@TAG"), "{}", ran.stderr);
}
