//! Plugins that break the protocol or themselves: each fault meets the one that caused it and nobody else.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contracts::hauski::plugin_status::PluginState;
use hauski_plugins::{CallErrorKind, CallOptions, Target};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::desk::{Desk, FIXTURE, manifest_text, plugin, processes_with};

/// A desk with one plugin `a` that runs a script and has the capability `x`.
async fn desk_with(script: &str) -> Desk {
    Desk::running(&[plugin("a", script, &json!({ "capabilities": ["x"] }))]).await
}

/// Waits until the plugin has been started again after a failure, and returns what the failure was.
async fn restarted(desk: &Desk) -> String {
    let again = |status: &contracts::hauski::plugin_status::PluginStatus| {
        status.restarts > 0 && status.state == PluginState::Running
    };
    let status = desk.until_that("a", "it runs again", again).await;
    status.last_error.expect("a failure").cause
}

#[tokio::test]
async fn garbage_ends_the_plugin_and_the_call_and_it_is_started_again() {
    let desk = desk_with("garbage").await;
    let error = desk.ask("x", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Crashed, "{error}");
    let cause = restarted(&desk).await;
    assert!(cause.contains("not a message of JSON-RPC"), "{cause}");
}

#[tokio::test]
async fn a_giant_line_ends_the_plugin_at_its_limit() {
    let desk = desk_with("giant").await;
    let error = desk.ask("x", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Crashed);
    let cause = restarted(&desk).await;
    assert!(cause.contains("a line is longer than 8388608 bytes"), "{cause}");
}

#[tokio::test]
async fn half_a_line_and_then_silence_is_noticed_by_the_ping() {
    let entry = plugin(
        "a",
        "half",
        &json!({
            "capabilities": ["x"],
            "health": { "interval_ms": 50, "timeout_ms": 100, "failures": 2 },
        }),
    );
    let desk = Desk::running(&[entry]).await;
    let error = desk.ask("x", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Crashed);
    assert_eq!(restarted(&desk).await, "it did not answer 2 pings in a row");
}

#[tokio::test]
async fn an_answer_with_an_id_never_used_ends_the_plugin() {
    let desk = desk_with("wrong-id").await;
    let error = desk.ask("x", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Crashed);
    let cause = restarted(&desk).await;
    assert!(cause.contains("the id 123456, which was never used"), "{cause}");
}

#[tokio::test]
async fn a_second_answer_is_forgotten_and_said_in_the_log() {
    let desk = desk_with("twice").await;
    assert_eq!(desk.ask("x", json!({})).await, Ok(json!("first")));
    desk.until_logged("a", "an answer came for a request that nobody waits for").await;
    assert_eq!(desk.ask("x", json!({})).await, Ok(json!("first")));
}

#[tokio::test]
async fn chunks_out_of_order_end_the_call_alone() {
    let desk = desk_with("disorder").await;
    let error = desk.ask("x", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Protocol);
    assert_eq!(error.message, "chunk 2 came where 1 was due");
    assert_eq!(
        desk.host.plugin("a").map(|a| (a.state, a.restarts)),
        Some((PluginState::Running, 0))
    );
}

#[tokio::test]
async fn chunks_beyond_the_window_end_the_call() {
    let desk = desk_with("overrun").await;
    // A caller that takes nothing acknowledges nothing.
    let call = desk.host.call(&Target::capability("x"), json!({}), CallOptions::default());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let error = call.result().await.unwrap_err();
    assert_eq!(error.message, "more than 32 chunks came without an $/ack");
}

#[tokio::test]
async fn heavy_chunks_that_nobody_takes_end_the_call() {
    let desk = desk_with("heavy").await;
    let call = desk.host.call(&Target::capability("x"), json!({}), CallOptions::default());
    tokio::time::sleep(Duration::from_millis(800)).await;
    let error = call.result().await.unwrap_err();
    assert_eq!(error.message, "chunks of more than 8388608 bytes wait for the caller");
}

#[tokio::test]
async fn a_plugin_that_never_answers_costs_its_caller_the_deadline_and_no_more() {
    let entry = plugin(
        "a",
        "silent",
        &json!({
            "capabilities": ["x"],
            "limits": { "inflight": 1, "queue": 4 },
        }),
    );
    let desk = Desk::running(&[entry]).await;
    let began = Instant::now();
    for _ in 0..3 {
        let error = desk.ask_within("x", json!({}), Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::TimedOut);
    }
    assert!(began.elapsed() < Duration::from_secs(3));
    let status = desk.host.plugin("a").expect("the plugin");
    assert_eq!((status.inflight, status.queue, status.failures), (0, 0, 3));
}

#[tokio::test]
async fn a_flood_of_log_lines_is_counted_and_holds_up_nobody() {
    let entry = plugin(
        "a",
        "flood",
        &json!({
            "capabilities": ["x"],
            "limits": { "log_lines_per_s": 500 },
        }),
    );
    let desk = Desk::running(&[entry]).await;
    desk.until_that("a", "lines are dropped", |status| status.log_lines_dropped > 10_000).await;
    assert_eq!(desk.ask("x", json!({})).await, Ok(json!("well")));
    desk.until_logged("a", "lines dropped: more than 500 lines or 2048 KiB in a second").await;
    assert!(desk.host.logs("a").expect("a log").tail(usize::MAX).len() <= 10_000);
}

