//! `wgx memory`: stats, check, gc, forget, and packs between two homes.

use std::fs;

use serde_json::Value;
use testkit::TestRepo;

use crate::world::{Wgx, files_below};

fn repo(word: &str) -> TestRepo {
    let repo = TestRepo::new().profile(&format!("tasks:\n  say: echo {word}\n  fail: exit 3\n"));
    repo.expect(0, &["run", "say"]);
    repo.expect(3, &["run", "fail"]);
    repo
}

fn stats(repo: &TestRepo) -> Value {
    repo.report(&["memory", "stats"])
}

/// What the memory holds, whatever the device.
fn state(repo: &TestRepo) -> (Value, Vec<Value>) {
    let stats = stats(repo);
    let counts = ["runs", "environments", "evidence_packs", "tombstones", "devices", "objects"];
    let counts = counts.iter().map(|name| ((*name).to_owned(), stats[name].clone())).collect();
    let runs = repo.report(&["runs", "--all", "--limit", "0"])["runs"].clone();
    (Value::Object(counts), runs.as_array().unwrap().clone())
}

#[test]
fn counts_and_health() {
    let repo = repo("hello");
    let stats = stats(&repo);
    assert_eq!((&stats["runs"], &stats["failed_runs"]), (&2.into(), &1.into()));
    assert_eq!(stats["exists"], true);
    assert!(stats["database_bytes"].as_u64().unwrap() > 4096);
    assert_eq!(repo.report(&["memory", "check"])["sound"], true);
    let empty = TestRepo::new();
    assert_eq!(empty.report(&["memory", "stats"])["exists"], false);
    let ran = empty.expect(1, &["memory", "check"]);
    assert!(ran.stderr.contains("there is no memory at"), "{}", ran.stderr);
}

#[test]
fn damage_is_found_and_named() {
    let repo = repo("hello");
    let objects = files_below(&repo.home().join("cas"));
    let log = objects.iter().find(|path| fs::metadata(path).unwrap().len() > 0).unwrap();
    fs::remove_file(log).unwrap();
    let report = repo.report(&["memory", "check"]);
    assert_eq!(report["notes"].as_array().unwrap().len(), 1, "a missing log is said: {report}");
    fs::write(log, "other").unwrap();
    let ran = repo.expect(1, &["memory", "check", "--json"]);
    let report = ran.json();
    assert_eq!(report["sound"], false);
    assert!(!report["problems"].as_array().unwrap().is_empty());
}

#[test]
fn retention_drops_old_runs_and_keeps_the_newest() {
    let repo = repo("hello");
    for _ in 0..3 {
        repo.expect(0, &["run", "say"]);
    }
    let words = ["memory", "gc", "--max-log-mib", "0", "--max-age-days", "1", "--keep-runs", "1"];
    assert_eq!(repo.report(&words)["facts"], 0, "young runs stay");
    assert_eq!(repo.recorded().len(), 5);
}

#[test]
fn retention_is_set_once_stated_and_honoured_by_gc() {
    let repo = repo("hello");
    for _ in 0..3 {
        repo.expect(0, &["run", "say"]);
    }
    let limits = stats(&repo)["retention"].clone();
    assert_eq!((&limits["is_set"], &limits["keep_days"]), (&false.into(), &365.into()));
    repo.expect(0, &["memory", "retention", "set", "--max-runs", "2", "--keep-runs", "1"]);
    repo.expect(0, &["memory", "retention", "set", "--max-size", "1GiB"]);
    let limits = stats(&repo)["retention"].clone();
    let expected = serde_json::json!({
        "is_set": true, "keep_days": 365, "max_bytes": 1 << 30, "max_runs": 2, "keep_runs": 1
    });
    assert_eq!(limits, expected);
    assert_eq!(repo.report(&["memory", "retention"])["retention"], limits);
    assert_eq!(repo.recorded().len(), 5, "setting drops nothing");
    let gentle = repo.report(&["memory", "gc", "--max-runs", "0"]);
    assert_eq!(gentle["facts"], 0, "an option counts for its call");
    assert_eq!(repo.report(&["memory", "gc"])["facts"], 3);
    assert_eq!(repo.recorded_tasks(), ["profile:fail", "profile:say"]);
    repo.expect(0, &["memory", "retention", "reset"]);
    assert_eq!(stats(&repo)["retention"]["is_set"], false);
    repo.expect(2, &["memory", "retention", "set"]);
    repo.expect(2, &["memory", "retention", "set", "--max-size", "2XB"]);
}

