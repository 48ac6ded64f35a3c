//! `wgx run` with exact names: what is started, how it ends, what is recorded.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestRepo;

use crate::world::{Wgx, filtered};

fn repo() -> TestRepo {
    TestRepo::new().profile(
        "tasks:
  hello: echo hello
  fail: {cmd: exit 7, desc: Fails}
  loud: echo out; echo err >&2; exit 3
  killed: kill -TERM $$
  words: {cmd: [printf, '%s|'], args: [a b]}
  say: 'echo \"got $# $1\"'
  reads: cat
  slow: sleep 30
  lines: {sh: ['false', echo never]}
  keeps: {sh: ['x=1', 'cd /', 'echo $x $PWD']}
  gone: {cmd: [no-such-program-anywhere, x]}
  odd: {cmd: [./not-executable]}
  per-system: {cmd: {linux: echo on linux, darwin: echo on a mac, default: echo elsewhere}}
",
    )
}

#[test]
fn a_task_runs_and_its_end_is_recorded() {
    let repo = repo();
    let ran = repo.expect(0, &["run", "hello"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("hello\n", ""));
    let runs = repo.recorded();
    assert_eq!(runs.len(), 1);
    for field in
        ["id", "repo", "task", "source", "args", "exit_code", "started_at", "duration_ms", "log"]
    {
        assert!(runs[0].get(field).is_some(), "{field} is missing");
    }
    assert_eq!(runs[0]["task"], "profile:hello");
    assert_eq!(runs[0]["exit_code"], 0);
    assert!(runs[0]["started_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn both_streams_stay_apart_and_the_code_is_the_tasks_own() {
    let ran = repo().expect(3, &["run", "loud"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn a_signal_counts_from_128_and_is_recorded() {
    let repo = repo();
    repo.expect(143, &["run", "killed"]);
    assert_eq!(repo.report(&["runs", "show", "last"])["signal"], 15);
}

#[test]
fn input_is_passed_on_and_arguments_come_after_two_dashes() {
    let repo = repo();
    assert_eq!(repo.call(&["run", "reads"]).input("one\ntwo\n").go().stdout, "one\ntwo\n");
    assert_eq!(repo.expect(0, &["run", "words", "--", "c d", "*"]).stdout, "a b|c d|*|");
    assert_eq!(repo.recorded()[0]["args"], json!(["c d", "*"]));
    let ran = repo.expect(0, &["run", "words", "--", "--json", "-n"]);
    assert_eq!(ran.stdout, "a b|--json|-n|");
}

#[test]
fn several_tasks_run_in_their_order_and_stop_at_the_first_failure() {
    let repo = repo();
    let ran = repo.expect(7, &["run", "hello", "fail", "profile:hello", "--json"]);
    assert_eq!(ran.stderr, "hello\n", "standard output is the report's alone");
    let report = ran.json();
    assert_eq!(report["exit_code"], 7);
    let ends = ["exit_code", "skipped"].map(|field| report["steps"][2][field].clone());
    assert_eq!(ends, [json!(null), json!("an earlier step failed")]);
    assert!(report["steps"][1]["run_id"].is_string());
    assert_eq!(repo.recorded_tasks(), ["profile:hello", "profile:fail"]);
    let ran = repo.expect(2, &["run", "hello", "everything"]);
    assert!(ran.stderr.contains("`everything` is not a task here, but `hello` is"));
    assert_eq!(repo.recorded().len(), 2, "a mixture starts nothing");
}

#[test]
fn each_line_of_sh_ends_the_task_when_it_fails_and_shares_one_shell() {
    let repo = repo();
    assert_eq!(repo.expect(1, &["run", "lines"]).stdout, "");
    assert_eq!(repo.expect(0, &["run", "keeps"]).stdout, "1 /\n");
}

#[test]
fn the_command_of_this_system_is_taken() {
    let expected = if cfg!(target_os = "macos") { "on a mac\n" } else { "on linux\n" };
    assert_eq!(repo().expect(0, &["run", "per-system"]).stdout, expected);
}

#[test]
fn a_time_limit_ends_the_whole_tree_with_124() {
    let repo = repo();
    let begin = Instant::now();
    let ran = repo.expect(124, &["run", "slow", "--timeout", "300ms"]);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(ran.stderr.contains("the time limit is over"), "{}", ran.stderr);
    assert_eq!(repo.recorded()[0]["exit_code"], 124);
    repo.expect(2, &["run", "slow", "--timeout", "soon"]);
}

#[test]
fn missing_and_unusable_programs_have_their_own_codes() {
    let repo = repo().file("not-executable", "x");
    let ran = repo.expect(127, &["run", "gone"]);
    assert!(ran.stderr.contains("no-such-program-anywhere"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    let ran = repo.expect(126, &["run", "odd"]);
    assert!(ran.stderr.contains("not-executable"), "{}", ran.stderr);
}

#[test]
fn what_could_not_be_executed_is_remembered_with_its_reason() {
    for flags in [&["run", "gone"][..], &["run", "-p", "hello", "gone"]] {
        let repo = repo();
        repo.expect(127, flags);
        let run = repo.recorded()[0].clone();
        assert_eq!((&run["task"], &run["exit_code"]), (&json!("profile:gone"), &json!(127)));
        let log = repo.expect(0, &["runs", "log", "last"]).stdout;
        assert!(log.starts_with("wgx: ") && log.contains("no-such-program-anywhere"), "{log}");
        assert_eq!(repo.report(&["memory", "stats"])["policy_events"], 1);
        let best = repo.report(&["suggest"])["suggestions"][0].clone();
        assert_eq!(best["command"], "wgx doctor", "{best}");
        let reason = best["reason"].as_str().unwrap();
        assert!(reason.contains("profile:gone could not be started"), "{reason}");
    }
    let repo = repo().file("not-executable", "x");
    repo.expect(126, &["run", "odd", "--no-log"]);
    let run = repo.recorded()[0].clone();
    assert_eq!((&run["exit_code"], &run["log"]), (&json!(126), &json!(null)));
}

#[test]
fn without_a_log_the_run_is_still_recorded() {
    let repo = repo();
    assert_eq!(repo.expect(0, &["run", "hello", "--no-log"]).stdout, "hello\n");
    assert_eq!(repo.recorded()[0]["log"], json!(null));
    let ran = repo.expect(1, &["runs", "log", "last"]);
    assert!(ran.stderr.contains("--no-log"), "{}", ran.stderr);
}

#[test]
fn a_dry_run_shows_a_command_of_several_lines_as_it_is() {
    let repo = TestRepo::new().profile("tasks:\n  block: |\n    echo a\n    echo b\n");
    let shown = repo.expect(0, &["run", "--dry-run", "block"]).stdout;
    let command = "  command  bash -c 'echo a\n           echo b\n           '\n  in ";
    assert!(shown.contains(command), "{shown}");
}

#[test]
fn a_dry_run_shows_everything_and_starts_nothing() {
    let repo = TestRepo::new().profile(
        "env: {MODE: fast}\nenvDefaults: {LEVEL: low}\n\
         tasks:\n  make-it: {cmd: echo it > made, desc: D}\n",
    );
    let report = repo.expect(0, &["run", "make-it", "--dry-run", "--json", "--", "a b"]).json();
    assert_eq!(report["schema"], "wgx.run/1");
    assert_eq!(report["decision"], "run");
    assert_eq!(report["task"]["id"], "profile:make-it");
    assert_eq!(report["candidates"], json!([]));
    assert_eq!(report["command"][0], "bash");
    assert_eq!(report["command"][1], "-c");
    assert_eq!(report["cwd"], repo.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(report["environment"]["set"]["MODE"], "fast");
    assert_eq!(report["environment"]["set"]["LEVEL"], "low");
    assert!(!repo.path().join("made").exists());
    assert!(!repo.home().exists(), "a dry run writes no memory");
    let ran = repo.expect(0, &["run", "make-it", "-n"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.stdout, @r"
    profile:make-it (named)
      command  bash -c 'echo it > made'
      in       [root]
      set      LEVEL=low
      set      MODE=fast
    ");
    });
}

#[test]
fn what_a_failure_kept_from_starting_is_named() {
    let ran = repo().expect(7, &["run", "hello", "fail", "say"]);
    let note = "note: profile:fail ended with 7; not started: profile:say\n";
    assert!(ran.stderr.ends_with(note), "{}", ran.stderr);
}

#[test]
fn in_parallel_every_line_carries_its_task_and_every_run_is_recorded() {
    let repo = TestRepo::new().profile(
        "tasks:\n  a: {sh: [sleep 0.3, echo from a]}\n  b: {sh: [sleep 0.3, echo from b]}\n  \
         bad: exit 4\n",
    );
    let ran = repo.expect(0, &["run", "--parallel", "a", "b"]);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 2, "{}", ran.stdout);
    assert!(lines[0].contains("a") && lines[0].ends_with("from a"), "{lines:?}");
    assert!(lines[1].contains("b") && lines[1].ends_with("from b"), "{lines:?}");
    let mut tasks = repo.recorded_tasks();
    tasks.sort_unstable();
    assert_eq!(tasks, ["profile:a", "profile:b"]);
    repo.expect(4, &["run", "--parallel", "--keep-going", "bad", "a"]);
    let last: Vec<_> = repo.recorded()[..2].iter().map(|run| run["exit_code"].clone()).collect();
    assert!(last.contains(&json!(4)) && last.contains(&json!(0)), "{last:?}");
}

#[test]
fn tasks_of_other_tools_run_as_their_tool_would() {
    if !testkit::has_program("make") {
        testkit::not_run("a task of make", "there is no make here");
        return;
    }
    let repo =
        TestRepo::new().file("Makefile", "who:\n\t@echo made in $(CURDIR)\nbad:\n\t@exit 5\n");
    let ran = repo.expect(0, &["run", "who"]);
    let root = repo.path().canonicalize().unwrap();
    assert_eq!(ran.stdout, format!("made in {}\n", root.display()));
    repo.expect(2, &["run", "make:bad"]);
    assert_eq!(repo.recorded()[0]["exit_code"], 2);
}

#[test]
fn an_error_says_what_and_what_to_do() {
    let repo = repo();
    let ran = repo.expect(2, &["run", "hello", "x"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.snapshot(&[]), @r"
    code: 2
    --- stdout
    --- stderr
    error: `x` is not a task here, but `hello` is
    hint: arguments for a task go after `--`; free text is all words or none
    ");
    });
}

#[test]
fn several_at_once_are_recorded_as_soon_as_each_has_ended() {
    let repo = TestRepo::new()
        .profile("tasks:\n  quick: echo quick\n  slow: 'until test -e go; do sleep 0.05; done'\n");
    let mut child = repo.call(&["run", "-p", "quick", "slow"]).spawn();
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = || repo.recorded().iter().any(|run| run["exit_code"] == 0);
    while !ended() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let was_recorded = ended();
    repo.write("go", "");
    assert!(child.wait().unwrap().success());
    assert!(was_recorded, "the quick one is recorded while the slow one runs");
}

#[test]
fn several_at_once_without_log_keep_none() {
    let repo = TestRepo::new().profile("tasks:\n  a: echo a\n  b: echo b\n");
    repo.expect(0, &["run", "-p", "--no-log", "a", "b"]);
    let runs = repo.recorded();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run["log"].is_null()), "{runs:?}");
}

#[test]
fn a_lost_log_leaves_the_outcome() {
    for flags in [&["run", "spoils"][..], &["run", "-p", "spoils"]] {
        let repo = TestRepo::new();
        let cas = repo.home().join("cas");
        let spoil = format!("rm -rf '{0}'; echo x > '{0}'; exit 3", cas.display());
        let repo = repo.profile(&format!("tasks:\n  spoils: {spoil:?}\n"));
        let ran = repo.expect(125, flags);
        assert!(ran.stderr.contains("its log could not be kept"), "{}", ran.stderr);
        std::fs::remove_file(&cas).unwrap();
        assert_eq!(repo.recorded()[0]["exit_code"], 3, "the run is not open");
    }
}
