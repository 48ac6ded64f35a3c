//! The OpenAI surface of the real daemon with the scripted engine: routing, streams, faults, fallback.

use std::time::{Duration, Instant};

use hauski::openai::sse::Reader;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::access::new_key;
use crate::daemon::{Client, Daemon, HAUSKI, PATIENCE, Start};

/// `plugins.json` with the scripted engine.
pub(crate) fn fake() -> String {
    let plugin = json!({
        "name": "fake",
        "kind": "stdio",
        "command": [HAUSKI, "fake-plugin", "--stdio"],
        "env": { "HAUSKI_TEST_PLUGINS": "1" },
        "capabilities": ["chat", "complete", "embed", "transcribe", "speak", "canvas.suggest"],
        "restart": { "backoff_min_ms": 50 },
    });
    json!({ "schema": 1, "plugins": [plugin] }).to_string()
}

/// A daemon with the scripted engine, ready to answer.
pub(crate) async fn with_fake(start: Start) -> Daemon {
    let daemon =
        start.file("plugins/plugins.json", &fake()).args(&["--test-plugins"]).start().await;
    engine_runs(&daemon).await;
    daemon
}

async fn engine_runs(daemon: &Daemon) {
    let began = Instant::now();
    while daemon.owner().get("/v1/models").await.json()["data"].as_array().unwrap().len() < 7 {
        assert!(began.elapsed() < PATIENCE, "the engine does not start:\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn script(text: &str, stream: bool) -> Value {
    json!({
        "model": "fake-script",
        "messages": [{ "role": "user", "content": text }],
        "stream": stream,
    })
}

const CHAT: &str = "/v1/chat/completions";

/// Everything that a stream says: its events' data.
async fn events(client: &Client, body: &Value) -> Vec<String> {
    let reply = client.post_json(CHAT, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    let mut reader = Reader::default();
    let events = reader.push(&reply.body).unwrap();
    assert!(!reader.is_inside());
    events.into_iter().map(|event| event.data).collect()
}

#[tokio::test]
async fn the_scripted_engine_loads_only_for_tests() {
    let (code, stderr) = Daemon::with().file("plugins/plugins.json", &fake()).refused().await;
    assert_eq!(code, 78);
    assert!(stderr.contains("is the scripted engine for tests"), "{stderr}");
    let ran = Daemon::start().await.hauski(&["fake-plugin"]).await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[tokio::test]
async fn without_a_provider_a_route_says_what_to_install() {
    let daemon = Daemon::start().await;
    let owner = daemon.owner();
    for (path, body) in [
        (CHAT, script("hi", false)),
        ("/v1/embeddings", json!({ "model": "m", "input": "x" })),
        ("/v1/audio/speech", json!({ "model": "m", "input": "x", "voice": "v" })),
        ("/audio/profile", json!({})),
        ("/obsidian/canvas/suggest", json!({})),
        ("/code/pr/draft", json!({})),
    ] {
        let reply = owner.post_json(path, &body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (503, "capability_unavailable"),
            "{path}"
        );
        assert!(reply.headers.contains_key("retry-after"), "{path}");
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("plugins.json"), "{path}: {message}");
    }
    let reply = owner.post_json("/code/pr/draft", &json!({})).await;
    assert!(reply.text().contains("repoagent"), "{}", reply.text());
    assert_eq!(owner.get("/v1/models").await.json(), json!({ "object": "list", "data": [] }));
}

#[tokio::test]
async fn a_capability_route_hands_json_to_its_plugin() {
    let daemon = with_fake(Daemon::with()).await;
    let reply =
        daemon.owner().post_json("/obsidian/canvas/suggest", &json!({ "nodes": [1] })).await;
    assert_eq!(reply.json(), json!({ "echo": { "nodes": [1] } }));
    let reply = daemon.owner().post_json("/obsidian/canvas/suggest", &json!([1])).await;
    assert_eq!(reply.code(), "invalid_body");
}

#[tokio::test]
async fn a_plugin_that_is_killed_in_mid_stream_hangs_nobody() {
    let daemon = with_fake(Daemon::with()).await;
    for round in 0..5 {
        let events = events(&daemon.owner(), &script("say half; wait 30; fault crash", true)).await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "upstream_error", "round {round}");
        // Until the host has noticed the end and started it again, it is away: said at once, never hung.
        let began = Instant::now();
        loop {
            let reply = daemon.owner().post_json(CHAT, &script("say back", false)).await;
            if reply.status == 200 {
                break;
            }
            assert!([502, 503].contains(&reply.status.as_u16()), "{}", reply.text());
            assert!(began.elapsed() < PATIENCE, "round {round}: the engine does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let reply = daemon.owner().post_json(CHAT, &script("say whole", false)).await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "whole");
}

#[tokio::test]
async fn chunks_outside_the_contract_end_the_stream_with_an_error() {
    let daemon = with_fake(Daemon::with()).await;
    for fault in ["malformed", "stray", "twice", "endless", "result"] {
        let said = format!("say a; wait 20; fault {fault}");
        let events = events(&daemon.owner(), &script(&said, true)).await;
        assert!(!events.iter().any(|event| event == "[DONE]"), "{fault}");
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "upstream_error", "{fault}");
        let reply = daemon.owner().post_json(CHAT, &script(&said, false)).await;
        assert_eq!(reply.status, 502, "{fault}");
    }
}

/// What the engine logs when a call is given up: how many chunks it had sent.
async fn given_up_after(daemon: &Daemon) -> u64 {
    let log = daemon.home.path().join("logs/fake.log");
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("given up after ") {
            return rest.split(' ').next().unwrap().parse().unwrap();
        }
        assert!(began.elapsed() < PATIENCE, "never given up: {text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_the_work() {
    let daemon = with_fake(Daemon::with()).await;
    let body = script("slow 20; words 1000", true);
    let mut live = daemon.owner().request("POST", CHAT).json(&body).open().await;
    let mut seen = 0;
    while seen < 3 {
        seen +=
            live.chunk().await.unwrap().split(|b| *b == b'\n').filter(|l| !l.is_empty()).count();
    }
    let left = Instant::now();
    drop(live);
    // 20 ms a token: the engine stops within a few, long before its thousand.
    assert!(given_up_after(&daemon).await < 60);
    assert!(left.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_client_that_goes_before_the_answer_ends_the_work_too() {
    let daemon = with_fake(Daemon::with()).await;
    let body = script("fault hang", false);
    let asking = daemon.owner().request("POST", CHAT).json(&body).open();
    tokio::time::timeout(Duration::from_millis(500), asking).await.unwrap_err();
    // Dropping the request closes its connection only with its task; ending the daemon is no proof.
    assert_eq!(given_up_after(&daemon).await, 0);
}

#[tokio::test]
async fn a_stream_stays_alive_while_nothing_is_said() {
    let daemon = with_fake(Daemon::with()).await;
    let reply = daemon.owner().post_json(CHAT, &script("say a; wait 6000; say b", true)).await;
    assert!(reply.text().contains(": keep-alive\n\n"), "{}", reply.text());
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn tokens_are_charged_to_the_key() {
    let daemon = with_fake(Daemon::with()).await;
    let (_, secret) = new_key(&daemon, &["chat"]).await;
    let client = daemon.tcp().key(&secret);
    for stream in [false, true] {
        client.post_json(CHAT, &script("say one two three", stream)).await;
    }
    let used = || async {
        let keys = daemon.owner().get("/admin/keys").await.json();
        let keys = keys["keys"].as_array().unwrap().clone();
        keys.iter().filter_map(|key| key["used_tokens"].as_u64()).sum::<u64>()
    };
    // Four tokens of text, four of a template and three of answer, twice.
    assert_eq!(used().await, 2 * (8 + 3));
    let metrics = daemon.owner().get("/metrics").await;
    let line = r#"engine_tokens_total{capability="chat",kind="completion"} 6"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}

#[tokio::test]
async fn errors_hold_nothing_of_the_prompt() {
    let daemon = with_fake(Daemon::with()).await;
    let prompt = "my innermost thoughts";
    for said in [
        format!("say {prompt}; fail internal"),
        format!("dance {prompt}"),
        format!("say {prompt}; fault malformed"),
    ] {
        let reply = daemon.owner().post_json(CHAT, &script(&said, false)).await;
        assert!(reply.status.as_u16() >= 400);
        assert!(!reply.text().contains("innermost"), "{}", reply.text());
    }
    assert!(!daemon.log().contains("innermost"));
}

/// An upstream that answers every chat with one text, and keeps what it was sent.
struct Cloud {
    address: String,
    asked: tokio::sync::mpsc::UnboundedReceiver<(http::HeaderMap, Value)>,
}

async fn cloud() -> Cloud {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            let service = hyper::service::service_fn(
                move |request: http::Request<hyper::body::Incoming>| {
                    let sender = sender.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let body: Value = serde_json::from_slice(&body).unwrap();
                        sender.send((head.headers, body)).unwrap();
                        let chunk = |value: Value| format!("data: {value}\n\n");
                        let text = [
                        chunk(json!({ "choices": [{ "index": 0, "delta": { "content": "from afar" } }] })),
                        chunk(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })),
                        chunk(json!({ "choices": [], "usage": { "prompt_tokens": 4, "completion_tokens": 2 } })),
                        "data: [DONE]\n\n".to_owned(),
                    ].concat();
                        let body = Full::new(bytes::Bytes::from(text));
                        Ok::<_, std::convert::Infallible>(http::Response::new(body))
                    }
                },
            );
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(stream, service),
            );
        }
    });
    Cloud { address, asked }
}

fn routing(address: &str, enabled: bool, listed: bool) -> String {
    let allow = if listed { format!("[\"http://{address}\"]") } else { "[]".to_owned() };
    format!(
        "egress:\n  allow: {allow}\nrouting:\n  cloud_fallback:\n    enabled: {enabled}\n    upstreams:\n      - name: afar\n        base_url: http://{address}/v1\n        key: secret://env/AFAR_KEY\n        models: {{ big: their-big, fake-script: their-script }}\n"
    )
}

fn start_with(address: &str, enabled: bool, listed: bool) -> Start {
    let start = Daemon::with().env("AFAR_KEY", "their-own-word");
    let home = start.home().join("policies").to_str().unwrap().to_owned();
    start
        .file("policies/routing.yaml", &routing(address, enabled, listed))
        .args(&["--policies", &home])
}

fn ask(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn an_upstream_answers_only_where_policy_and_key_allow_it() {
    let mut cloud = cloud().await;
    let daemon = with_fake(start_with(&cloud.address, true, true)).await;
    let (_, near) = new_key(&daemon, &["chat"]).await;
    let (_, far) = new_key(&daemon, &["chat", "cloud"]).await;
    let client = |key: &str| daemon.tcp().key(key);

    let reply = client(&far).post_json(CHAT, &ask("big", "hello")).await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "from afar", "{}", reply.text());
    assert_eq!(reply.headers["x-hauski-provider"], "upstream:afar");
    let (headers, body) = cloud.asked.recv().await.unwrap();
    assert_eq!(headers["authorization"], "Bearer their-own-word");
    assert_eq!((body["model"].as_str(), body["stream"].as_bool()), (Some("their-big"), Some(true)));
    assert!(!format!("{headers:?}").contains(&far));

    // Without the scope the model is neither listed nor answered.
    let reply = client(&near).post_json(CHAT, &ask("big", "hello")).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "insufficient_scope"));
    assert!(!client(&near).get("/v1/models").await.text().contains("\"big\""));
    assert!(client(&far).get("/v1/models").await.text().contains("\"big\""));

    // Local first; the upstream only when the engine cannot.
    let reply = client(&far).post_json(CHAT, &ask("fake-script", "say near")).await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "near");
    let reply = client(&far).post_json(CHAT, &ask("fake-script", "fail overloaded")).await;
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "from afar", "{}", reply.text());
    let reply = client(&near).post_json(CHAT, &ask("fake-script", "fail overloaded")).await;
    assert_eq!(reply.status, 429);
    cloud.asked.recv().await.unwrap();
    assert!(cloud.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_secret_does_not_leave_the_house_and_every_fallback_is_recorded() {
    let mut cloud = cloud().await;
    let daemon = with_fake(start_with(&cloud.address, true, true)).await;
    // In pieces, so that this file itself holds nothing that looks like a secret.
    let secret = format!("ghp_{}", "a1B2c3D4e5".repeat(4).chars().take(36).collect::<String>());
    let secret = format!("aws_secret_access_key = {}{secret}", "wJalrXUtnFEMIK7MDENG");
    let reply = daemon.owner().post_json(CHAT, &ask("big", &secret)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (403, "secret_in_prompt"),
        "{}",
        reply.text()
    );
    assert!(cloud.asked.try_recv().is_err());
    daemon.owner().post_json(CHAT, &ask("big", "hello")).await;
    let lines = audit_lines(&daemon);
    let outcomes: Vec<&str> = lines
        .iter()
        .filter(|line| line["action"] == "gateway.fallback")
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["denied", "ok"]);
    assert!(lines.iter().any(|line| line["action"] == "egress.decide"));
}

fn audit_lines(daemon: &Daemon) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut folders = vec![daemon.home.path().join("audit")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap_or_default();
            lines.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
        }
    }
    lines
}

#[tokio::test]
async fn a_fallback_that_is_off_or_not_allowed_is_none() {
    let mut cloud = cloud().await;
    let off = with_fake(start_with(&cloud.address, false, true)).await;
    let reply = off.owner().post_json(CHAT, &ask("big", "hello")).await;
    assert_eq!(reply.code(), "model_not_found");
    // An upstream that no destination of the policy names is a fault of the file.
    let (code, stderr) = start_with(&cloud.address, true, false).refused().await;
    assert_eq!(code, 78);
    assert!(stderr.contains("no entry of egress.allow names this address"), "{stderr}");
    // No field of a request names an endpoint.
    for field in ["api_base", "base_url", "api_key"] {
        let mut body = ask("fake-echo", "hi");
        body[field] = json!(format!("http://{}/v1", cloud.address));
        assert_eq!(off.owner().post_json(CHAT, &body).await.code(), "unsupported_parameter");
    }
    assert!(cloud.asked.try_recv().is_err());
}
