//! `hauski start` and `hauski stop`: the daemon without a terminal that stays open.

use std::process::Output;

use crate::daemon::HAUSKI;

/// Runs the command line with a home of its own and nothing else of this machine's.
async fn hauski(home: &std::path::Path, words: &[&str]) -> Output {
    tokio::process::Command::new(HAUSKI)
        .args(words)
        .current_dir(home)
        .env_clear()
        .env("HAUSKI_HOME", home)
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn the_daemon_starts_in_the_background_and_ends_when_told() {
    let home = tempfile::tempdir().unwrap();
    let started = hauski(home.path(), &["start", "--bind", "127.0.0.1:0"]).await;
    assert!(started.status.success(), "{}", text(&started.stderr));
    assert!(text(&started.stdout).contains("hauski is ready: http://127.0.0.1:"));
    let again = hauski(home.path(), &["start", "--bind", "127.0.0.1:0"]).await;
    assert!(text(&again.stdout).contains("runs already"), "{}", text(&again.stdout));
    let stopped = hauski(home.path(), &["stop"]).await;
    assert!(stopped.status.success(), "{}", text(&stopped.stderr));
    let none = hauski(home.path(), &["stop"]).await;
    assert!(none.status.success() && text(&none.stderr).contains("no daemon runs"));
}

#[tokio::test]
async fn a_daemon_that_cannot_start_says_why() {
    let home = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = hauski(home.path(), &["start", "--bind", &address]).await;
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(said.contains(&address) && said.contains("logs/hauski.log"), "{said}");
}
