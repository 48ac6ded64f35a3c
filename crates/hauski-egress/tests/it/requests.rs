//! What arrives at the other side, and what never leaves.

use std::sync::Arc;

use bytes::Bytes;
use hauski_egress::{Egress, EgressError, Options, Outgoing, OutgoingBody};
use http::{HeaderMap, Method};

use crate::server::Server;
use crate::setup::{Script, Watcher, get, local, local_with, policy, post, read, trusting};

#[tokio::test]
async fn a_request_arrives_as_the_decision_says_and_as_nothing_else() {
    let server = Server::start().await;
    let egress = local(&server);
    let port = server.port;
    let address = format!("https://localhost:{port}/path?query=1#fragment");
    let allowed = egress.decide(&address, "system").await.unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "evil.example"),
        ("connection", "upgrade"),
        ("upgrade", "h2c"),
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "Basic x"),
        ("x-own", "kept"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let outgoing = Outgoing::new(Method::POST, allowed, "system")
        .headers(headers)
        .body(OutgoingBody::Full(Bytes::from_static(b"body")));
    let answer = egress.send(outgoing).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.origin), (200, format!("https://localhost:{port}")));
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "POST /path?query=1 HTTP/1.1");
    assert_eq!(seen.destination, format!("127.0.0.1:{port}"));
    assert_eq!(seen.sni.as_deref(), Some("localhost"));
    assert_eq!(seen.headers["host"], format!("localhost:{port}"), "Host is the authority");
    assert_eq!(seen.headers["x-own"], "kept");
    assert_eq!(seen.body, b"body");
    for gone in ["connection", "upgrade", "transfer-encoding", "proxy-authorization"] {
        assert!(!seen.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(seen.alpn.as_deref(), Some("http/1.1"), "the server would have liked h2");
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_is_refused() {
    let server = Server::start().await;
    let egress = local(&server);
    let error =
        get(&egress, &format!("https://wrong.localhost:{}/", server.port)).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls { .. }), "{error:?}");
    let stranger = Server::start().await;
    let egress = local_with(&server, trusting(&stranger));
    let error = get(&egress, &format!("https://localhost:{}/", server.port)).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls { .. }), "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn connections_are_reused_until_the_policy_changes() {
    let server = Server::start().await;
    let egress = local(&server);
    let address = format!("https://localhost:{}/", server.port);
    for _ in 0..3 {
        read(get(&egress, &address).await.unwrap().body).await.unwrap();
    }
    assert_eq!((server.opened(), egress.idle_connections()), (1, 1));
    // The same host under another name shares nothing with it.
    let other = format!("https://other.localhost:{}/", server.port);
    read(get(&egress, &other).await.unwrap().body).await.unwrap();
    assert_eq!(server.opened(), 2);
    let kept = egress.decide(&address, "system").await.unwrap();
    egress.reload(policy(&[&format!("https://localhost:{}", server.port)]));
    assert_eq!(egress.idle_connections(), 0);
    read(get(&egress, &address).await.unwrap().body).await.unwrap();
    assert_eq!(server.opened(), 3, "no connection of the old policy is used");
    // A right that the old policy gave is decided again.
    egress.reload(policy(&[]));
    let error = egress.send(Outgoing::new(Method::GET, kept, "system")).await.unwrap_err();
    assert_eq!(error.code(), "host_not_listed");
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_an_error() {
    let server = Server::start().await;
    let egress = local(&server);
    for _ in 0..5 {
        let address = format!("https://localhost:{}/close", server.port);
        read(get(&egress, &address).await.unwrap().body).await.unwrap();
    }
    assert_eq!(server.opened(), 5);
}

#[tokio::test]
async fn every_decision_is_told_before_anything_is_dialled() {
    let server = Server::start().await;
    let watcher = Arc::new(Watcher::default());
    let egress =
        local_with(&server, Options { observer: Some(watcher.clone()), ..trusting(&server) });
    let port = server.port;
    read(get(&egress, &format!("https://localhost:{port}/")).await.unwrap().body).await.unwrap();
    get(&egress, "https://evil.example/secret?token=1").await.unwrap_err();
    assert_eq!(
        watcher.lines(),
        [
            format!("Allowed listed https://localhost:{port}"),
            "Denied host_not_listed https://evil.example:443".to_owned(),
        ]
    );
    assert_eq!(egress.ledger().counts()["host_not_listed"], 1);
    assert_eq!(egress.ledger().recent().0.len(), 2);

    // What cannot be recorded does not happen.
    let deaf = Arc::new(Watcher { broken: true, ..Watcher::default() });
    let egress = local_with(&server, Options { observer: Some(deaf), ..trusting(&server) });
    let before = server.opened();
    let error = get(&egress, &format!("https://localhost:{port}/")).await.unwrap_err();
    assert_eq!((error.code(), server.opened()), ("unobserved", before));
}

