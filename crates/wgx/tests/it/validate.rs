//! `wgx validate`: the contract, the declared checks as real processes, and receipts.

use serde_json::Value;
use testkit::{Ran, TestRepo};

const WGX: &str = env!("CARGO_BIN_EXE_wgx");

fn validate(repo: &TestRepo, words: &[&str]) -> Ran {
    repo.run(WGX, &[&["validate"], words].concat()).go()
}

fn profile(tasks: &str) -> String {
    format!("wgx:\n  apiVersion: v1.1\n  validate:\n    quick: [first, second]\n  tasks:\n{tasks}")
}

fn recorded(repo: &TestRepo) -> Vec<String> {
    let runs = repo.run(WGX, &["runs", "--json"]).go().json();
    let task = |run: &Value| run["task"].as_str().unwrap().to_owned();
    runs["runs"].as_array().unwrap().iter().rev().map(task).collect()
}

#[test]
fn a_problem_has_its_place_and_is_a_policy_event() {
    let repo = TestRepo::new().profile("wgx:\n  tasks:\n    build:\n      desc: nothing\n");
    let ran = validate(&repo, &[]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stdout, @r"
    warn  .wgx/profile.yml:1: the profile states no apiVersion; v1 is assumed [missing_apiVersion]
          → write apiVersion: v1 under wgx
    error .wgx/profile.yml:3: the task build has no command [task_missing_command:build]
          → give it cmd or sh, or remove it

    .wgx/profile.yml breaks its contract: 1 error.
    ");
    let stats = repo.run(WGX, &["memory", "stats", "--json"]).go().json();
    assert!(stats["policy_events"].as_u64().unwrap() > 0);
    let none = TestRepo::new();
    assert_eq!(validate(&none, &["--json"]).json()["errors"][0], "no_manifest");
}

#[test]
fn a_sound_profile_is_judged_without_touching_the_memory() {
    let repo = TestRepo::new().profile(&profile("    first: 'true'\n    second: 'true'\n"));
    assert_eq!(validate(&repo, &[]).code, 0);
    let plan = validate(&repo, &["--profile", "quick", "--dry-run", "--json"]).json();
    assert_eq!(plan["plan"][1]["task"], "second");
    assert!(!repo.home().exists());
}

#[test]
fn checks_run_with_their_needs_in_order_and_each_is_recorded() {
    let tasks = "    gen: echo made > made
    first: {cmd: cat made, needs: [gen]}
    second: echo two
";
    let repo = TestRepo::new().profile(&profile(tasks)).git();
    let red = validate(&repo, &["--profile", "quick"]);
    assert_eq!(red.code, 1, "a need starts only in a trusted repository");
    assert!(red.stderr.contains("wgx trust"), "{}", red.stderr);
    assert!(!repo.path().join("made").exists());
    let ran = validate(&repo, &["--profile", "quick", "--yes"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let second = "profile:second";
    assert_eq!(recorded(&repo), [second, "profile:gen", "profile:first", second]);
}

#[test]
fn a_red_check_is_code_1_and_the_receipt_says_how_it_ended() {
    let repo = TestRepo::new().profile(&profile("    first: exit 7\n    second: 'true'\n"));
    let ran = validate(&repo, &["--profile", "quick", "--json"]);
    let receipt = &ran.json()["receipt"];
    assert_eq!((ran.code, &receipt["result"]), (1, &"failed".into()));
    let end = |at: usize| {
        (receipt["checks"][at]["exit_code"].clone(), receipt["checks"][at]["status"].clone())
    };
    assert_eq!(end(0), (7.into(), "failed".into()));
    assert_eq!(end(1), (0.into(), "passed".into()));
}

#[test]
fn the_time_limit_ends_the_whole_tree_with_124() {
    let tasks = "    first: 'trap \"\" TERM; (sleep 60; touch late) & echo $! > child; sleep 60'
    second: exit 124
";
    let repo = TestRepo::new().profile(&profile(tasks));
    let started = std::time::Instant::now();
    let ran = validate(&repo, &["--profile", "quick", "--timeout", "1", "--json"]);
    assert!(started.elapsed().as_secs() < 20);
    let checks = ran.json()["receipt"]["checks"].clone();
    assert_eq!((&checks[0]["status"], &checks[0]["exit_code"]), (&"timeout".into(), &124.into()));
    assert_eq!(checks[1]["status"], "failed", "124 by itself is no time limit");
    let child = std::fs::read_to_string(repo.path().join("child")).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    // Gone, or a zombie that nobody has collected yet.
    assert!(state.is_err() || state.unwrap().contains(") Z "), "the child lives on");
}

#[test]
fn a_receipt_verifies_until_it_is_changed() {
    let repo = TestRepo::new().profile(&profile("    first: 'true'\n    second: 'true'\n")).git();
    let ran = validate(&repo, &["--profile", "quick", "--output", "receipt.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let genuine = std::fs::read_to_string(repo.path().join("receipt.json")).unwrap();
    assert_eq!(validate(&repo, &["--verify", "receipt.json"]).code, 0);
    let receipt: Value = serde_json::from_str(&genuine).unwrap();
    assert_eq!(receipt["repository"]["dirty"], false);
    assert_eq!(receipt["repository"]["commit"].as_str().unwrap().len(), 40);
    for (from, to) in [
        ("\"exit_code\": 0", "\"exit_code\": 1"),
        ("\"dirty\": false", "\"dirty\": true"),
        ("\"kind\"", "\"extra\": 1,\n  \"kind\""),
    ] {
        assert!(genuine.contains(from));
        repo.write("changed.json", genuine.replacen(from, to, 1));
        let ran = validate(&repo, &["--verify", "changed.json", "--json"]);
        assert_eq!((ran.code, &ran.json()["ok"]), (1, &false.into()), "{to}");
    }
    repo.write("changed.json", "not JSON");
    assert_eq!(validate(&repo, &["--verify", "changed.json"]).code, 3);
    assert_eq!(validate(&repo, &["--verify", "missing.json"]).code, 3);
}

#[test]
fn secrets_in_commands_and_the_environment_are_not_in_the_receipt() {
    let secret = ["s3cr3t", "Va1ue", "0f", "mine"].concat();
    let tasks = format!("    first: 'true --password={secret}'\n    second: 'true {secret}'\n");
    let repo = TestRepo::new().profile(&profile(&tasks));
    let ran = repo
        .run(WGX, &["validate", "--profile", "quick", "--json"])
        .env("MY_API_TOKEN", &secret)
        .go();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains(&secret), "{}", ran.stdout);
    let names = &ran.json()["receipt"]["environment"]["redacted_env_names"];
    assert_eq!(names[0], "MY_API_TOKEN");
}

#[test]
fn wrong_calls_and_places_have_their_codes() {
    let repo = TestRepo::new().profile(&profile("    first: 'true'\n    second: 'true'\n"));
    let undeclared = validate(&repo, &["--profile", "full"]);
    assert_eq!(undeclared.code, 2);
    assert!(undeclared.stderr.contains("validate.full"), "{}", undeclared.stderr);
    assert_eq!(validate(&repo, &["--output", "x"]).code, 2);
    assert_eq!(validate(&repo, &["--profile", "quick", "--timeout", "0"]).code, 2);
    let nowhere = validate(&repo, &["--profile", "quick", "--output", "no/such/folder/x"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
}
