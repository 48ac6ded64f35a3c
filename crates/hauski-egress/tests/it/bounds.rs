//! Bounds in time and size, and servers that do not behave.

use std::time::{Duration, Instant};

use hauski_egress::{Egress, Options, Resolve, Resolving};

use crate::server::Server;
use crate::setup::{get, local, local_with, policy, read, trusting};

#[tokio::test]
async fn an_answer_larger_than_allowed_breaks_off() {
    let server = Server::start().await;
    let address = format!("https://localhost:{}/big", server.port);
    for (limit, fits) in [(1 << 20, true), ((1 << 20) - 1, false)] {
        let egress = local_with(&server, Options { max_body_bytes: limit, ..trusting(&server) });
        let answer = get(&egress, &address).await.unwrap();
        match read(answer.body).await {
            Ok(body) => assert!(fits && body.len() == 1 << 20),
            Err(error) => assert!(!fits && error.code() == "too_large"),
        }
    }
}

#[tokio::test]
async fn silence_has_an_end_before_and_within_the_body() {
    let server = Server::start().await;
    let options = Options { silence_timeout: Duration::from_millis(100), ..trusting(&server) };
    let egress = local_with(&server, options);
    let start = Instant::now();
    let error =
        get(&egress, &format!("https://localhost:{}/never", server.port)).await.unwrap_err();
    assert_eq!(error.code(), "timed_out");
    let answer = get(&egress, &format!("https://localhost:{}/silent", server.port)).await.unwrap();
    assert_eq!(read(answer.body).await.unwrap_err().code(), "timed_out");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_stream_without_end_has_one() {
    let server = Server::start().await;
    let options = Options { total_timeout: Duration::from_millis(300), ..trusting(&server) };
    let egress = local_with(&server, options);
    let answer = get(&egress, &format!("https://localhost:{}/stream", server.port)).await.unwrap();
    assert_eq!(read(answer.body).await.unwrap_err().code(), "timed_out");
}

#[tokio::test]
async fn what_is_no_http_is_a_broken_connection() {
    let server = Server::start().await;
    let egress = local(&server);
    let error =
        get(&egress, &format!("https://localhost:{}/garbage", server.port)).await.unwrap_err();
    assert_eq!(error.code(), "broken");
    assert_eq!(egress.idle_connections(), 0);
}

struct Stuck;

impl Resolve for Stuck {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_resolver_that_never_answers_is_given_up() {
    let options = Options {
        resolver: std::sync::Arc::new(Stuck),
        resolve_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let egress = Egress::new(policy(&["https://good.example"]), options).unwrap();
    assert_eq!(get(&egress, "https://good.example/").await.unwrap_err().code(), "timed_out");
}
