//! Other verbs as a person meets them: smoke, suggest, guard, profile; and what a task requires.

use std::fs;

use testkit::TestRepo;

use crate::world::Wgx;

#[test]
fn smoke_runs_the_shortest_path_and_stops_on_red() {
    let repo = TestRepo::new().profile(
        "validate: {quick: [lint, test]}\ntasks:\n  lint: echo linted >> order\n  \
         test: {sh: [echo tested >> order, exit 1]}\n",
    );
    repo.expect(0, &["trust"]);
    let report = repo.expect(1, &["smoke", "--json"]).json();
    assert_eq!(report["result"], "failed");
    let order = fs::read_to_string(repo.path().join("order")).unwrap();
    assert_eq!(order, "linted\ntested\n");
    assert_eq!(repo.recorded_tasks(), ["profile:lint", "profile:test"]);
    assert!(repo.recorded().iter().all(|run| run["reason"] == "smoke"));
    repo.expect(2, &["smoke", "--budget", "0s"]);
}

#[test]
fn smoke_starts_nothing_without_trust() {
    let repo = TestRepo::new().profile("tasks:\n  test: echo ran > ran\n");
    assert_ne!(repo.wgx(&["smoke"]).code, 0);
    assert!(!repo.path().join("ran").exists());
}

#[test]
fn smoke_and_guard_start_what_a_check_needs() {
    let repo = TestRepo::new().profile(
        "tasks:\n  up: echo up >> order\n  gen: echo gen >> order\n  \
         lint: {cmd: echo lint >> order, needs: [gen], desc: Run the linter}\n",
    );
    repo.expect(0, &["trust"]);
    let report = repo.report(&["smoke"]);
    assert_eq!(
        (&report["result"], &report["steps"][0]["status"]),
        (&"passed".into(), &"passed".into())
    );
    let order = || fs::read_to_string(repo.path().join("order")).unwrap();
    assert_eq!(order(), "up\ngen\nlint\n");
    repo.expect(0, &["guard", "--with-own-checks"]);
    assert_eq!(order(), "up\ngen\nlint\ngen\nlint\n");
}

#[test]
fn smoke_is_not_green_when_nothing_passed() {
    let slow = TestRepo::new().profile("tasks:\n  smoke: sleep 20\n");
    slow.expect(0, &["trust"]);
    let report = slow.expect(1, &["smoke", "--budget", "1s", "--json"]).json();
    assert_eq!(report["steps"][0]["status"], "timeout");
    let own = TestRepo::new().profile("tasks:\n  smoke: exit 124\n");
    own.expect(0, &["trust"]);
    assert_eq!(own.expect(1, &["smoke", "--json"]).json()["result"], "failed");
}

#[test]
fn a_missing_program_is_a_red_check_of_smoke() {
    let repo = TestRepo::new().profile(
        "validate: {quick: [lint, test]}\ntasks:\n  lint: {cmd: [no-such-program-anywhere]}\n  \
         test: echo never > ran\n",
    );
    repo.expect(0, &["trust"]);
    let report = repo.expect(1, &["smoke", "--json"]).json();
    let ends = [0, 1].map(|at: usize| report["steps"][at]["status"].clone());
    assert_eq!(ends, ["failed", "skipped"]);
    assert_eq!(report["steps"][0]["exit_code"], 127);
    assert!(!repo.path().join("ran").exists());
}

#[test]
fn needs_count_into_the_budget_of_smoke_and_are_stopped_at_it() {
    let repo = TestRepo::new()
        .profile("tasks:\n  gen: sleep 20\n  smoke: {cmd: echo x > ran, needs: [gen]}\n");
    repo.expect(0, &["trust"]);
    let planned = repo.report(&["smoke", "--dry-run"]);
    assert_eq!(planned["steps"][0]["needs"], serde_json::json!(["profile:gen"]));
    assert_eq!(planned["steps"][0]["needs_estimate_ms"], 10_000);
    let begin = std::time::Instant::now();
    let report = repo.expect(1, &["smoke", "--budget", "1s", "--json"]).json();
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    assert_eq!(report["result"], "incomplete");
    let step = &report["steps"][0];
    assert_eq!((&step["status"], &step["exit_code"]), (&"timeout".into(), &124.into()));
    assert!(step["duration_ms"].is_null(), "the check itself never started: {step}");
    assert!(step["needs_ms"].as_u64().unwrap() >= 500, "{step}");
    assert!(!repo.path().join("ran").exists());
    assert_eq!(repo.recorded_tasks(), ["profile:gen"]);
}

