//! Recordings of every size: within a message, above it, above what limits.yaml allows.

use crate::daemon::{Client, Daemon, Reply};
use crate::gateway::with_fake;

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
async fn a_recording_above_what_a_message_holds_is_refused_by_a_plugin_over_pipes() {
    let start =
        Daemon::with().file("policies/limits.yaml", "request:\n  max_body_bytes: 9000000\n");
    let daemon = with_fake(start).await;
    for (silence, wanted) in [(0, 200), (4 << 20, 200), (6 << 20, 413), (10 << 20, 413)] {
        let reply = transcribe(&daemon.owner(), silence).await;
        assert_eq!(reply.status, wanted, "{silence}: {}", reply.text());
        match wanted {
            200 => assert_eq!(reply.json()["text"], "spoken words", "{silence}"),
            _ => assert_eq!(reply.code(), "request_too_large", "{silence}"),
        }
    }
}

#[tokio::test]
async fn who_sends_too_much_reads_why_it_was_refused() {
    let start = Daemon::with().file("policies/limits.yaml", "request:\n  max_body_bytes: 100000\n");
    let daemon = with_fake(start).await;
    for path in ["/v1/audio/transcriptions", "/v1/chat/completions", "/nowhere"] {
        let ask = daemon.owner().request("POST", path).header("content-type", "application/json");
        let reply = ask.body(vec![b' '; 24 << 20]).send().await;
        let wanted = if path == "/nowhere" { 404 } else { 413 };
        assert_eq!(reply.status, wanted, "{path}: {}", reply.text());
    }
}
