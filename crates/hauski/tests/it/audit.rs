//! `hauski audit`: its verdicts, exit codes and what people read.

use std::fs;
use std::path::Path;

use audit::{Durability, Event, Log, Options, Outcome};
use tempfile::TempDir;

use crate::daemon::{Daemon, Ran, hauski};

/// A home with a closed audit log of three events.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path().join("audit"), Options::default()).unwrap();
    for event in [
        Event::new("local:1000", "key.create", "k1").with("scopes", "chat"),
        Event::new("key:k1", "egress.decide", "https://evil.example").outcome(Outcome::Denied),
        Event::new("key:k1", "request.finish", "POST /v1/chat/completions").with("status", 200),
    ] {
        log.append(event, Durability::Durable).wait().unwrap();
    }
    log.close().unwrap();
    home
}

async fn audit(home: &Path, words: &[&str]) -> Ran {
    hauski(home, &[], &[&["audit"], words].concat()).await
}

fn lines_file(home: &Path) -> std::path::PathBuf {
    home.join("audit/segment-00000001.jsonl")
}

#[tokio::test]
async fn verify_says_sound_tampered_or_not_verifiable_by_its_exit_code() {
    let home = home();
    let ran = audit(home.path(), &["verify"]).await;
    assert_eq!((ran.code, ran.stdout.lines().next()), (0, Some("sound")), "{ran:?}");
    let ran = audit(home.path(), &["verify", "--json"]).await;
    assert_eq!((ran.code, ran.json()["verdict"].as_str()), (0, Some("sound")));

    let whole = fs::read_to_string(lines_file(home.path())).unwrap();
    fs::write(lines_file(home.path()), whole.replace("\"denied\"", "\"ok\"")).unwrap();
    let ran = audit(home.path(), &["verify"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    insta::assert_snapshot!(ran.stdout.lines().next().unwrap(), @"tampered: edited at line 3 in segment-00000001.jsonl: line 4 names another hash of it");

    let mut lines: Vec<&str> = whole.lines().collect();
    lines.pop();
    fs::write(lines_file(home.path()), lines.join("\n") + "\n").unwrap();
    fs::remove_file(home.path().join("audit/segment-00000001.notes")).unwrap();
    let ran = audit(home.path(), &["verify"]).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    insta::assert_snapshot!(ran.stdout.lines().next().unwrap(), @"tail not verifiable: unsigned-tail at line 0 in segment-00000001.jsonl: no checkpoint covers lines 0 to 4");

    let ran = audit(home.path(), &["verify", "--log", "nowhere"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[tokio::test]
async fn a_proof_is_checked_without_the_log_and_names_its_key() {
    let home = home();
    let proof = audit(home.path(), &["prove", "3"]).await;
    assert_eq!(proof.code, 0, "{proof:?}");
    let key = proof.json()["key"].as_str().unwrap().to_owned();
    fs::write(home.path().join("proof.json"), &proof.stdout).unwrap();
    fs::remove_dir_all(home.path().join("audit")).unwrap();
    let ran = audit(home.path(), &["prove", "--check", "proof.json", "--key", &key]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout
            .starts_with("line 3 is in the log; its checkpoint is signed by the key you gave\n"),
        "{ran:?}"
    );
    fs::write(home.path().join("proof.json"), proof.stdout.replace("denied", "ok")).unwrap();
    let ran = audit(home.path(), &["prove", "--check", "proof.json", "--key", &key]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the line is not in the log that this checkpoint signs"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn excerpts_and_last_lines_are_by_actor_action_and_time() {
    let home = home();
    let ran = audit(home.path(), &["tail", "--actor", "key:*"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown: Vec<&str> = ran.stdout.lines().map(|line| line[34..].trim()).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    denied  egress.decide     key:k1        https://evil.example
    ok      request.finish    key:k1        POST /v1/chat/completions  status=200
    "#);
    let ran = audit(home.path(), &["export", "--action", "key.create", "--since", "2020"]).await;
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 3), "{ran:?}");
    assert!(ran.stderr.contains("an excerpt: 1 of 6 lines"), "{ran:?}");
    let ran = audit(home.path(), &["export", "--since", "yesterday"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[tokio::test]
async fn the_log_and_the_decisions_are_read_over_http_too() {
    let daemon = Daemon::start().await;
    let tail = daemon.owner().get("/admin/audit?limit=1").await.json();
    assert_eq!(tail["lines"].as_array().unwrap().len(), 1, "{tail}");
    for wrong in ["0", "1001", "-1", "x"] {
        let reply = daemon.owner().get(&format!("/admin/audit?limit={wrong}")).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text());
    }
    let verified = daemon.owner().get("/admin/audit/verify").await;
    assert!(verified.status == 200 && verified.text().contains("sound"), "{}", verified.text());
    let egress = daemon.owner().get("/admin/egress").await.json();
    assert_eq!(
        (&egress["allow"], &egress["not_shown"]),
        (&serde_json::json!([]), &serde_json::json!(0))
    );
}
