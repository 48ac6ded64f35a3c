//! `wgx runs`: the list, one run, its log, search, rerun, compare.

use testkit::TestRepo;

use crate::world::{Wgx, filtered};

fn repo() -> TestRepo {
    TestRepo::new()
        .profile(
            "tasks:
  good: echo all is well
  bad: 'echo \"error: the zebra is missing\"; exit 5'
  repeat: 'echo \"$WORD\"'
  args: {cmd: [printf, '%s|']}
",
        )
        .file("Makefile", "made:\n\t@echo made by make\n")
}

fn with_history() -> TestRepo {
    let repo = repo();
    repo.expect(0, &["run", "good"]);
    repo.expect(5, &["run", "bad"]);
    repo.expect(0, &["run", "args", "--", "x", "y z"]);
    repo
}

fn tasks(repo: &TestRepo, words: &[&str]) -> Vec<String> {
    let report = repo.report(&[&["runs"], words].concat());
    let runs = report["runs"].as_array().unwrap();
    runs.iter().map(|run| run["task"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn people_see_the_newest_first() {
    let repo = with_history();
    let ran = repo.expect(0, &["runs"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.stdout, @r"
        [id]  [time]  ok        profile:args [ms]  x 'y z'
        [id]  [time]  exit 5    profile:bad [ms]
        [id]  [time]  ok        profile:good [ms]
        ");
    });
}

#[test]
fn one_run_is_shown_whole() {
    let repo = with_history();
    let id = repo.recorded()[1]["id"].as_str().unwrap().to_owned();
    let ran = repo.expect(0, &["runs", "show", &id]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.stdout, @r"
    profile:bad  exit 5
      id         [id]
      repo       [name]
      started    [time]
      took [ms]
      because    named
      log        [sha256]
      device     [id]

    1 lines, 28 bytes, 1 that tell of a failure, 0 masked secrets
      │ error: the zebra is missing
    ");
    });
    let by_beginning = repo.expect(0, &["runs", "show", &id[..18]]);
    assert_eq!(by_beginning.stdout, ran.stdout);
}

#[test]
fn filters_and_the_limit_say_what_they_leave_out() {
    let repo = with_history();
    assert_eq!(tasks(&repo, &["--failed"]), ["profile:bad"]);
    assert_eq!(tasks(&repo, &["--passed"]), ["profile:args", "profile:good"]);
    assert_eq!(tasks(&repo, &["--task", "good"]), ["profile:good"]);
    assert_eq!(tasks(&repo, &["--task", "profile:bad"]), ["profile:bad"]);
    assert_eq!(tasks(&repo, &["--source", "make"]), Vec::<String>::new());
    assert_eq!(tasks(&repo, &["--within", "1h"]).len(), 3);
    let report = repo.report(&["runs", "--limit", "2"]);
    assert_eq!((report["runs"].as_array().unwrap().len(), &report["more"]), (2, &true.into()));
    let ran = repo.expect(0, &["runs", "--limit", "2"]);
    assert!(ran.stdout.ends_with("Older runs are left out; --limit 0 shows all.\n"));
    assert_eq!(repo.report(&["runs", "--limit", "0"])["more"], false);
    repo.expect(2, &["runs", "--failed", "--passed"]);
}

#[test]
fn runs_of_other_repositories_are_seen_with_all_only() {
    let (repo, other) = (with_history(), repo());
    let there = |words: &[&str]| other.call(words).env("HAUSKI_HOME", repo.home()).go();
    assert_eq!(there(&["run", "good"]).code, 0);
    assert_eq!(repo.recorded().len(), 3);
    assert_eq!(tasks(&repo, &["--all"]).len(), 4);
}

#[test]
fn clones_share_their_history_and_worktrees_do_too() {
    let repo = repo().git();
    repo.run_git(&["remote", "add", "origin", "https://me:secret@example.org/team/thing.git"]);
    repo.expect(0, &["run", "good"]);
    repo.run_git(&["worktree", "add", "-q", "tree"]);
    let ran = repo.expect(0, &["-C", "tree", "runs", "--json"]);
    assert_eq!(ran.json()["runs"].as_array().unwrap().len(), 1);
    let clone = repo_clone();
    let ran = clone.call(&["runs", "--json"]).env("HAUSKI_HOME", repo.home()).go();
    assert_eq!(ran.json()["runs"].as_array().unwrap().len(), 1, "{}", ran.stderr);
}

fn repo_clone() -> TestRepo {
    let clone = repo().git();
    clone.run_git(&["remote", "add", "origin", "git@example.org:team/thing"]);
    clone
}

#[test]
fn a_task_is_filtered_by_name_and_alias_as_run_takes_them() {
    let repo = TestRepo::new().profile(
        "tasks:\n  look: {cmd: echo zebra here, aliases: [gaze]}\n  other: echo zebra there\n",
    );
    repo.expect(0, &["run", "gaze"]);
    repo.expect(0, &["run", "other"]);
    for word in ["look", "gaze", "profile:look"] {
        let hits = repo.report(&["runs", "search", "-t", word, "zebra"])["hits"].clone();
        assert_eq!(hits.as_array().unwrap().len(), 1, "{word}: {hits}");
        assert_eq!(hits[0]["run"]["task"], "profile:look");
        let runs = repo.report(&["runs", "-t", word])["runs"].clone();
        assert_eq!(runs.as_array().unwrap().len(), 1, "{word}: {runs}");
    }
    repo.write(".wgx/profile.yml", "tasks: {other: echo zebra there}\n");
    let gone = repo.report(&["runs", "search", "-t", "look", "zebra"])["hits"].clone();
    assert_eq!(gone.as_array().unwrap().len(), 1, "a task that is gone keeps its name");
    assert!(repo.report(&["runs", "-t", "nosuch"])["runs"].as_array().unwrap().is_empty());
    let ran = repo.expect(1, &["runs", "search", "-t", "nosuch", "zebra", "--json"]);
    assert_eq!(ran.json()["hits"], serde_json::json!([]));
    let within = repo.report(&["runs", "search", "--within", "1h", "zebra"])["hits"].clone();
    assert_eq!(within.as_array().unwrap().len(), 2);
}

#[test]
fn what_a_green_run_made_is_kept_shown_and_carried_by_packs() {
    let secret = [["pass", "word="].concat(), "Vk7pQ2mZx9LrT4wB8nHs".to_owned()].concat();
    let repo = TestRepo::new()
        .profile(&format!(
            "tasks:\n  make:\n    cmd: mkdir -p dist/sub && echo one > dist/a.txt && echo two > \
             dist/sub/b.txt && echo x > dist/c.log && ln -sf a.txt dist/link.txt && echo {secret} > \
             token.txt && head -c 70000000 /dev/zero > dist/huge.txt\n    \
             artifacts: ['dist/**/*.txt', token.txt]\n  \
             red: {{cmd: 'exit 1', artifacts: [dist/a.txt]}}\n"
        ))
        .git();
    let ran = repo.expect(0, &["run", "make"]);
    assert!(ran.stderr.contains("1 of its artifacts are left out"), "{}", ran.stderr);
    let shown = repo.report(&["runs", "show", "last"]);
    let made = shown["artefacts"].as_array().unwrap();
    let paths: Vec<&str> = made.iter().map(|made| made["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["dist/a.txt", "dist/sub/b.txt", "token.txt"]);
    assert_eq!((&shown["artefacts_left_out"], &made[0]["bytes"]), (&1.into(), &4.into()));
    assert_eq!(shown["artefacts_without_content"], 1);
    let text = repo.expect(0, &["runs", "show", "last"]).stdout;
    assert!(text.contains("dist/sub/b.txt (4 bytes)"), "{text}");
    let stored = crate::world::files_below(&repo.home().join("cas"));
    let holds = |text: &str| {
        stored.iter().any(|path| std::fs::read(path).unwrap_or_default() == text.as_bytes())
    };
    assert!(holds("one\n") && holds("two\n"));
    assert!(!holds(&format!("{secret}\n")), "a secret is not stored");
    let pack = repo.path().join("pack.tar.gz").to_str().unwrap().to_owned();
    repo.expect(0, &["memory", "export", &pack]);
    let other = TestRepo::new();
    other.expect(0, &["memory", "import", &pack]);
    let id = shown["run"]["id"].as_str().unwrap();
    assert_eq!(other.report(&["runs", "show", id])["artefacts"], shown["artefacts"]);
    assert_eq!(other.report(&["memory", "check"])["sound"], true);
    repo.expect(1, &["run", "red"]);
    let red = repo.report(&["runs", "show", "last"]);
    assert_eq!(red["artefacts"], serde_json::json!([]), "a red run proves nothing");
}

#[test]
fn logs_are_shown_and_searched() {
    let repo = with_history();
    let id = repo.recorded()[1]["id"].as_str().unwrap().to_owned();
    let log = repo.expect(0, &["runs", "log", &id]);
    assert_eq!(log.stdout, "error: the zebra is missing\n");
    let report = repo.report(&["runs", "search", "zebra", "missing"]);
    assert_eq!(report["hits"][0]["run"]["id"], id);
    assert!(report["hits"][0]["snippet"].as_str().unwrap().contains("zebra"));
    let ran = repo.expect(1, &["runs", "search", "giraffe"]);
    assert!(ran.stdout.contains("No log holds `giraffe`"), "{}", ran.stdout);
    let ran = repo.expect(1, &["runs", "search", "\"unbalanced", "AND", "(*"]);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn a_run_is_started_again_with_its_arguments() {
    let repo = with_history();
    assert_eq!(repo.expect(0, &["runs", "rerun", "last"]).stdout, "x|y z|");
    assert_eq!(repo.recorded().len(), 4);
    repo.expect(0, &["runs", "rerun", "last", "--dry-run"]);
    assert_eq!(repo.recorded().len(), 4);
}

#[test]
fn two_runs_are_compared_field_by_field_and_line_by_line() {
    let repo = repo();
    for word in ["one", "two"] {
        let ran = repo.call(&["run", "repeat"]).env("WORD", word).go();
        assert_eq!(ran.stdout, format!("{word}\n"));
    }
    repo.expect(5, &["run", "bad"]);
    let ids: Vec<String> =
        repo.recorded().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    let report = repo.report(&["runs", "compare", &ids[2], &ids[1]]);
    assert_eq!(report["log_diff"], "-one\n+two\n");
    let report = repo.report(&["runs", "compare", &ids[1], "last"]);
    let fields: Vec<_> = report["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].clone())
        .collect();
    assert!(fields.contains(&"task".into()) && fields.contains(&"exit_code".into()), "{fields:?}");
}

#[test]
fn a_failure_names_what_made_it_green_before() {
    let repo = TestRepo::new()
        .profile("tasks:\n  t: 'test -e fixed || { echo \"error: no file\"; exit 1; }'\n");
    repo.expect(1, &["run", "t"]);
    repo.write("fixed", "");
    repo.expect(0, &["run", "t"]);
    std::fs::remove_file(repo.path().join("fixed")).unwrap();
    repo.expect(1, &["run", "t"]);
    let runs = repo.recorded();
    let precedent = repo.report(&["runs", "show", "last"])["precedent"].clone();
    assert_eq!(precedent["failed"]["id"], runs[2]["id"]);
    assert_eq!(precedent["fixed_by"]["id"], runs[1]["id"]);
}

#[test]
fn without_a_memory_there_is_nothing_and_no_fault() {
    let repo = repo();
    assert!(repo.expect(0, &["runs"]).stdout.contains("No runs are recorded here"));
    let ran = repo.expect(1, &["runs", "show", "last"]);
    assert!(ran.stderr.contains("no run has been recorded yet"), "{}", ran.stderr);
    assert!(!repo.home().exists(), "reading makes no memory");
    repo.expect(0, &["run", "good"]);
    let ran = repo.expect(1, &["runs", "show", "ffff"]);
    assert!(ran.stderr.contains("ffff"), "{}", ran.stderr);
}

#[test]
fn every_run_links_its_environment_and_its_evidence() {
    let repo = repo().file("Cargo.lock", "version = 4\n").git();
    repo.expect(0, &["run", "good"]);
    let environment = |repo: &TestRepo| -> Vec<(String, String)> {
        let report = repo.report(&["runs", "show", "last"]);
        let fields = report["environment"].as_array().unwrap().clone();
        let text = |field: &serde_json::Value, name: &str| field[name].as_str().unwrap().to_owned();
        fields.iter().map(|field| (text(field, "field"), text(field, "value"))).collect()
    };
    let clean = environment(&repo);
    let names: Vec<&str> = clean.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["os", "arch", "commit", "lockfiles.Cargo.lock"] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    repo.write("Cargo.lock", "version = 4\n# changed\n");
    let ran = repo.call(&["run", "good"]).env("CI", "true").go();
    assert_eq!(ran.code, 0);
    let first = repo.recorded()[1]["id"].as_str().unwrap().to_owned();
    let report = repo.report(&["runs", "compare", &first, "last"]);
    let changes = report["changes"].as_array().unwrap();
    let changed: Vec<&str> =
        changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
    for name in ["lockfiles.Cargo.lock", "flags.CI", "dirty"] {
        assert!(changed.contains(&name), "{name} is missing: {changed:?}");
    }
    let stats = repo.report(&["memory", "stats"]);
    assert_eq!((&stats["evidence_packs"], &stats["environments"]), (&2.into(), &2.into()));
}

#[test]
fn a_run_is_repeated_only_where_and_as_what_it_was() {
    let first = TestRepo::new().profile("tasks:\n  one: echo one\n  'docs:serve': echo served\n");
    first.expect(0, &["run", "one"]);
    first.expect(0, &["run", "docs:serve"]);
    for name in ["docs:serve", "profile:docs:serve"] {
        assert_eq!(
            first.report(&["runs", "-t", name])["runs"].as_array().unwrap().len(),
            1,
            "{name}"
        );
    }
    let id = first.recorded()[1]["id"].as_str().unwrap().to_owned();
    let other = TestRepo::new().profile("tasks:\n  one: echo wrong > ran\n");
    let home = first.home().to_string_lossy().into_owned();
    let ran = other.expect(2, &["--home", &home, "runs", "rerun", &id]);
    assert!(ran.stderr.contains("another repository"), "{}", ran.stderr);
    assert!(!other.path().join("ran").exists());
    first.write(".wgx/profile.yml", "tasks:\n  one-more: echo wrong\n");
    let ran = first.expect(2, &["runs", "rerun", &id]);
    assert!(ran.stderr.contains("is not a task here any more"), "{}", ran.stderr);
}

#[test]
fn a_run_of_a_plain_command_is_not_started_again_by_its_id() {
    let repo =
        TestRepo::new().profile("semantics: {prove docs: [echo proven]}\ntasks: {other: 'true'}\n");
    repo.expect(0, &["run", "prove docs", "--yes"]);
    assert_eq!(repo.recorded()[0]["source"], "command");
    let ran = repo.expect(2, &["runs", "rerun", "last"]);
    assert!(ran.stderr.contains("was of a plain command"), "{}", ran.stderr);
    assert!(ran.stderr.contains("echo proven"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: start the command, or the phrase"), "{}", ran.stderr);
    assert_eq!((ran.stdout.as_str(), repo.recorded().len()), ("", 1));
}
