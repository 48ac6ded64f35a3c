//! `wgx doctor`: findings about a real machine, and what only counts as a warning.

use serde_json::Value;
use testkit::{Run, TestRepo};

const WGX: &str = env!("CARGO_BIN_EXE_wgx");

fn finding(report: &Value, topic: &str, subject: &str) -> Value {
    let all = report["findings"].as_array().unwrap();
    let fits = |finding: &&Value| finding["topic"] == topic && finding["subject"] == subject;
    all.iter().find(fits).unwrap_or_else(|| panic!("no {topic}/{subject} in {report:#}")).clone()
}

fn doctor(repo: &TestRepo) -> (i32, Value) {
    let ran = repo.run(WGX, &["doctor", "--json"]).go();
    (ran.code, ran.json())
}

#[test]
fn a_fresh_repository_is_well_enough_and_nothing_is_written() {
    let repo = TestRepo::new().justfile("build:\n    true\n").git();
    let (code, report) = doctor(&repo);
    assert_eq!((code, &report["ok"]), (0, &true.into()));
    assert_eq!(finding(&report, "tools", "git")["status"], "ok");
    assert_eq!(finding(&report, "repository", "trust")["status"], "warn");
    assert_eq!(finding(&report, "memory", "store")["message"], "empty so far");
    assert!(!repo.home().exists());
}

#[test]
fn trust_and_runs_are_seen() {
    let repo = TestRepo::new().profile("wgx:\n  tasks:\n    hello: echo hello\n").git();
    assert_eq!(repo.run(WGX, &["trust"]).go().code, 0);
    assert_eq!(repo.run(WGX, &["run", "hello"]).go().code, 0);
    let (code, report) = doctor(&repo);
    assert_eq!(code, 0);
    assert_eq!(finding(&report, "repository", "trust")["status"], "ok");
    assert_eq!(finding(&report, "memory", "store")["message"], "sound, 1 run");
    repo.write(".wgx/profile.yml", "wgx:\n  tasks:\n    hello: echo other\n");
    let (_, report) = doctor(&repo);
    let trust = finding(&report, "repository", "trust");
    assert_eq!(trust["message"], "changed since it was trusted: only tasks named by you run");
}

#[test]
fn a_missing_tool_of_one_task_is_a_warning_and_a_broken_profile_a_failure() {
    let profile = "wgx:
  tasks:
    test: {cmd: ./test, requires: {tools: {wgx-tool-that-nobody-has: '*'}}}
";
    let repo = TestRepo::new().profile(profile);
    let (code, report) = doctor(&repo);
    assert_eq!(code, 0);
    assert_eq!(finding(&report, "tools", "wgx-tool-that-nobody-has")["status"], "warn");
    repo.write(".wgx/profile.yml", "wgx:\n  tasks:\n    test: [\n");
    let ran = repo.run(WGX, &["doctor"]).go();
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("fail  syntax"), "{}", ran.stdout);
    assert!(ran.stdout.contains("not well: 1 failure"), "{}", ran.stdout);
}

#[test]
fn a_damaged_memory_is_a_failure_and_stays_as_it_was() {
    let repo = TestRepo::new().profile("wgx:\n  tasks:\n    hello: echo hello\n");
    assert_eq!(repo.run(WGX, &["run", "hello"]).go().code, 0);
    let database = repo.home().join("memory.sqlite");
    for beside in ["memory.sqlite-wal", "memory.sqlite-shm"] {
        let _ = std::fs::remove_file(repo.home().join(beside));
    }
    std::fs::write(&database, b"no database at all, only words").unwrap();
    let (code, report) = doctor(&repo);
    assert_eq!(code, 1);
    assert_eq!(finding(&report, "memory", "store")["status"], "fail");
    assert_eq!(std::fs::read(&database).unwrap(), b"no database at all, only words");
}

#[test]
fn a_home_that_cannot_be_written_is_a_failure() {
    if !testkit::is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let repo = TestRepo::new().justfile("build:\n    true\n").open_for_all();
    let ran =
        repo.run(WGX, &["doctor", "--json"]).env("HAUSKI_HOME", "/usr/hauski").as_nobody().go();
    let report = ran.json();
    assert_eq!(ran.code, 1);
    assert_eq!(finding(&report, "memory", "home")["status"], "fail");
}

/// A toolchain file may name programs of the repository: rustup starts them for every `rustc` in there.
#[test]
#[expect(clippy::disallowed_methods, reason = "rustup is found through the person's own home")]
fn nothing_of_the_repository_is_started_to_find_out_a_version() {
    let trap = "#!/bin/sh\ntouch \"$TRAP\"\n";
    let repo = TestRepo::new()
        .profile("wgx:\n  tasks:\n    tool: [./tool, --version]\n    other: [tool]\n")
        .executable("tool", trap)
        .executable("toolchain/bin/rustc", trap)
        .executable("toolchain/bin/cargo", trap)
        .git();
    let toolchain = repo.path().join("toolchain");
    let text = format!("[toolchain]\npath = \"{}\"\n", toolchain.display());
    repo.write("rust-toolchain.toml", text);
    let sprung = repo.path().join("sprung");
    let home = std::env::var_os("HOME").unwrap_or_default();
    let control = Run::new("rustc", repo.path()).args(["--version"]);
    if testkit::has_program("rustup") {
        control.env("HOME", &home).env("TRAP", &sprung).go();
        assert!(sprung.exists(), "the trap does not work");
        std::fs::remove_file(&sprung).unwrap();
    } else {
        eprintln!("without rustup only the tasks' programs are tried");
    }
    for words in [&["doctor", "--json"][..], &["up", "--check"], &["up", "--dry-run"]] {
        repo.run(WGX, words).env("HOME", &home).env("TRAP", &sprung).go();
        assert!(!sprung.exists(), "{words:?}");
    }
}
