//! What goes on ends with the rights behind it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE};

/// Asks for a WebSocket: the head of the answer, and the open connection.
#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
async fn upgrade(daemon: &Daemon, key: Option<&str>) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
    let key = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
    let head = format!(
        "GET /ws/plugins HTTP/1.1\r\nHost: {}\r\n{key}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        daemon.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap(), stream)
}

/// Reads until the other side ends; how long that took.
async fn until_the_end(mut stream: TcpStream) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // Cut off is an end too.
    let _ = read.expect("the connection stays open");
    began.elapsed()
}

#[tokio::test]
async fn a_websocket_needs_a_key_and_ends_with_it() {
    let daemon = Daemon::start().await;
    let (head, _) = upgrade(&daemon, None).await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    let (_, poor) = new_key(&daemon, &["chat"]).await;
    let (head, _) = upgrade(&daemon, Some(&poor)).await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(3_000);
    let wish = json!({"scopes": ["admin"], "expires": soon.to_string()});
    let made = daemon.owner().post_json("/admin/keys", &wish).await.json();
    let (head, stream) = upgrade(&daemon, made["secret"].as_str()).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let open = until_the_end(stream).await;
    assert!(open < Duration::from_secs(8), "{open:?}");

    let (id, key) = new_key(&daemon, &["admin"]).await;
    let (head, stream) = upgrade(&daemon, Some(&key)).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    daemon.owner().request("DELETE", &format!("/admin/keys/{id}")).send().await;
    let open = until_the_end(stream).await;
    assert!(open < Duration::from_secs(5), "{open:?}");
}

#[tokio::test]
async fn errors_have_one_shape_also_where_nobody_is_known() {
    let daemon = Daemon::start().await;
    for path in ["/v1/models/%ff", "/plugins/%ff/x", "/admin/plugins/%80/logs"] {
        let reply = daemon.get(path).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (401, "invalid_api_key".into()),
            "{path}"
        );
        let reply = daemon.owner().get(path).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (404, "not_found".into()), "{path}");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
async fn of_two_keys_neither_counts() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["metrics"]).await;
    let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n\
         Authorization: Bearer other\r\nConnection: close\r\n\r\n",
        daemon.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
