//! Those who follow plugins: over a WebSocket with a real client, and over server-sent events; quick ones and slow ones.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE, Start};
use crate::gateway::{fake, with_fake};

/// More lines than the buffers of a connection and the queue of a follower hold together.
const FLOOD: u64 = 40_000;

/// A daemon whose scripted engine may log without bound.
async fn with_talkative_fake(start: Start) -> Daemon {
    let daemon = with_fake(start).await;
    let mut plugins: Value = serde_json::from_str(&fake()).unwrap();
    plugins["plugins"][0]["limits"] = json!({ "log_lines_per_s": 1_000_000 });
    let file = daemon.home.path().join("plugins/plugins.json");
    std::fs::write(file, plugins.to_string()).unwrap();
    let reply = daemon.owner().request("POST", "/admin/plugins/fake/reload").send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    daemon
}

#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
async fn over_tcp(
    daemon: &Daemon,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{}/ws/plugins", daemon.address).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(&daemon.address).await?;
    client_async(request, stream).await.map(|(socket, _)| socket)
}

async fn as_owner(daemon: &Daemon) -> WebSocketStream<UnixStream> {
    let stream = UnixStream::connect(daemon.home.path().join("run/hauski.sock")).await.unwrap();
    client_async("ws://localhost/ws/plugins", stream).await.unwrap().0
}

async fn next<S>(socket: &mut WebSocketStream<S>) -> Value
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
        if let Message::Text(text) = message.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn send<S>(socket: &mut WebSocketStream<S>, wish: &Value)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text(wish.to_string())).await.unwrap();
}

async fn flood(daemon: &Daemon) {
    let body = json!({
        "model": "fake-script",
        "messages": [{ "role": "user", "content": format!("log {FLOOD}; say done") }],
    });
    let began = Instant::now();
    let reply = daemon.owner().post_json("/v1/chat/completions", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(began.elapsed() < PATIENCE, "the plugin was held up");
}

#[tokio::test]
async fn a_real_client_upgrades_hears_states_and_logs_and_is_told_of_faults() {
    let daemon = with_fake(Daemon::with()).await;
    let (_, key) = new_key(&daemon, &["admin"]).await;
    let key = format!("Bearer {key}");
    let mut socket = over_tcp(&daemon, &[("authorization", &key)]).await.unwrap();
    let first = next(&mut socket).await;
    assert_eq!(
        (&first["type"], &first["plugins"][0]["name"]),
        (&json!("bootstrap"), &json!("fake"))
    );

    socket.send(Message::Ping(b"here".to_vec().into())).await.unwrap();
    let pong = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::Pong(b"here".to_vec().into()));

    send(&mut socket, &json!({"action": "sub", "topic": "logs", "plugin": "fake"})).await;
    assert_eq!(next(&mut socket).await, json!({"type": "ok", "topic": "logs", "plugin": "fake"}));
    for (wish, about) in [
        (json!({"action": "sub", "topic": "logs", "plugin": "none"}), "there is no such plugin"),
        (json!({"action": "sub", "topic": "logs"}), "logs need the name of a plugin"),
        (json!({"action": "jump"}), "a message has action, topic and perhaps plugin"),
    ] {
        send(&mut socket, &wish).await;
        let mut said = next(&mut socket).await;
        while said["type"] == "log" {
            said = next(&mut socket).await;
        }
        assert_eq!(said, json!({"type": "error", "message": about}));
    }
    let restarted = daemon.owner().request("POST", "/admin/plugins/fake/restart").send().await;
    assert_eq!(restarted.status, 200);
    let (mut states, mut lines) = (Vec::new(), 0);
    while states.last().is_none_or(|state| state != "running") || lines == 0 {
        let said = next(&mut socket).await;
        match said["type"].as_str().unwrap() {
            "event" if said["event"]["event"] == "state" => {
                states.push(said["event"]["to"].as_str().unwrap().to_owned());
            }
            "log" => lines += 1,
            _ => {}
        }
    }
    assert!(states.len() >= 3, "{states:?}");
}

#[tokio::test]
async fn an_upgrade_without_key_of_a_foreign_page_or_with_the_wrong_scope_is_refused() {
    let daemon = Daemon::start().await;
    let (_, admin) = new_key(&daemon, &["admin"]).await;
    let (_, chat) = new_key(&daemon, &["chat"]).await;
    let (admin, chat) = (format!("Bearer {admin}"), format!("Bearer {chat}"));
    for (headers, expected) in [
        (vec![], 401),
        (vec![("authorization", chat.as_str())], 403),
        (vec![("authorization", admin.as_str()), ("origin", "https://evil.example")], 403),
    ] {
        match over_tcp(&daemon, &headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), expected, "{headers:?}"),
            other => panic!("{headers:?}: {:?}", other.map(drop)),
        }
    }
    let asked = daemon.tcp().header("authorization", &admin).get("/ws/plugins").await;
    assert_eq!((asked.status.as_u16(), asked.code().as_str()), (426, "upgrade_required"));
}

#[tokio::test]
async fn a_revoked_key_ends_its_socket() {
    let daemon = Daemon::start().await;
    let (id, key) = new_key(&daemon, &["admin"]).await;
    let key = format!("Bearer {key}");
    let mut socket = over_tcp(&daemon, &[("authorization", &key)]).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "bootstrap");
    daemon.owner().request("DELETE", &format!("/admin/keys/{id}")).send().await;
    let ended = tokio::time::timeout(Duration::from_secs(5), socket.next()).await.unwrap();
    assert!(!matches!(ended, Some(Ok(Message::Text(_)))), "{ended:?}");
}

#[tokio::test]
async fn a_socket_that_does_not_read_holds_up_nobody_and_is_told_how_much_it_missed() {
    let daemon = with_talkative_fake(Daemon::with()).await;
    let mut slow = as_owner(&daemon).await;
    assert_eq!(next(&mut slow).await["type"], "bootstrap");
    send(&mut slow, &json!({"action": "sub", "topic": "logs", "plugin": "fake"})).await;
    assert_eq!(next(&mut slow).await["type"], "ok");
    flood(&daemon).await;
    let (mut got, mut missed) = (0, 0);
    while got + missed < FLOOD {
        let said = next(&mut slow).await;
        match said["type"].as_str().unwrap() {
            "log" => got += 1,
            "dropped" => missed += said["lines"].as_u64().unwrap_or_default(),
            _ => {}
        }
    }
    assert!(got > 1_000 && missed > 1_000, "{got} got, {missed} missed");
}

#[tokio::test]
async fn a_reader_of_events_that_does_not_read_is_told_how_much_it_missed_too() {
    let daemon = with_talkative_fake(Daemon::with()).await;
    let mut slow =
        daemon.owner().request("GET", "/admin/plugins/fake/logs?follow=true").open().await;
    assert_eq!(slow.status, 200);
    flood(&daemon).await;
    let (mut got, mut missed, mut rest) = (0, 0, String::new());
    while got + missed < FLOOD {
        let chunk = slow.chunk().await.expect("the stream goes on");
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some(end) = rest.find("\n\n") {
            let event: String = rest.drain(..end + 2).collect();
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            match event.lines().find_map(|line| line.strip_prefix("event: ")) {
                Some("line") => got += 1,
                Some("dropped") => missed += data.unwrap().parse::<u64>().unwrap(),
                _ => {}
            }
        }
    }
    assert!(got > 1_000 && missed > 1_000, "{got} got, {missed} missed");
}