#[test]
fn guard_counts_names_it_cannot_write_and_refuses_unknown_rules() {
    use std::os::unix::ffi::OsStrExt;
    let repo = TestRepo::new().file("a.txt", "a\n").git();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    fs::write(repo.path().join(name), "b\n").unwrap();
    let report = repo.report(&["guard"]);
    assert_eq!(report["skipped"][0]["reason"], "the name is not UTF-8", "{report}");
    assert_eq!(report["counts"]["skipped"], 1);
    repo.expect(2, &["guard", "--only", "nosuch"]);
}

#[test]
fn a_red_task_is_suggested_until_it_is_green() {
    let repo = TestRepo::new().profile("tasks:\n  test: test -e fixed\n");
    repo.expect(1, &["run", "test"]);
    let commands = |repo: &TestRepo| -> Vec<String> {
        let report = repo.report(&["suggest"]);
        let all = report["suggestions"].as_array().unwrap().clone();
        all.iter().map(|one| one["command"].as_str().unwrap().to_owned()).collect()
    };
    assert!(commands(&repo).iter().any(|command| command.contains("test")));
    repo.write("fixed", "");
    repo.expect(0, &["run", "test"]);
    assert!(!commands(&repo).iter().any(|command| command.starts_with("wgx run")));
}

#[test]
fn guard_counts_names_it_cannot_write_without_git_too() {
    use std::os::unix::ffi::OsStrExt;
    let repo = TestRepo::new().file("a.txt", "fine\n");
    let name = std::ffi::OsStr::from_bytes(b"b\xff.txt");
    fs::write(repo.path().join(name), "<<<<<<< HEAD\n").unwrap();
    let report = repo.report(&["guard"]);
    let expected = serde_json::json!([
        {"reason": "the name is not UTF-8", "count": 1, "files": ["b\u{fffd}.txt"]}
    ]);
    assert_eq!(report["skipped"], expected);
    assert_eq!(report["counts"]["skipped"], 1);
    let text = repo.expect(0, &["guard"]).stdout;
    assert!(text.contains("1 not looked at: the name is not UTF-8"), "{text}");
}

#[test]
fn guard_says_in_one_line_what_was_left_out_on_request() {
    let repo = TestRepo::new().file("a.txt", "fine\n");
    let ran = repo.expect(0, &["guard", "--only", "conflict-markers"]);
    let told: Vec<&str> =
        ran.stdout.lines().filter(|line| line.contains("left out on request")).collect();
    assert_eq!(told.len(), 1, "{}", ran.stdout);
    assert!(told[0].starts_with("skipped  ") && told[0].contains(" checks "), "{}", told[0]);
    let report = repo.report(&["guard", "--only", "conflict-markers"]);
    assert!(report["checks"].as_array().unwrap().len() > 10, "the report names them all");
}

#[test]
fn guard_finds_names_and_mends() {
    let repo = TestRepo::new().file("notes.txt", "trailing   \nno newline at the end").git();
    let report = repo.expect(1, &["guard", "--json"]).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["file"] == "notes.txt"), "{report}");
    for field in ["rule", "file", "line"] {
        assert!(findings[0].get(field).is_some(), "{field} is missing: {}", findings[0]);
    }
    repo.expect(0, &["guard", "--fix"]);
    let text = fs::read_to_string(repo.path().join("notes.txt")).unwrap();
    assert_eq!(text, "trailing\nno newline at the end\n");
    assert_eq!(repo.report(&["memory", "check"])["sound"], true);
    assert!(repo.report(&["memory", "stats"])["policy_events"].as_u64().unwrap() > 0);
}

#[test]
fn learned_words_are_shown_and_written() {
    let repo = TestRepo::new().profile("synonyms: {pages: [manual]}\ntasks: {a: 'true'}\n");
    repo.expect(0, &["run", "a"]);
    assert!(repo.expect(0, &["profile", "show"]).stdout.contains("manual"));
    let report = repo.report(&["profile", "learn"]);
    let written = std::path::Path::new(report["written"].as_str().unwrap());
    assert!(written.starts_with(repo.home().join("profiles")), "{report}");
    assert!(written.is_file());
}

#[test]
fn what_a_task_requires_and_lacks_is_said_to_person_and_task() {
    let repo = TestRepo::new().profile(
        "tasks:\n  t:\n    cmd: echo \"missing $WGX_MISSING\"\n    \
         requires: {tools: {no-such-tool-anywhere: '>=1', bash: '>=3'}}\n",
    );
    let ran = repo.expect(0, &["run", "t"]);
    assert!(ran.stdout.starts_with("missing no-such-tool-anywhere"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("bash"), "{}", ran.stdout);
    assert!(ran.stderr.contains("note: missing: no-such-tool-anywhere"), "{}", ran.stderr);
}
