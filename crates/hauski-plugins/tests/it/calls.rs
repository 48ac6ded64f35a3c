//! Calls of the daemon to plugins and of plugins to plugins.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use hauski_plugins::{CallErrorKind, CallEvent, CallOptions, House, HouseAnswer, Target};
use serde_json::json;

use crate::desk::{Desk, plugin};

#[tokio::test]
async fn a_plugin_answers() {
    let desk = Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["echo"] }))]).await;
    let answer = desk.ask("echo", json!({ "text": "grüß dich" })).await;
    assert_eq!(answer, Ok(json!({ "text": "grüß dich" })));
    desk.host.shutdown().await;
}

#[tokio::test]
async fn a_plugin_answers_over_standard_input_and_output_and_may_print() {
    let entry = plugin("a", "good", &json!({ "kind": "stdio", "capabilities": ["echo", "print"] }));
    let desk = Desk::running(&[entry]).await;
    assert_eq!(desk.ask("print", json!({ "text": "a stray line" })).await, Ok(json!({})));
    assert_eq!(desk.ask("echo", json!([1, 2])).await, Ok(json!([1, 2])));
    desk.until_logged("a", "a stray line").await;
}

#[tokio::test]
async fn a_stream_arrives_complete_and_in_order() {
    let desk = Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["count"] }))]).await;
    let target = Target::capability("count");
    let mut call = desk.host.call(&target, json!({ "to": 1_000 }), CallOptions::default());
    let mut chunks = Vec::new();
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Chunk(chunk) => chunks.push(chunk.as_u64().expect("a number")),
            CallEvent::Done(result) => assert_eq!(result, Ok(json!(1_000))),
            CallEvent::Progress(_) => {}
        }
    }
    assert!(chunks.iter().copied().eq(0..1_000), "{chunks:?}");
}

#[tokio::test]
async fn dropping_a_call_cancels_it_in_the_plugin() {
    let entry = plugin(
        "a",
        "good",
        &json!({
            "capabilities": ["sleep", "echo"],
            "limits": { "inflight": 1 },
        }),
    );
    let desk = Desk::running(&[entry]).await;
    let target = Target::capability("sleep");
    let call = desk.host.call(&target, json!({ "ms": 60_000 }), CallOptions::default());
    drop(call);
    // Its only place is free again.
    assert_eq!(desk.ask("echo", json!(1)).await, Ok(json!(1)));
}

#[tokio::test]
async fn a_call_ends_with_its_deadline() {
    let desk = Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["sleep"] }))]).await;
    let began = Instant::now();
    let params = json!({ "ms": 60_000 });
    let error = desk.ask_within("sleep", params, Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn file_descriptors_travel_both_ways() {
    let desk = Desk::running(&[plugin("a", "good", &json!({ "capabilities": ["fds"] }))]).await;
    let file = desk.folder.path().join("large");
    File::create(&file).and_then(|mut f| f.write_all(b"carried by hand")).expect("a file");
    let fds: Vec<OwnedFd> = vec![File::open(&file).expect("the file").into()];
    let options = CallOptions { fds, ..CallOptions::default() };
    let mut call = desk.host.call(&Target::plugin("a", "fds"), json!({}), options);
    let mut result = None;
    while let Some(event) = call.next().await {
        if let CallEvent::Done(done) = event {
            result = Some(done);
        }
    }
    assert_eq!(result, Some(Ok(json!("carried by hand"))));
    assert_eq!(call.take_fds().len(), 1);
}

#[tokio::test]
async fn who_has_no_capability_or_model_is_told_which() {
    let desk = Desk::running(&[plugin(
        "a",
        "good",
        &json!({
            "capabilities": ["echo"],
            "config": { "model": "tiny" },
        }),
    )])
    .await;
    let error = desk.ask("fly", json!({})).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NoProvider);
    let ask = |model: &str| {
        desk.host.call(&Target::model("echo", model), json!(1), CallOptions::default()).result()
    };
    assert_eq!(ask("tiny").await, Ok(json!(1)));
    assert_eq!(ask("huge").await.unwrap_err().kind, CallErrorKind::UnknownModel);
}

#[tokio::test]
async fn plugins_call_each_other_within_their_manifests() {
    let desk = Desk::running(&[
        plugin("a", "good", &json!({ "capabilities": ["ask"], "calls": ["count"] })),
        plugin("b", "good", &json!({ "capabilities": ["count", "echo"] })),
    ])
    .await;
    let answer = desk.ask("ask", json!({ "capability": "count", "params": { "to": 100 } })).await;
    assert_eq!(answer, Ok(json!({ "result": 100, "chunks": 100 })));
    let error = desk.ask("ask", json!({ "capability": "echo" })).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Forbidden);
}

#[tokio::test]
async fn a_circle_of_calls_ends() {
    let desk = Desk::running(&[plugin(
        "a",
        "good",
        &json!({ "capabilities": ["ask"], "calls": ["ask"] }),
    )])
    .await;
    let mut params = json!({ "capability": "ask" });
    for _ in 0..20 {
        params = json!({ "capability": "ask", "params": params });
    }
    let error = desk.ask("ask", params).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Forbidden, "{error}");
}

