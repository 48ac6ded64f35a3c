//! Starting, stopping, reloading and waiting for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use contracts::hauski::plugin_status::{HostEvent, PluginState};
use hauski_plugins::{CallErrorKind, HostError, Manifest};
use serde_json::json;

use crate::desk::{Desk, manifest_text, plugin};

#[tokio::test]
async fn every_change_of_state_is_an_event_with_its_cause() {
    let entry = plugin("a", "good", &json!({ "autostart": false, "capabilities": ["echo"] }));
    let desk = Desk::start(&[entry]);
    let mut events = desk.host.events();
    desk.host.start_plugin("a").await.expect("it starts");
    desk.host.stop_plugin("a").await.expect("it stops");
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            HostEvent::State { to, cause, .. } => seen.push(format!("{to:?}: {cause}")),
            HostEvent::Capabilities { capabilities, .. } => seen.push(format!("{capabilities:?}")),
            HostEvent::Published { .. } => {}
        }
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    Starting: somebody started it
    ["echo"]
    Running: it answers
    Stopping: somebody stopped it
    Stopped: somebody stopped it
    "#);
}

#[tokio::test]
async fn a_plugin_waits_for_those_it_comes_after() {
    let desk = Desk::start(&[
        plugin("a", "good", &json!({ "after": ["b"] })),
        plugin("b", "good", &json!({ "autostart": false })),
    ]);
    let waits = |status: &contracts::hauski::plugin_status::PluginStatus| {
        status.state == PluginState::Starting && status.cause == "it waits for b"
    };
    desk.until_that("a", "it waits", waits).await;
    desk.host.start_plugin("b").await.expect("b starts");
    desk.until("a", PluginState::Running).await;
    assert_eq!(desk.host.plugins()[0].name, "b", "the order of starting");
}

#[tokio::test]
async fn a_disabled_plugin_is_not_started() {
    let desk = Desk::start(&[plugin("a", "good", &json!({ "enabled": false }))]);
    desk.until("a", PluginState::Disabled).await;
    let error = desk.host.start_plugin("a").await.unwrap_err();
    assert!(matches!(error, HostError::Failed { .. }), "{error}");
    let error = desk.host.start_plugin("nobody").await.unwrap_err();
    assert!(matches!(error, HostError::UnknownPlugin(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_fails_no_call() {
    let entry = plugin("a", "good", &json!({ "capabilities": ["sleep"] }));
    let desk = Desk::running(&[entry]).await;
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (host, over, answered) =
                (desk.host.clone(), Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                let target = hauski_plugins::Target::capability("sleep");
                while !over.load(Ordering::Relaxed) {
                    let call = host.call(&target, json!({ "ms": 20 }), Default::default());
                    call.result().await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, hauski_plugins::CallError>(())
            })
        })
        .collect();
    let mut pids = Vec::new();
    for _ in 0..5 {
        pids.push(desk.host.plugin("a").and_then(|a| a.pid));
        desk.host.reload_plugin("a", None).await.expect("a reload");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("a caller").expect("no failed call");
    }
    pids.dedup();
    assert_eq!(pids.len(), 5, "each reload has another process");
    assert!(answered.load(Ordering::Relaxed) > 50, "{answered:?}");
}

#[tokio::test]
async fn a_reload_that_fails_keeps_the_old_process() {
    let entry = plugin("a", "good", &json!({ "capabilities": ["pid"] }));
    let desk = Desk::running(&[entry]).await;
    let before = desk.host.plugin("a").and_then(|a| a.pid);
    let mut refusing = desk.host.entry("a").expect("its entry");
    refusing.config.insert("refuse".to_owned(), json!(true));
    let error = desk.host.reload_plugin("a", Some(refusing)).await.unwrap_err();
    assert!(error.to_string().contains("the settings say so"), "{error}");
    let status = desk.host.plugin("a").expect("the plugin");
    assert_eq!((status.pid, status.state), (before, PluginState::Running));
    assert!(desk.ask("pid", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_new_manifest_starts_stops_and_reloads_what_changed() {
    let desk = Desk::running(&[
        plugin("a", "good", &json!({ "capabilities": ["echo"] })),
        plugin("b", "good", &json!({ "capabilities": ["pid"] })),
    ])
    .await;
    let text = manifest_text(&[
        plugin("b", "good", &json!({ "capabilities": ["pid", "sleep"] })),
        plugin("c", "good", &json!({ "capabilities": ["count"] })),
    ]);
    let folder = desk.folder.path().join("plugins");
    let manifest = Manifest::parse(&folder.join("plugins.json"), &folder, &text);
    let problems = desk.host.apply(manifest.expect("a sound manifest")).await;
    assert!(problems.is_empty(), "{problems:?}");
    desk.until("c", PluginState::Running).await;
    assert!(desk.host.plugin("a").is_none());
    assert_eq!(desk.ask("echo", json!(1)).await.unwrap_err().kind, CallErrorKind::NoProvider);
    assert_eq!(desk.ask("sleep", json!({ "ms": 1 })).await, Ok(json!("awake")));
}

#[tokio::test]
async fn a_plugin_that_offers_more_than_it_declares_is_not_taken() {
    let mut entry = plugin("a", "good", &json!({ "capabilities": ["echo"] }));
    entry["command"] = json!([
        "/bin/sh",
        "-c",
        concat!(
            "read line; printf '%s\\n' ",
            r#"'{"jsonrpc":"2.0","id":1,"result":{"version":"1.0","capabilities":["root"]}}'; read line"#
        ),
        "sh"
    ]);
    entry["restart"]["max"] = json!(0);
    let desk = Desk::start(&[entry]);
    let status = desk.until("a", PluginState::Failed).await;
    assert!(
        status.cause.contains("it offers \"root\", which its manifest does not declare"),
        "{}",
        status.cause
    );
}

#[tokio::test]
async fn a_failure_keeps_what_was_printed_since_the_last_start() {
    let entry = json!({
        "name": "a",
        "command": ["/bin/sh", "-c", "echo what is wrong >&2; exit 4"],
        "restart": { "max": 2, "backoff_min_ms": 5 },
    });
    let desk = Desk::start(&[entry]);
    let status = desk.until("a", PluginState::Failed).await;
    let failure = status.last_error.expect("a failure");
    assert_eq!(failure.cause, "it ended with exit code 4 before it answered initialize");
    assert_eq!(failure.stderr, ["what is wrong"]);
}

#[tokio::test]
async fn another_program_than_the_one_allowed_is_not_started() {
    let entry = plugin("a", "good", &json!({ "sha256": "0".repeat(64), "restart": { "max": 0 } }));
    let desk = Desk::start(&[entry]);
    let status = desk.until("a", PluginState::Failed).await;
    assert!(status.cause.contains("sha256"), "{}", status.cause);
}

#[tokio::test]
async fn the_last_handle_on_the_host_ends_the_plugins() {
    let desk = Desk::running(&[plugin("a", "good", &json!({}))]).await;
    let pid = desk.host.plugin("a").and_then(|a| a.pid).expect("a process");
    let Desk { host, folder } = desk;
    drop(host);
    let began = std::time::Instant::now();
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "it lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(folder);
}
