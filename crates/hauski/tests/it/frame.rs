//! The frame: it starts, says who it is, guards its routes and ends in order.

use std::os::unix::fs::PermissionsExt;

use crate::daemon::{Daemon, hauski};

#[tokio::test]
async fn a_fresh_daemon_answers_its_probes_with_constant_bodies() {
    let daemon = Daemon::start().await;
    for (path, body) in [("/health", "ok\n"), ("/healthz", "ok\n"), ("/ready", "ready\n")] {
        let reply = daemon.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, body), "{path}");
        assert_eq!(reply.headers["x-request-id"].len(), 32);
    }
}

#[tokio::test]
async fn the_owner_reads_metrics_over_the_socket() {
    let daemon = Daemon::start().await;
    daemon.get("/health").await;
    let reply = daemon.owner().get("/metrics").await;
    assert_eq!(reply.status, 200);
    let counted = r#"http_requests_total{method="GET",path="/health",status="200"} 1"#;
    assert!(reply.text().contains(counted), "{}", reply.text());
    assert!(reply.text().contains("http_request_duration_seconds_bucket{le=\"0.4\""));
    let socket = daemon.home.path().join("run/hauski.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(daemon.home.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_shape_of_openai() {
    let daemon = Daemon::start().await;
    let reply = daemon.owner().get("/nothing-here").await;
    assert_eq!(reply.status, 404);
    insta::assert_json_snapshot!(reply.json(), @r#"
    {
      "error": {
        "message": "There is nothing under this address.",
        "type": "invalid_request_error",
        "param": null,
        "code": "not_found"
      }
    }
    "#);
    let reply = daemon.owner().request("DELETE", "/health").send().await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn the_configuration_is_shown_only_where_that_was_allowed() {
    let closed = Daemon::start().await;
    assert_eq!(closed.owner().get("/config/limits").await.status, 404);
    let open = Daemon::with().env("HAUSKI_EXPOSE_CONFIG", "true").start().await;
    let limits = open.owner().get("/config/limits").await.json();
    assert_eq!(limits["latency"]["llm_p95_ms"], 400);
    assert_eq!(open.get("/config/limits").await.status, 401);
}

#[tokio::test]
async fn a_wrong_policy_file_is_refused_with_its_name_and_line() {
    let start = Daemon::with().file("policies/limits.yaml", "latency:\n  llm_p95: 3\n");
    let (code, stderr) = start.refused().await;
    assert_eq!(code, 78);
    assert!(stderr.contains("policies/limits.yaml:2:"), "{stderr}");
}

#[tokio::test]
async fn a_second_daemon_in_the_same_home_is_refused() {
    let daemon = Daemon::start().await;
    let second = daemon.hauski(&["serve", "--bind", "127.0.0.1:0"]).await;
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("already serves"), "{}", second.stderr);
    assert_eq!(daemon.owner().get("/health").await.status, 200);
}

#[tokio::test]
async fn a_daemon_that_was_killed_starts_again() {
    let killed = Daemon::start().await.kill().await;
    assert!(killed.home().join("run/hauski.sock").exists());
    let again = killed.start().await;
    assert_eq!(again.owner().get("/health").await.status, 200);
    let ended = again.stop().await;
    assert!(!ended.home().join("run/hauski.sock").exists());
    assert!(!ended.home().join("run/daemon.json").exists());
}

#[tokio::test]
async fn addresses_that_make_no_sense_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for bind in ["7070", "example.org:80", "127.0.0.1:70000", ""] {
        let ran = hauski(home.path(), &[], &["serve", "--bind", bind]).await;
        assert_eq!(ran.code, 2, "{bind}: {}", ran.stderr);
        assert!(ran.stderr.contains("127.0.0.1:7070"), "{}", ran.stderr);
    }
}
