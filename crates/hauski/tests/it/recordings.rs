//! Recordings that are too large for a message go to a plugin by descriptor.

use serde_json::Value;

use crate::daemon::{Client, Daemon, Reply};
use crate::gateway::{fake, with_fake};

/// What is heard in it is its one line; the rest is silence.
async fn transcribe(client: &Client, silence: usize) -> Reply {
    let boundary = "a-line-of-its-own";
    let field = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
    };
    let text = format!("spoken words\n{}", "\n".repeat(silence));
    let file = field("\"file\"; filename=\"a.wav\"", &text);
    let body = format!("{}{file}--{boundary}--\r\n", field("\"model\"", "fake-asr"));
    let ask = client.request("POST", "/v1/audio/transcriptions");
    let kind = format!("multipart/form-data; boundary={boundary}");
    ask.header("content-type", &kind).body(body).send().await
}

#[tokio::test]
async fn a_large_recording_reaches_a_plugin_of_kind_rpc_and_limits_bound_it() {
    let mut plugins: Value = serde_json::from_str(&fake()).unwrap();
    let entry = &mut plugins["plugins"][0];
    entry["kind"] = "rpc".into();
    entry["command"].as_array_mut().unwrap().pop();
    let start =
        Daemon::with().file("policies/limits.yaml", "request:\n  max_body_bytes: 9000000\n");
    let daemon = with_fake(start).await;
    let reply = transcribe(&daemon.owner(), 6 << 20).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (413, "request_too_large"),
        "over pipes"
    );

    std::fs::write(daemon.home.path().join("plugins/plugins.json"), plugins.to_string()).unwrap();
    let reloaded = daemon.owner().request("POST", "/admin/plugins/fake/reload").send().await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    for silence in [0, 5 << 20, 6 << 20] {
        let reply = transcribe(&daemon.owner(), silence).await;
        assert_eq!(reply.status, 200, "{silence}: {}", reply.text());
        assert_eq!(reply.json()["text"], "spoken words", "{silence}");
    }
    let reply = transcribe(&daemon.owner(), 10 << 20).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "request_too_large"));
}