#[test]
fn a_pack_does_not_bring_its_retention() {
    let repo = repo("hello");
    repo.expect(0, &["memory", "retention", "set", "--keep-days", "1"]);
    let pack = repo.path().join("pack.tar.gz").to_str().unwrap().to_owned();
    repo.expect(0, &["memory", "export", &pack]);
    let other = TestRepo::new();
    other.expect(0, &["memory", "import", &pack]);
    assert_eq!(stats(&other)["retention"]["is_set"], false);
}

#[test]
fn forgetting_needs_a_yes_and_leaves_nothing() {
    let repo = repo("unforgettable-zebra");
    let ran = repo.expect(1, &["memory", "forget", "--repository"]);
    assert!(ran.stderr.contains("needs a yes"), "{}", ran.stderr);
    let id = repo.recorded()[1]["id"].as_str().unwrap().to_owned();
    repo.expect(0, &["memory", "forget", &id, "--yes"]);
    assert_eq!(repo.recorded_tasks(), ["profile:fail"]);
    repo.expect(1, &["runs", "search", "zebra"]);
    repo.expect(0, &["memory", "forget", "--repository", "--yes"]);
    assert!(repo.recorded().is_empty());
    assert_eq!(repo.report(&["memory", "check"])["sound"], true);
    repo.expect(1, &["memory", "forget", "ffff", "--yes"]);
}

#[test]
fn packs_give_the_same_memory_twice_and_in_any_order() {
    let (one, two) = (repo("one"), repo("two"));
    let (first, second) = (one.path().join("one.tar.gz"), two.path().join("two.tar.gz"));
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    one.expect(0, &["memory", "export", &text(&first)]);
    two.expect(0, &["memory", "export", &text(&second)]);
    let (left, right) = (TestRepo::new(), TestRepo::new());
    let imported = left.report(&["memory", "import", &text(&first)]);
    assert!(imported["new_facts"].as_u64().unwrap() > 0);
    left.expect(0, &["memory", "import", &text(&second)]);
    for pack in [&second, &first, &second] {
        right.expect(0, &["memory", "import", &text(pack)]);
    }
    assert_eq!(state(&left), state(&right));
    assert_eq!(state(&left).1.len(), 4);
    let again = left.report(&["memory", "import", &text(&first)]);
    assert_eq!((&again["new_facts"], &again["new_objects"]), (&0.into(), &0.into()));
    one.expect(0, &["memory", "import", &text(&second)]);
    assert_eq!(state(&one).1, state(&left).1);
    for repo in [&left, &right, &one] {
        assert_eq!(repo.report(&["memory", "check"])["sound"], true);
    }
}

#[test]
fn what_was_forgotten_does_not_come_back_with_a_pack() {
    let repo = repo("hello");
    let pack = repo.path().join("pack.tar.gz").to_str().unwrap().to_owned();
    repo.expect(0, &["memory", "export", &pack]);
    repo.expect(0, &["memory", "forget", "--repository", "--yes"]);
    let imported = repo.report(&["memory", "import", &pack]);
    assert!(imported["forgotten_facts"].as_u64().unwrap() > 0, "{imported}");
    assert!(repo.recorded().is_empty());
}

