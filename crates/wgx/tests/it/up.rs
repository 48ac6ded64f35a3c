//! `wgx up`: the plan, the check, trust, what worked before, and the guard against going round.

use serde_json::Value;
use testkit::{Ran, TestRepo};

const WGX: &str = env!("CARGO_BIN_EXE_wgx");

fn up(repo: &TestRepo, words: &[&str]) -> Ran {
    repo.run(WGX, &[&["up"], words].concat()).go()
}

/// A task `up` that leaves a line for every start, and one that needs it.
const PROFILE: &str = "wgx:
  tasks:
    up: echo started >> starts
    test: echo tested
";

fn starts(repo: &TestRepo) -> usize {
    std::fs::read_to_string(repo.path().join("starts")).unwrap_or_default().lines().count()
}

fn recorded(repo: &TestRepo) -> Vec<Value> {
    let ran = repo.run(WGX, &["runs", "--json"]).go();
    ran.json()["runs"].as_array().unwrap().clone()
}

#[test]
fn a_repository_that_needs_nothing_is_ready_without_trust_or_memory() {
    let repo = TestRepo::new().file("README.md", "# Nothing\n");
    for words in [&[][..], &["--check"], &["--dry-run"]] {
        let ran = up(&repo, words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.contains("this repository asks for nothing"), "{}", ran.stdout);
    }
    assert!(!repo.home().exists());
}

