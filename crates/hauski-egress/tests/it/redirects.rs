//! Redirects go back to the policy, and credentials stay at home.

use bytes::Bytes;
use hauski_egress::{Outgoing, OutgoingBody};
use http::{HeaderMap, Method};

use crate::server::Server;
use crate::setup::{get, local, post, read};

#[tokio::test]
async fn a_redirect_to_a_denied_destination_is_denied() {
    let server = Server::start().await;
    let egress = local(&server);
    for code in [301, 302, 303, 307, 308] {
        for (location, reason) in [
            ("https://evil.example/", "host_not_listed"),
            ("//evil.example/", "host_not_listed"),
            ("http://localhost/", "scheme_not_listed"),
            ("https://127.0.0.1/", "ip_not_listed"),
            ("https://169.254.169.254/latest", "ip_not_listed"),
            ("http://evil.example/", "http_not_loopback"),
            ("file:///etc/passwd", "scheme_not_allowed"),
            ("https://user@localhost/", "userinfo"),
            ("%5C%5Cevil.example", "redirect_without_location"),
            ("/a%20b", "redirect_without_location"),
        ] {
            let address = format!("https://localhost:{}/redirect/{code}/{location}", server.port);
            let error = get(&egress, &address).await.unwrap_err();
            assert_eq!(error.code(), reason, "{code} {location}");
        }
    }
    let address = format!("https://localhost:{}/redirect/302", server.port);
    assert_eq!(get(&egress, &address).await.unwrap_err().code(), "redirect_without_location");
}

#[tokio::test]
async fn ten_redirects_are_followed_and_eleven_are_not() {
    let server = Server::start().await;
    let egress = local(&server);
    let answer =
        get(&egress, &format!("https://localhost:{}/chain/10", server.port)).await.unwrap();
    assert_eq!(read(answer.body).await.unwrap(), "end of the chain");
    let error =
        get(&egress, &format!("https://localhost:{}/chain/11", server.port)).await.unwrap_err();
    assert_eq!(error.code(), "too_many_redirects");
}

#[tokio::test]
async fn credentials_do_not_go_to_another_origin() {
    let server = Server::start().await;
    let egress = local(&server);
    for (host, kept) in [("localhost", true), ("other.localhost", false)] {
        let target = format!("https://{host}:{}/target", server.port);
        let address = format!("https://localhost:{}/redirect/307/{target}", server.port);
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "x-api-key", "x-anything"] {
            headers.insert(name, "mine".parse().unwrap());
        }
        headers.insert("accept", "text/plain".parse().unwrap());
        let allowed = egress.decide(&address, "system").await.unwrap();
        let outgoing = Outgoing::new(Method::POST, allowed, "system")
            .headers(headers)
            .body(OutgoingBody::Full(Bytes::from_static(b"body")));
        egress.send(outgoing).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(last.line, "POST /target HTTP/1.1");
        assert_eq!(last.body, b"body");
        assert_eq!(last.headers["accept"], "text/plain");
        for name in ["authorization", "cookie", "x-api-key", "x-anything"] {
            assert_eq!(last.headers.contains_key(name), kept, "{name} to {host}");
        }
    }
}

#[tokio::test]
async fn a_post_becomes_a_get_where_the_rules_say_so() {
    let server = Server::start().await;
    let egress = local(&server);
    for (code, line, length) in [
        (301, "GET /t HTTP/1.1", 0),
        (302, "GET /t HTTP/1.1", 0),
        (303, "GET /t HTTP/1.1", 0),
        (307, "POST /t HTTP/1.1", 4),
        (308, "POST /t HTTP/1.1", 4),
    ] {
        let address = format!("https://localhost:{}/redirect/{code}//t", server.port);
        let body = OutgoingBody::Full(Bytes::from_static(b"body"));
        post(&egress, &address, body).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!((last.line.as_str(), last.body.len()), (line, length), "{code}");
    }
}

#[tokio::test]
async fn pages_that_refresh_and_advertised_services_are_not_followed() {
    let server = Server::start().await;
    let egress = local(&server);
    let answer = get(&egress, &format!("https://localhost:{}/", server.port)).await.unwrap();
    assert!(read(answer.body).await.unwrap().starts_with(b"<meta http-equiv=refresh"));
    assert_eq!((server.opened(), server.seen().len()), (1, 1));
}
