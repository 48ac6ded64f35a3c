//! From start to end: the service manager, draining, what is recorded, and the figures.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE, hauski};

fn words(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4_096];
    let size = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..size].to_vec()).unwrap()
}

#[tokio::test]
async fn the_service_manager_is_told_of_start_life_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let start = Daemon::with().env("NOTIFY_SOCKET", path.to_str().unwrap());
    let daemon = start.env("WATCHDOG_USEC", "200000").start().await;
    assert!(words(&socket).starts_with("READY=1\n"));
    let began = Instant::now();
    assert_eq!(words(&socket), "WATCHDOG=1");
    assert_eq!(words(&socket), "WATCHDOG=1");
    assert!(began.elapsed() < Duration::from_secs(10));
    daemon.signal(Signal::TERM);
    let mut said = words(&socket);
    while said == "WATCHDOG=1" {
        said = words(&socket);
    }
    assert_eq!(said, "STOPPING=1");
    daemon.stop().await;
}

#[tokio::test]
async fn what_happens_is_recorded_without_secrets_and_the_log_verifies() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["metrics"]).await;
    daemon.tcp().key(&key).get("/metrics").await;
    daemon.tcp().key(&key).get("/admin/keys").await;
    daemon.get("/metrics").await;
    daemon.hauski(&["config", "set", "expose_config", "true"]).await;
    daemon.owner().request("DELETE", &format!("/admin/keys/{id}")).send().await;
    let ended = daemon.stop().await;
    let folder = ended.home().join("audit");
    let report = audit::verify(&folder, &audit::VerifyOptions::default()).unwrap();
    assert_eq!(report.verdict, audit::Verdict::Sound, "{report:?}");
    let lines = audit::tail(&folder, 100, &audit::Filter::default()).unwrap();
    let said: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {} {}", line.actor, line.action, line.target))
        .collect();
    for wanted in [
        format!("key:{id} request.finish GET /metrics"),
        format!("key:{id} access.deny GET /admin/keys"),
        "nobody access.deny GET /metrics".to_owned(),
        format!("key.create key:{id}"),
        format!("key.revoke key:{id}"),
        "config.change expose_config".to_owned(),
        "system daemon.start".to_owned(),
        "system daemon.stop".to_owned(),
    ] {
        assert!(said.iter().any(|line| line.contains(&wanted)), "{wanted}: {said:#?}");
    }
    let text = serde_json::to_string(&lines).unwrap();
    assert!(!text.contains(&key[17..]));
}

#[tokio::test]
async fn a_live_answer_ends_when_its_key_is_revoked() {
    let daemon = with_plugin().await;
    let (id, key) = new_key(&daemon, &["admin"]).await;
    let client = daemon.tcp().key(&key);
    let mut live = client.request("GET", "/admin/plugins/quiet/logs?follow=true").open().await;
    assert_eq!(live.status, 200);
    assert_eq!(live.headers["content-type"], "text/event-stream");
    assert!(live.chunk().await.is_some());
    let began = Instant::now();
    daemon.owner().request("DELETE", &format!("/admin/keys/{id}")).send().await;
    while let Some(Ok(_)) = live.try_chunk().await {}
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_end_waits_for_what_is_open_but_not_for_ever() {
    let daemon = with_plugin().await;
    let mut live =
        daemon.owner().request("GET", "/admin/plugins/quiet/logs?follow=true").open().await;
    assert!(live.chunk().await.is_some());
    let began = Instant::now();
    let mut ending = daemon;
    ending.signal(Signal::TERM);
    ending.logged("open requests may finish").await;
    let status = ending.ended().await;
    assert!(status.success());
    assert!(
        began.elapsed() >= Duration::from_millis(900),
        "it had one second: {:?}",
        began.elapsed()
    );
    assert!(ending.log().contains("time is over"), "{}", ending.log());
}

/// A daemon with a plugin that writes one line and then does nothing.
async fn with_plugin() -> Daemon {
    let entry = json!({"name": "quiet", "kind": "stdio", "command": ["/bin/sh", "-c", "echo hello >&2; sleep 60"],
        "health": {"start_ms": 60_000}});
    let plugins = json!({"schema": 1, "plugins": [entry]});
    let start = Daemon::with().file("plugins/plugins.json", &plugins.to_string());
    let daemon = start.args(&["--drain", "1"]).start().await;
    let began = Instant::now();
    loop {
        let lines = daemon.owner().get("/admin/plugins/quiet/logs").await.json();
        if !lines["lines"].as_array().unwrap().is_empty() {
            return daemon;
        }
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn plugins_are_shown_and_stopped() {
    let daemon = with_plugin().await;
    let ls = daemon.hauski(&["plugins", "ls"]).await;
    assert!(ls.stdout.starts_with("quiet "), "{}", ls.stdout);
    let stopped = daemon.hauski(&["plugins", "stop", "quiet", "--json"]).await;
    assert_eq!(stopped.json()["state"], "stopped", "{}", stopped.stderr);
    let unknown = daemon.hauski(&["plugins", "stop", "../keys"]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
}

#[tokio::test]
async fn a_self_check_starts_becomes_ready_and_ends() {
    let home = tempfile::tempdir().unwrap();
    let ran = hauski(home.path(), &[], &["serve", "--check", "--bind", "127.0.0.1:0"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("ready") && ran.stderr.contains("ended"), "{}", ran.stderr);
}

#[tokio::test]
async fn figures_of_a_fresh_daemon() {
    let daemon = Daemon::start().await;
    let report = daemon.hauski(&["status", "--json"]).await.json();
    let mib = report["daemon"]["memory_bytes"].as_u64().unwrap() as f64 / f64::from(1 << 20);
    testkit::not_run(
        "an assertion on time",
        &format!("figures only: ready after {:?}, {mib:.1} MiB resident", daemon.ready_after),
    );
    assert!(mib > 1.0);
}