#[tokio::test]
async fn a_plugin_that_exits_at_once_fails_after_its_tries_with_its_last_lines() {
    let entry = plugin(
        "a",
        "exit-now",
        &json!({
            "restart": { "backoff_min_ms": 1, "backoff_max_ms": 5, "max": 3 },
        }),
    );
    let desk = Desk::start(&[entry]);
    let status = desk.until("a", PluginState::Failed).await;
    assert!(status.cause.contains("it ended with exit code 3"), "{}", status.cause);
    assert!(status.cause.ends_with("failure 4 within 600 s"), "{}", status.cause);
    assert_eq!(status.restarts, 3);
    let failure = status.last_error.expect("a failure");
    assert_eq!(failure.stderr.len(), 50);
    assert_eq!(failure.stderr.last().map(String::as_str), Some("line 59 before the end"));
}

#[test]
fn a_hundred_exits_within_a_stream_hang_nobody_and_leave_nothing() {
    let entry = plugin(
        "a",
        "exit-mid",
        &json!({
            "capabilities": ["x"],
            "restart": { "backoff_min_ms": 1, "backoff_max_ms": 2, "max": 1_000_000 },
        }),
    );
    let (folder, plugins) = folder_with(&[entry]);
    // A process of its own: what other tests hold is not counted here.
    let ran = program(FIXTURE)
        .arg("crashes")
        .args([plugins, folder.path().join("home")])
        .output()
        .expect("a host");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let said: Value = serde_json::from_str(&said).expect("a report");
    assert_eq!(said["crashed"], 100, "{said}");
    let grown = |key: &str| said["after"][key].as_i64().zip(said["before"][key].as_i64());
    let (descriptors, before) = grown("descriptors").expect("a count");
    assert!(descriptors <= before + 3, "{said}");
    let (memory, before) = grown("memory").expect("a size");
    assert!(memory <= before + (6 << 20), "{said}");
    assert_eq!(said["children"], 0, "{said}");
}

#[expect(clippy::disallowed_methods, reason = "a test starts hosts and sends signals")]
fn program(name: &str) -> Command {
    Command::new(name)
}

/// A folder with a manifest, and the folder of the manifest in it.
fn folder_with(entries: &[Value]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    std::fs::write(plugins.join("plugins.json"), manifest_text(entries)).expect("a manifest");
    (folder, plugins)
}

#[tokio::test]
async fn a_stopped_process_becomes_unhealthy_and_is_started_again() {
    let entry = plugin(
        "a",
        "good",
        &json!({
            "health": { "interval_ms": 50, "timeout_ms": 100, "failures": 2 },
        }),
    );
    let desk = Desk::running(&[entry]).await;
    let pid = desk.host.plugin("a").and_then(|a| a.pid).expect("a process");
    let stopped = program("kill").args(["-STOP", &pid.to_string()]).status();
    assert!(stopped.expect("kill").success());
    assert_eq!(restarted(&desk).await, "it did not answer 2 pings in a row");
    let now = desk.host.plugin("a").and_then(|a| a.pid).expect("a process");
    assert_ne!(pid, now);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn children_that_outlive_the_plugin_are_gone_with_it() {
    let entry = plugin("a", "forks", &json!({ "capabilities": ["x"] }));
    let desk = Desk::running(&[entry]).await;
    let mark = format!("7{}.25", std::process::id());
    assert_eq!(desk.ask("x", json!({ "mark": mark })).await, Ok(json!("forked")));
    let began = Instant::now();
    while processes_with(&mark) < 3 {
        assert!(began.elapsed() < Duration::from_secs(10), "the children never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    desk.host.stop_plugin("a").await.expect("it stops");
    assert_eq!(processes_with(&mark), 0);
}

#[tokio::test]
async fn a_plugin_that_ignores_shutdown_and_term_is_ended_after_its_grace() {
    let entry = plugin("a", "stubborn", &json!({ "stop": { "grace_ms": 200 } }));
    let desk = Desk::running(&[entry]).await;
    let pid = desk.host.plugin("a").and_then(|a| a.pid).expect("a process");
    let began = Instant::now();
    desk.host.stop_plugin("a").await.expect("it stops");
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(desk.host.plugin("a").map(|a| a.state), Some(PluginState::Stopped));
}

#[test]
fn plugins_end_with_a_host_that_is_killed() {
    let mark = format!("6{}.5", std::process::id());
    let entries: Vec<Value> = ["a", "b"]
        .map(|name| {
            let mut entry = plugin(name, "good", &json!({}));
            entry["command"].as_array_mut().expect("a command").push(json!(mark));
            entry
        })
        .into();
    let (folder, plugins) = folder_with(&entries);
    let mut host = program(FIXTURE)
        .arg("host")
        .args([plugins, folder.path().join("home")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a host");
    let mut line = String::new();
    let output = host.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "running\n");
    assert_eq!(processes_with(&mark), 2);
    host.kill().expect("it is killed");
    host.wait().expect("it is gone");
    let began = Instant::now();
    while processes_with(&mark) > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "plugins outlive their host");
        std::thread::sleep(Duration::from_millis(10));
    }
}
