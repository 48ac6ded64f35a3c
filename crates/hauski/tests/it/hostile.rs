//! Clients that mean no good: malformed, oversized and slow requests.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::{Daemon, PATIENCE};

/// Sends bytes as they are and reads until the daemon closes the connection.
#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
async fn raw(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    // A connection that is reset has said what it had to say.
    let _ = read.await.expect("the connection should be closed");
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).map(|s| &s[..3]).collect()
}

#[tokio::test]
async fn requests_that_two_readers_could_read_differently_are_refused() {
    let daemon = Daemon::start().await;
    let head = "POST /admin/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let smuggled = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let malformed = [
        format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde{smuggled}"),
        format!("{head}Content-Length: +5\r\n\r\nabcde"),
        format!("{head}Content-Length: -1\r\n\r\n"),
        format!("{head}Content-Length: 99999999999999999999999\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Content-Length : 5\r\n\r\nabcde"),
        format!("{head}Content-Length: 5, 6\r\n\r\nabcde"),
        format!("{head}X: a\0b\r\n\r\n"),
        format!("{head} folded: header\r\n\r\n"),
        "GET /health HTTP/1.1\nHost: localhost\r\rX: 1\r\n\r\n".to_owned(),
        "GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "G\u{e4}T /health HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n".to_owned(),
    ];
    for request in malformed {
        let answer = raw(&daemon, request.as_bytes()).await;
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1, "{request:?} was answered twice: {answer}");
        assert!(statuses.iter().all(|status| status.starts_with('4')), "{request:?}: {answer}");
    }
    let names = [
        "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.0\r\n\r\n",
    ];
    for request in names {
        let answer = raw(&daemon, request.as_bytes()).await;
        assert!(answer.contains(" 421 ") || answer.contains(" 400 "), "{request:?}: {answer}");
    }
    assert_eq!(daemon.get("/health").await.status, 200);
}

#[tokio::test]
async fn both_lengths_at_once_never_make_two_requests() {
    let daemon = Daemon::start().await;
    let request = "POST /admin/keys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = raw(&daemon, request.as_bytes()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn heads_and_bodies_have_bounds() {
    let limits = "request:\n  max_body_bytes: 2048\n";
    let daemon = Daemon::with().file("policies/limits.yaml", limits).start().await;
    let long =
        format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(70_000));
    let answer = raw(&daemon, long.as_bytes()).await;
    assert!(statuses(&answer).iter().all(|status| *status == "431"), "{answer}");
    let many: String = (0..100).map(|n| format!("x{n}: 1\r\n")).collect();
    let answer = raw(&daemon, format!("GET /health HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(statuses(&answer), ["431"]);

    let big = json!({"scopes": ["chat"], "name": "x".repeat(2_048)});
    let reply = daemon.owner().post_json("/admin/keys", &big).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, "request_too_large".into()));
    assert!(reply.text().contains("2048"), "{}", reply.text());
}

#[tokio::test]
async fn a_body_without_length_is_bounded_too() {
    let limits = "request:\n  max_body_bytes: 2048\n";
    let daemon = Daemon::with().file("policies/limits.yaml", limits).start().await;
    let socket = daemon.home.path().join("run/hauski.sock");
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    let head = "POST /admin/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..40 {
        let chunk = format!("64\r\n{}\r\n", " ".repeat(100));
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn only_json_is_taken_where_json_is_wanted() {
    let daemon = Daemon::start().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let ask = daemon.owner().request("POST", "/admin/keys").header("content-type", kind);
        let reply = ask.body(r#"{"scopes":["admin"]}"#).send().await;
        assert_eq!((reply.status.as_u16(), reply.code()), (415, "unsupported_media_type".into()));
    }
    let ask = daemon.owner().request("POST", "/admin/keys");
    let reply =
        ask.header("content-type", "application/json; charset=utf-8").body("{").send().await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "invalid_body".into()));
    let reply = daemon.owner().request("GET", "/admin/keys").json(&json!({})).send().await;
    assert_eq!(reply.status, 415);
}

#[expect(clippy::disallowed_methods, reason = "the tests speak with the daemon under test")]
#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let daemon = Daemon::with().env("HAUSKI_CLIENT_TIMEOUT_MS", "300").start().await;
    let began = Instant::now();
    let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: loc").await.unwrap();
    let drip = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(b"a").await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), drip).await.expect("the daemon lets go");
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert_eq!(daemon.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let daemon = Daemon::with().env("HAUSKI_CLIENT_TIMEOUT_MS", "300").start().await;
    let socket = daemon.home.path().join("run/hauski.sock");
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    let head = "POST /admin/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 30\r\n\r\n{\"scopes\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}