#[tokio::test]
async fn one_bad_address_among_good_ones_refuses_the_host() {
    let server = Server::start().await;
    let cases: &[(&[&str], &str)] = &[
        (&["127.0.0.1"], "address_loopback"),
        (&["93.184.215.14", "127.0.0.1"], "address_loopback"),
        (&["93.184.215.14", "::1"], "address_loopback"),
        (&["2606:2800:21f::1", "10.0.0.1"], "address_private"),
        (&["10.1.2.3"], "address_private"),
        (&["fd12::1"], "address_private"),
        (&["100.64.0.1"], "address_shared"),
        (&["169.254.1.1"], "address_link_local"),
        (&["169.254.169.254"], "address_metadata"),
        (&["fe80::1"], "address_link_local"),
        (&["224.0.0.1"], "address_multicast"),
        (&["::ffff:93.184.215.14"], "address_translated"),
        (&["64:ff9b::5db8:d70e"], "address_translated"),
        (&["2002:5db8:d70e::1"], "address_translated"),
        (&["2001::1"], "address_translated"),
        (&["0.0.0.0"], "address_reserved"),
        (&["198.18.0.1"], "address_reserved"),
        (&["192.0.2.1"], "address_reserved"),
        (&["::"], "address_reserved"),
    ];
    for (answer, reason) in cases {
        let script = Script::new(&[answer]);
        let options = Options { resolver: script.clone(), ..trusting(&server) };
        let origin = format!("https://good.example:{}", server.port);
        let egress = Egress::new(policy(&[&origin]), options).unwrap();
        let error = get(&egress, &origin).await.unwrap_err();
        assert_eq!(error.code(), *reason, "{answer:?}");
        assert_eq!(script.asked(), ["good.example."], "once, and without search domains");
    }
    assert_eq!(server.opened(), 0);
}

#[tokio::test]
async fn a_private_entry_opens_ones_own_network_and_no_more() {
    let server = Server::start().await;
    let origin = format!("https://nas.home.example:{}", server.port);
    for (answer, reason) in [
        ("127.0.0.1", "address_loopback"),
        ("169.254.169.254", "address_metadata"),
        ("100.100.100.200", "address_metadata"),
        ("fd00:ec2::254", "address_metadata"),
        ("fe80::1", "address_link_local"),
        ("::ffff:10.0.0.1", "address_translated"),
    ] {
        let script = Script::new(&[&["10.0.0.1", answer]]);
        let options = Options { resolver: script.clone(), ..trusting(&server) };
        let egress = Egress::new(policy(&[&format!("private {origin}")]), options).unwrap();
        assert_eq!(get(&egress, &origin).await.unwrap_err().code(), reason, "{answer}");
        assert_eq!(script.asked(), ["nas.home.example"]);
    }
}

#[tokio::test]
async fn names_of_ones_own_machine_are_never_asked_of_a_resolver() {
    let server = Server::start().await;
    let script = Script::new(&[&["93.184.215.14"]]);
    let egress = local_with(&server, Options { resolver: script.clone(), ..trusting(&server) });
    let address = format!("https://other.localhost:{}/", server.port);
    read(get(&egress, &address).await.unwrap().body).await.unwrap();
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_body_streams_out_and_in() {
    use http_body_util::BodyExt;
    let server = Server::start().await;
    let egress = local(&server);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let feed = tokio::spawn(async move {
        for part in ["one ", "two ", "three"] {
            sender.send(Bytes::from(part)).await.unwrap();
        }
    });
    let body = OutgoingBody::Stream(Parts(receiver).boxed_unsync());
    let address = format!("https://localhost:{}/", server.port);
    read(post(&egress, &address, body).await.unwrap().body).await.unwrap();
    feed.await.unwrap();
    assert_eq!(server.seen()[0].body, b"one two three");

    let mut answer =
        get(&egress, &format!("https://localhost:{}/stream", server.port)).await.unwrap();
    for _ in 0..5 {
        let frame = answer.body.frame().await.unwrap().unwrap();
        assert!(frame.into_data().unwrap().starts_with(b"data: x"));
    }
    // Who stops listening closes the connection, so the server stops working.
    let before = server.closed();
    drop(answer);
    for _ in 0..200 {
        if server.closed() > before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the server still sends");
}

/// A body of parts that somebody else provides.
struct Parts(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let part = self.get_mut().0.poll_recv(context);
        part.map(|part| part.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}