#[test]
fn a_file_that_is_no_pack_is_refused_whole() {
    let repo = repo("hello").file("no.tar.gz", "not a pack");
    let before = state(&repo);
    let ran = repo.expect(1, &["memory", "import", "no.tar.gz"]);
    assert!(ran.stderr.contains("no.tar.gz"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!(state(&repo), before);
    let ran = repo.expect(1, &["memory", "export", "no/such/folder/x.tar.gz"]);
    assert!(ran.stderr.contains("no/such/folder"), "{}", ran.stderr);
}

#[test]
fn a_seed_is_kept_compared_written_back_and_forgotten() {
    let repo = TestRepo::new().file("db/a.sql", "insert 1;\n").file("db/sub/b.sql", "insert 2;\n");
    assert!(repo.expect(0, &["seeds"]).stdout.starts_with("No seeds"));
    repo.expect(1, &["seeds", "apply", "demo"]);
    let made = repo.report(&["seeds", "snapshot", "demo@3", "db", "--made-by", "just dump"]);
    assert_eq!((&made["schema"], &made["made"]), (&"wgx.seeds/1".into(), &"demo@3".into()));
    let again = repo.report(&["seeds", "snapshot", "demo@3", "db/sub", "db/a.sql"]);
    assert_eq!(
        again["seeds"][0]["sha256"], made["seeds"][0]["sha256"],
        "the same files, one digest"
    );
    assert_eq!(again["seeds"][0]["older"], 1);

    fs::write(repo.path().join("db/a.sql"), "changed\n").unwrap();
    fs::remove_file(repo.path().join("db/sub/b.sql")).unwrap();
    let plan = repo.report(&["seeds", "apply", "demo", "--dry-run"]);
    let before = [0, 1].map(|at: usize| plan["files"][at]["before"].clone());
    assert_eq!(before, ["different", "absent"]);
    let refused = repo.expect(1, &["seeds", "apply", "demo"]);
    assert!(refused.stderr.contains("files that differ from the seed: 1,"), "{}", refused.stderr);
    assert!(!repo.path().join("db/sub/b.sql").exists(), "all or none");
    assert_eq!(repo.report(&["seeds", "apply", "demo", "--force"])["applied"], true);
    assert_eq!(fs::read_to_string(repo.path().join("db/a.sql")).unwrap(), "insert 1;\n");
    assert_eq!(fs::read_to_string(repo.path().join("db/sub/b.sql")).unwrap(), "insert 2;\n");
    assert_eq!(repo.report(&["seeds", "apply", "demo@3"])["applied"], false);

    repo.expect(1, &["seeds", "forget", "demo"]);
    assert_eq!(repo.report(&["seeds", "forget", "demo", "--yes"])["forgotten"], 2);
    repo.expect(1, &["seeds", "apply", "demo"]);
    repo.expect(1, &["seeds", "snapshot", "demo", "../elsewhere"]);
    repo.expect(2, &["seeds", "snapshot", "a/b", "db"]);
}

#[test]
fn places_of_secrets_are_noted_and_values_never() {
    let repo = TestRepo::new();
    repo.expect(0, &["secrets", "add", "DEPLOY_TOKEN", "--for", "publish packages"]);
    let report = repo.expect(1, &["secrets", "check", "--json"]).json();
    assert_eq!(report["secrets"][0]["state"], "missing");
    assert_eq!(report["secrets"][0]["scope"], "publish packages");
    let value = format!("{}{}", "h8J2kD4e", "5F6g7H9q");
    let set = repo.call(&["secrets", "check", "--json"]).env("DEPLOY_TOKEN", &value).go();
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(!set.stdout.contains(&value), "{}", set.stdout);
    let token = format!("ghp_{}{}", "a1B2c3D4e5F6g7H8i9", "J0k1L2m3N4o5P6q7R8");
    let refused = repo.expect(1, &["secrets", "add", &token]);
    assert!(!refused.stderr.contains(&token), "{}", refused.stderr);
    repo.expect(1, &["secrets", "add", "A=b"]);
    repo.expect(0, &["secrets", "add", "KEY", "--provider", "some-vault", "--everywhere"]);
    let states = repo.report(&["secrets"]);
    assert_eq!(states["secrets"][1]["state"], "unknown");
    repo.expect(1, &["secrets", "forget", "KEY", "--provider", "gh"]);
    assert_eq!(repo.report(&["secrets", "forget", "KEY"])["forgotten"], 1);
}

#[test]
fn a_note_is_found_again_and_a_question_falls_back_to_words() {
    let repo = TestRepo::new();
    let first = repo.report(&[
        "remember",
        "--source",
        "docs/deploy.md:7",
        "the deploy needs the VPN of Anna",
    ]);
    assert_eq!(first["is_new"], true);
    assert_eq!(repo.report(&["remember", "the deploy needs the VPN of Anna"])["is_new"], false);
    let found = repo.report(&["recall", "vpn", "deploy"]);
    assert_eq!(found["mode"], "local");
    assert_eq!(found["hits"][0]["citation"], "docs/deploy.md:7");
    let asked = repo.report(&["ask", "how do we deploy with the VPN?"]);
    assert_eq!(asked["hits"][0]["id"], first["id"]);
    assert!(asked["note"].as_str().is_some_and(|note| note.contains("hauski start")), "{asked}");
    assert!(repo.report(&["ask", "--use-memory=local", "VPN"])["note"].is_null());
    repo.expect(1, &["ask", "--use-memory=daemon", "VPN"]);
    repo.expect(1, &["recall", "--use-memory=off", "VPN"]);
    repo.expect(1, &["recall", "nothing", "of", "this", "kind"]);
}