#[tokio::test]
async fn a_question_inherits_the_deadline_of_its_request() {
    let desk = Desk::running(&[
        plugin("a", "good", &json!({ "capabilities": ["ask"], "calls": ["meta"] })),
        plugin("b", "good", &json!({ "capabilities": ["meta"] })),
    ])
    .await;
    let params = json!({ "capability": "meta", "params": {} });
    let answer = desk.ask_within("ask", params, Duration::from_secs(3)).await.expect("an answer");
    let left = answer["result"]["deadline_ms"].as_u64().expect("a deadline");
    assert!(left <= 3_000, "{answer}");
    assert_eq!(answer["result"]["from"], "a");
}

#[tokio::test]
async fn a_full_queue_is_said_at_once_and_when_to_try_again() {
    let desk = Desk::running(&[plugin(
        "a",
        "good",
        &json!({
            "capabilities": ["sleep"],
            "limits": { "inflight": 1, "queue": 2 },
        }),
    )])
    .await;
    let target = Target::capability("sleep");
    let ask = || desk.host.call(&target, json!({ "ms": 300 }), CallOptions::default());
    let calls: Vec<_> = (0..3).map(|_| ask()).collect();
    let began = Instant::now();
    let error = ask().result().await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Overloaded { retry_after_ms: 50.. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_millis(200));
    for call in calls {
        assert_eq!(call.result().await, Ok(json!("awake")));
    }
}

#[tokio::test]
async fn events_reach_those_who_may_hear_them() {
    let desk = Desk::running(&[
        plugin(
            "a",
            "good",
            &json!({
                "capabilities": ["publish"],
                "events": { "publish": ["index.*"] },
            }),
        ),
        plugin(
            "b",
            "good",
            &json!({
                "events": { "subscribe": ["index.*"] },
                "config": { "topics": ["index.*"] },
            }),
        ),
        plugin("c", "good", &json!({ "config": { "topics": ["index.*"] } })),
    ])
    .await;
    desk.until_logged("c", "the manifest does not let it hear").await;
    let publish = |topic: &str| desk.ask("publish", json!({ "topic": topic, "data": 7 }));
    // Nothing tells when `b` listens but that it hears; what came before is lost to it.
    let log = desk.host.logs("b").expect("a log");
    let began = Instant::now();
    while !log.tail(100).iter().any(|line| line.message.contains("heard index.done 7")) {
        assert_eq!(publish("index.done").await, Ok(json!({})));
        assert!(began.elapsed() < Duration::from_secs(20), "it never heard");
    }
    let error = publish("run.finished").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Forbidden);
}

#[tokio::test]
async fn a_plugin_sees_nothing_of_the_daemons_environment() {
    let desk = Desk::running(&[plugin(
        "a",
        "good",
        &json!({
            "capabilities": ["env"],
            "env": { "RUST_LOG": "info" },
        }),
    )])
    .await;
    let env = desk.ask("env", json!({})).await.expect("an answer");
    let names: Vec<_> = env.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["HAUSKI_PLUGIN_NAME", "HOME", "LANG", "PATH", "RUST_LOG", "TMPDIR"]);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_before_it_is_sent() {
    let desk = Desk::running(&[plugin(
        "a",
        "good",
        &json!({
            "capabilities": ["echo"],
            "limits": { "message_bytes": 4_096 },
        }),
    )])
    .await;
    let error = desk.ask("echo", json!("x".repeat(5_000))).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::TooLarge);
    assert_eq!(desk.ask("echo", json!("x")).await, Ok(json!("x")));
}

/// A house with one capability, which says who asked.
struct Door;

impl House for Door {
    fn has(&self, capability: &str) -> bool {
        capability == "house.greet"
    }

    fn call(&self, from: &str, capability: &str, params: serde_json::Value) -> HouseAnswer {
        let answer = json!({ "from": from, "capability": capability, "params": params });
        Box::pin(async move { Ok(answer) })
    }
}

#[tokio::test]
async fn the_house_answers_plugins_whose_manifest_names_it() {
    let allowed = &json!({ "capabilities": ["ask"], "calls": ["house.greet"] });
    let desk = Desk::running(&[plugin("a", "good", allowed)]).await;
    let question = json!({ "capability": "house.greet", "params": { "n": 1 } });
    let early = desk.ask("ask", question.clone()).await.unwrap_err();
    assert_eq!(early.kind, CallErrorKind::NoProvider);
    desk.host.set_house(Arc::new(Door));
    let answer = desk.ask("ask", question.clone()).await.unwrap()["result"].clone();
    let expected = json!({ "from": "a", "capability": "house.greet", "params": { "n": 1 } });
    assert_eq!(answer, expected);
    desk.host.shutdown().await;

    let silent = &json!({ "capabilities": ["ask"], "calls": [] });
    let desk = Desk::running(&[plugin("b", "good", silent)]).await;
    desk.host.set_house(Arc::new(Door));
    let refused = desk.ask("ask", question).await.unwrap_err();
    assert_eq!(refused.kind, CallErrorKind::Forbidden);
}
