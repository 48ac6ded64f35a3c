//! What holds, where it comes from, and how it changes while the daemon runs.

use std::fs;

use serde_json::{Value, json};

use crate::daemon::{Daemon, hauski};

fn setting<'a>(report: &'a Value, name: &str) -> &'a Value {
    let settings = report["settings"].as_array().unwrap();
    settings.iter().find(|setting| setting["name"] == name).unwrap()
}

#[tokio::test]
async fn the_source_that_wins_is_named() {
    let daemon = Daemon::with().env("HAUSKI_ALLOWED_ORIGIN", "https://a.example").start().await;
    let set = daemon.hauski(&["config", "set", "allowed_origins", "https://b.example"]).await;
    assert_eq!(set.code, 0, "{}", set.stderr);
    daemon.hauski(&["config", "set", "expose_config", "true"]).await;
    let report = daemon.hauski(&["config", "show", "--json"]).await.json();
    assert_eq!(setting(&report, "bind")["source"], "flag");
    assert_eq!(setting(&report, "allowed_origins")["source"], "environment");
    assert_eq!(setting(&report, "allowed_origins")["value"], "https://a.example");
    assert_eq!(setting(&report, "allowed_origins")["stored"], "https://b.example");
    assert_eq!(setting(&report, "expose_config")["source"], "stored");
    assert_eq!(setting(&report, "log_level")["source"], "default");
    assert_eq!(daemon.owner().get("/config/limits").await.status, 200, "it counts at once");
    daemon.hauski(&["config", "unset", "expose_config"]).await;
    assert_eq!(daemon.owner().get("/config/limits").await.status, 404);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_and_without_a_daemon() {
    let daemon = Daemon::start().await;
    let home = tempfile::tempdir().unwrap();
    for (name, value) in [("allowed_origins", "*"), ("expose_config", "maybe"), ("nothing", "1")] {
        let with = daemon.hauski(&["config", "set", name, value]).await;
        let without = hauski(home.path(), &[], &["config", "set", name, value]).await;
        assert_eq!((with.code, without.code), (2, 2), "{}", with.stderr);
        let reply = daemon.owner().request("PUT", &format!("/admin/config/{name}"));
        assert_eq!(reply.json(&json!({"value": value})).send().await.code(), "invalid_value");
    }
}

#[tokio::test]
async fn a_changed_policy_counts_at_once_and_the_log_says_what_changed() {
    let start = Daemon::with().env("HAUSKI_EXPOSE_CONFIG", "true");
    let daemon = start.file("policies/limits.yaml", "latency:\n  llm_p95_ms: 400\n").start().await;
    let file = daemon.home.path().join("policies/limits.yaml");
    fs::write(&file, "latency:\n  llm_p95_ms: 300\n").unwrap();
    daemon.logged("llm_p95_ms 400 → 300").await;
    let limits = daemon.owner().get("/config/limits").await.json();
    assert_eq!(limits["latency"]["llm_p95_ms"], 300);

    fs::write(&file, "latency:\n  llm_p95_ms: many\n").unwrap();
    daemon.logged("policy file refused").await;
    daemon.logged("limits.yaml:2:").await;
    let limits = daemon.owner().get("/config/limits").await.json();
    assert_eq!(limits["latency"]["llm_p95_ms"], 300, "the policies before stay in force");
}

#[tokio::test]
async fn sighup_reads_policies_again() {
    let daemon = Daemon::start().await;
    daemon.signal(rustix::process::Signal::HUP);
    daemon.logged("policies were read again").await;
    assert_eq!(daemon.get("/health").await.status, 200);
}

#[tokio::test]
async fn validate_names_every_fault_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("policies")).unwrap();
    fs::write(home.path().join("policies/limits.yaml"), "request:\n  max_seconds: -1\n").unwrap();
    fs::write(home.path().join("policies/models.yml"), "modells: []\n").unwrap();
    let ran = hauski(home.path(), &[], &["config", "validate", "--json"]).await;
    assert_eq!(ran.code, 1);
    let report = ran.json();
    let places: Vec<_> = report["faults"].as_array().unwrap().iter().map(|f| &f["line"]).collect();
    assert_eq!(places, [&json!(2), &json!(1)], "{report}");
    fs::write(home.path().join("models.yaml"), "models: []\n").unwrap();
    let named = hauski(home.path(), &[], &["config", "validate", "models.yaml"]).await;
    assert_eq!(named.code, 1, "the other files are still checked: {}", named.stdout);
    let other = hauski(home.path(), &[], &["config", "validate", "Cargo.toml"]).await;
    assert_eq!(other.code, 2);
}

#[tokio::test]
async fn models_ls_prints_the_table_of_the_seed() {
    let home = tempfile::tempdir().unwrap();
    let text =
        "models:\n  - id: demo\n    path: /tmp/demo.gguf\n    vram_min_gb: 4\n    canary: true\n";
    let file = home.path().join("my-models.yml");
    fs::write(&file, text).unwrap();
    let env = [("HAUSKI_MODELS".to_owned(), file.display().to_string())];
    let ran = hauski(home.path(), &env, &["models", "ls"]).await;
    insta::assert_snapshot!(ran.stdout, @r"
    +------+----------------+----------+--------+
    | ID   | Path           | VRAM min | Canary |
    +------+----------------+----------+--------+
    | demo | /tmp/demo.gguf | 4 GB     | true   |
    +------+----------------+----------+--------+
    ");
    assert_eq!(
        hauski(home.path(), &env, &["models", "ls", "--json"]).await.json()["models"][0]["id"],
        "demo"
    );
}

#[tokio::test]
async fn init_writes_what_is_missing_and_overwrites_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("policies")).unwrap();
    let own = "models: []\n# mine\n";
    fs::write(home.path().join("policies/models.yml"), own).unwrap();
    let ran = hauski(home.path(), &[], &["init", "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let files = ran.json()["files"].as_array().unwrap().clone();
    let written: Vec<_> = files.iter().map(|file| file["written"].as_bool().unwrap()).collect();
    assert_eq!(written, [true, true, true, false]);
    assert_eq!(fs::read_to_string(home.path().join("policies/models.yml")).unwrap(), own);
    assert_eq!(hauski(home.path(), &[], &["config", "validate"]).await.code, 0);
}

#[tokio::test]
async fn status_says_whether_a_daemon_runs() {
    let daemon = Daemon::start().await;
    let report = daemon.hauski(&["status", "--json"]).await.json();
    assert_eq!(report["daemon"]["pid"], daemon.pid());
    assert_eq!(report["daemon"]["ready"], true);
    let ended = daemon.stop().await;
    let ran = hauski(ended.home(), &[], &["status"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("hauski serve"), "{}", ran.stdout);
}

#[tokio::test]
async fn policies_of_a_folder_that_somebody_stands_in_rule_nothing_unless_they_are_named() {
    let ours = || {
        let start = Daemon::with().file("policies/limits.yaml", "latency:\n  llm_p95_ms: 300\n");
        let home = start.home().join("elsewhere").to_str().unwrap().to_owned();
        start.args(&["--home", &home, "--check"])
    };
    let (code, said) = ours().refused().await;
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("nobody has said that it may"), "{said}");
    assert!(said.contains("--policies policies"), "{said}");
    // What ends well at once was ready before.
    let (code, said) = ours().args(&["--policies", "policies"]).refused().await;
    assert_eq!(code, 0, "{said}");
}