#[test]
fn the_plan_names_what_runs_and_what_is_a_persons() {
    let profile = "wgx:
  tasks:
    up: ./prepare
    test: {cmd: ./test, requires: {tools: {wgx-tool-that-nobody-has: '>=2'}}}
";
    let repo = TestRepo::new().profile(profile);
    let ran = up(&repo, &["--dry-run"]);
    assert_eq!(ran.code, 0);
    let (_machine, plan) = ran.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(plan, @r"
      you     get wgx-tool-that-nobody-has  task test (>=2) (optional)
              install wgx-tool-that-nobody-has in its own way and put it on PATH
      run     run the task up               the profile has a task for it
              $ wgx run up

    `wgx up` does what is marked `run` (1).
    ");
    assert_eq!(recorded(&repo).len(), 0);
}

#[test]
fn nothing_of_the_repository_starts_without_trust() {
    let repo = TestRepo::new().profile(PROFILE);
    let ran = up(&repo, &[]);
    assert_eq!((ran.code, starts(&repo)), (1, 0));
    assert!(ran.stderr.contains("not trusted"), "{}", ran.stderr);
    assert_eq!(up(&repo, &["--yes"]).code, 0);
    assert_eq!(starts(&repo), 1);
    // A yes for one call is not kept.
    assert_eq!(up(&repo, &[]).code, 1);
    assert_eq!(repo.run(WGX, &["trust"]).go().code, 0);
    assert_eq!((up(&repo, &[]).code, starts(&repo)), (0, 2));
}

#[test]
fn every_step_is_a_recorded_run_and_an_implied_up_is_then_skipped() {
    let repo = TestRepo::new().profile(PROFILE).git();
    assert_eq!(repo.run(WGX, &["trust"]).go().code, 0);
    assert_eq!(up(&repo, &[]).code, 0);
    let run = &recorded(&repo)[0];
    assert_eq!((&run["task"], &run["source"]), (&"profile:up".into(), &"profile".into()));
    let shown = repo.run(WGX, &["runs", "show", run["id"].as_str().unwrap(), "--json"]).go();
    assert_eq!(shown.json()["run"]["reason"], "up");
    assert_eq!(repo.run(WGX, &["run", "test"]).go().code, 0);
    assert_eq!(starts(&repo), 1, "unchanged since `wgx up`");
}

#[test]
fn a_check_is_red_while_something_is_missing_and_green_after_it_was_done() {
    if !testkit::has_program("npm") {
        eprintln!("skipped: npm is not here");
        return;
    }
    let lock = r#"{"name":"x","version":"1.0.0","lockfileVersion":3,
        "packages":{"":{"name":"x","version":"1.0.0"}}}"#;
    let repo = TestRepo::new()
        .file("package.json", r#"{"name":"x","version":"1.0.0"}"#)
        .file("package-lock.json", lock);
    let red = up(&repo, &["--check"]);
    assert_eq!(red.code, 1);
    assert!(red.stdout.contains("missing npm ci"), "{}", red.stdout);
    assert!(!repo.path().join("node_modules").exists(), "a check installs nothing");
    let made = repo.run(WGX, &["up", "--yes", "--json"]).go();
    let report = made.json();
    assert_eq!((made.code, &report["ok"]), (0, &true.into()), "{}", made.stderr);
    assert_eq!(report["fingerprint"]["steps"].as_array().unwrap().len(), 2);
    // npm makes no folder where there is nothing to put into it; that is no reason to install again.
    assert!(!repo.path().join("node_modules").exists());
    let green = up(&repo, &["--check"]);
    assert_eq!(green.code, 0, "{}", green.stdout);
    assert!(green.stdout.contains("unchanged since it last succeeded"), "{}", green.stdout);
    repo.write("package-lock.json", lock.replace("1.0.0", "1.0.1"));
    assert_eq!(up(&repo, &["--check"]).code, 1, "the lockfile changed");
}

#[test]
fn an_up_that_calls_wgx_does_not_go_round() {
    let profile = format!(
        "wgx:
  tasks:
    up: {{sh: ['echo started >> starts', '{WGX} up --yes', '{WGX} run test']}}
    test: echo tested
"
    );
    let repo = TestRepo::new().profile(&profile);
    let ran = up(&repo, &["--yes"]);
    assert_eq!((ran.code, starts(&repo)), (0, 1), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("tested"), "{}", ran.stdout);
    // The same when `up` is only implied.
    let implied = repo.run(WGX, &["run", "test", "--yes", "--force"]).go();
    assert_eq!((implied.code, starts(&repo)), (0, 2), "{}", implied.stderr);
}

#[test]
fn an_up_that_names_itself_is_refused() {
    let profile = format!("wgx:\n  tasks:\n    up: 'echo started >> starts; {WGX} run up'\n");
    let repo = TestRepo::new().profile(&profile);
    let ran = up(&repo, &["--yes"]);
    assert_eq!((ran.code, starts(&repo)), (1, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("in a circle: up → up"), "{}", ran.stderr);
}

#[test]
fn a_failing_step_is_named_with_its_code() {
    let repo = TestRepo::new().profile("wgx:\n  tasks:\n    up: exit 7\n");
    let ran = up(&repo, &["--yes"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stdout, @r"

      failed  run the task up  exit code 7

    not ready: 0 in place, 0 done, 1 open.
    ");
    let json = repo.run(WGX, &["up", "--yes", "--json"]).go().json();
    assert_eq!(json["fingerprint"], Value::Null);
    assert_eq!(json["steps"][0]["exit_code"], 7);
}

#[test]
fn with_json_the_output_of_steps_goes_to_standard_error() {
    let repo = TestRepo::new().profile("wgx:\n  tasks:\n    up: echo said\n");
    let ran = repo.run(WGX, &["up", "--yes", "--json"]).go();
    assert_eq!(ran.json()["schema"], "wgx.up/1");
    assert!(ran.stderr.contains("said"));
}

/// A person without rights is told the command; no package manager and no sudo is started.
#[test]
fn without_rights_packages_are_the_persons() {
    if !testkit::is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let profile = "wgx:
  tasks:
    up: {cmd: echo ready, requires: {apt: [wgx-package-that-nobody-has]}}
";
    let fake = "#!/bin/sh\necho \"$0 $*\" >> \"$FAKE_LOG\"\n";
    let repo = TestRepo::new()
        .profile(profile)
        .executable("bin/apt-get", fake)
        .executable("bin/sudo", fake)
        .open_for_all();
    let log = repo.path().join("started");
    let path = format!("{}/bin:/usr/bin:/bin", repo.path().display());
    let ran =
        repo.run(WGX, &["up", "--yes"]).env("PATH", path).env("FAKE_LOG", &log).as_nobody().go();
    assert!(!log.exists(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("wgx-package-that-nobody-has"), "{}", ran.stdout);
    assert!(ran.stdout.contains("open"), "{}", ran.stdout);
}
