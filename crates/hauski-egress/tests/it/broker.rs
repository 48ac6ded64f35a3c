//! The broker as a plugin sees it: one Unix socket and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use hauski_egress::{Broker, BrokerOptions, Egress};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_rustls::TlsConnector;

use crate::server::Server;
use crate::setup::{local, policy};

/// A broker on a socket of its own.
struct Running {
    _folder: tempfile::TempDir,
    socket: PathBuf,
}

fn start(egress: &Egress, options: BrokerOptions) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("broker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let broker = Broker::new(egress.clone(), "plugin:test", options);
    tokio::spawn(async move { broker.serve(listener).await });
    Running { _folder: folder, socket }
}

/// Sends a head and brings the head of the answer, up to its empty line.
async fn ask(running: &Running, head: &[u8]) -> (UnixStream, String) {
    let mut stream = UnixStream::connect(&running.socket).await.expect("the socket is there");
    stream.write_all(head).await.expect("it reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => break,
        }
    }
    (stream, String::from_utf8(answer).expect("text"))
}

fn connect(authority: &str) -> Vec<u8> {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes()
}

/// Speaks TLS to `name` and HTTP inside of it.
async fn speak(stream: UnixStream, server: &Server, name: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(server.authority.certificate()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_listed_host_is_reached_with_the_plugins_own_tls() {
    let server = Server::start().await;
    let egress = local(&server);
    let running = start(&egress, BrokerOptions::default());
    let (stream, answer) = ask(&running, &connect(&format!("localhost:{}", server.port))).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = speak(stream, &server, "localhost").await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    assert_eq!(server.seen()[0].sni.as_deref(), Some("localhost"));
    let (recent, _) = egress.ledger().recent();
    assert_eq!((recent[0].actor.as_str(), recent[0].reason), ("plugin:test", "listed"));
}

#[tokio::test]
async fn a_refusal_names_its_reason() {
    let server = Server::start().await;
    let egress = local(&server);
    let running = start(&egress, BrokerOptions::default());
    for (authority, status, reason) in [
        ("evil.example:443", "403", "host_not_listed"),
        ("localhost:1", "403", "port_not_listed"),
        ("127.0.0.1:443", "403", "ip_not_listed"),
        ("169.254.169.254:80", "403", "ip_not_listed"),
        ("2130706433:443", "403", "ip_not_listed"),
        ("[::1]:443", "400", "request_malformed"),
        ("attacker.example\0.localhost:443", "400", "request_malformed"),
        ("LOCALHOST:443", "400", "request_malformed"),
    ] {
        let (_, answer) = ask(&running, &connect(authority)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{authority}: {answer}");
        assert!(
            answer.contains(&format!("X-Hauski-Reason: {reason}\r\n")),
            "{authority}: {answer}"
        );
        assert_eq!(egress.ledger().recent().0[0].reason, reason, "{authority}");
    }
    assert_eq!(server.opened(), 0);
}

#[tokio::test]
async fn the_greeting_must_ask_for_the_host_that_was_decided_on() {
    let server = Server::start().await;
    let egress = local(&server);
    let running = start(&egress, BrokerOptions::default());
    let authority = connect(&format!("localhost:{}", server.port));
    let (stream, answer) = ask(&running, &authority).await;
    assert!(answer.starts_with("HTTP/1.1 200 "));
    assert!(speak(stream, &server, "fronted.example").await.is_err());
    assert_eq!(egress.ledger().counts()["sni_mismatch"], 1);
    let (mut stream, _) = ask(&running, &authority).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "the tunnel is closed");
    assert_eq!(egress.ledger().counts()["no_tls"], 1);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_tunnel_ends_with_what_allows_it() {
    let server = Server::start().await;
    let egress = local(&server);
    let running = start(&egress, BrokerOptions::default());
    let authority = connect(&format!("localhost:{}", server.port));
    let (stream, _) = ask(&running, &authority).await;
    let mut roots = RootCertStore::empty();
    roots.add(server.authority.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    // A policy that still allows it changes nothing.
    egress.reload(policy(&[&format!("https://localhost:{}", server.port)]));
    stream.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
    egress.reload(policy(&[]));
    let ended = async { while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.expect("it is cut");
}

#[tokio::test]
async fn there_is_room_for_so_many_tunnels_and_no_more() {
    let server = Server::start().await;
    let egress = local(&server);
    let running = start(&egress, BrokerOptions { max_tunnels: 2, ..BrokerOptions::default() });
    let authority = connect(&format!("localhost:{}", server.port));
    let (_first, _) = ask(&running, &authority).await;
    let (_second, _) = ask(&running, &authority).await;
    let (_, answer) = ask(&running, &authority).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("too_many_tunnels"), "{answer}");
}
