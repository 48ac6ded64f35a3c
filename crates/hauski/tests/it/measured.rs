//! What the daemon tells of itself: metrics of plugins, budgets that are exceeded, traces.

use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::access::new_key;
use crate::daemon::{Daemon, PATIENCE};
use crate::gateway::with_fake;

#[tokio::test]
async fn metrics_tell_of_every_plugin_under_its_name() {
    let daemon = with_fake(Daemon::with()).await;
    let (_, key) = new_key(&daemon, &["metrics"]).await;
    let body =
        json!({ "model": "fake-echo", "messages": [{ "role": "user", "content": "hello" }] });
    for _ in 0..3 {
        assert_eq!(daemon.owner().post_json("/v1/chat/completions", &body).await.status, 200);
    }
    let reply = daemon.tcp().key(&key).get("/metrics").await;
    let page = reply.text();
    for line in [
        "plugin_state{plugin=\"fake\",state=\"running\"} 1",
        "plugin_state{plugin=\"fake\",state=\"failed\"} 0",
        "plugin_restarts_total{plugin=\"fake\"} 0",
        "plugin_queue{plugin=\"fake\"} 0",
        "plugin_calls_total{plugin=\"fake\"} 3",
        "plugin_call_failures_total{plugin=\"fake\"} 0",
        "plugin_call_duration_seconds_count{plugin=\"fake\"} 3",
        "plugin_call_duration_seconds_bucket{le=\"+Inf\",plugin=\"fake\"} 3",
        "engine_duration_seconds_count{capability=\"chat\"} 3",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is missing in\n{page}");
    }
    let value = |name: &str| {
        let line =
            page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("plugin_memory_bytes{plugin=\"fake\"}") > 1e6);
    assert!(value("plugin_cpu_seconds_total{plugin=\"fake\"}") >= 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("audit_lines_total") > 1.0);
    assert_eq!(page.lines().last(), Some("# EOF"));
}

#[tokio::test]
async fn a_budget_that_is_exceeded_fails_the_check_and_names_the_figure() {
    let limits = "latency:\n  llm_p95_ms: 5\n";
    let daemon = with_fake(Daemon::with().file("policies/limits.yaml", limits)).await;
    let body = json!({
        "model": "fake-script",
        "messages": [{ "role": "user", "content": "wait 120; say slow" }],
    });
    for _ in 0..4 {
        assert_eq!(daemon.owner().post_json("/v1/chat/completions", &body).await.status, 200);
    }
    let checked = daemon.hauski(&["budget", "check"]).await;
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(checked.stdout.contains("exceeded      p95 "), "{checked:?}");
    let report = daemon.hauski(&["budget", "check", "--json"]).await;
    assert_eq!((report.code, &report.json()["kept"]), (1, &json!(false)));
    let admin = daemon.owner().get("/admin/budgets").await.json();
    assert_eq!(admin["kept"], false, "{admin:#}");

    let generous = "latency:\n  llm_p95_ms: 60000\n";
    std::fs::write(daemon.home.path().join("policies/limits.yaml"), generous).unwrap();
    daemon.logged("policies were read again").await;
    let checked = daemon.hauski(&["budget", "check"]).await;
    assert_eq!(checked.code, 0, "{checked:?}");
}

/// A collector that keeps what it is sent, by path and body.
async fn collector() -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, Value)>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, sent) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            let service =
                hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let sender = sender.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let body = serde_json::from_slice(&body).unwrap();
                        // The test may have seen enough.
                        let _ = sender.send((head.uri.path().to_owned(), body));
                        let body = Full::new(bytes::Bytes::from("{}"));
                        Ok::<_, std::convert::Infallible>(http::Response::new(body))
                    }
                });
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(stream, service),
            );
        }
    });
    (address, sent)
}

#[tokio::test]
async fn spans_go_to_the_collector_that_policy_allows_and_hold_no_contents() {
    let (address, mut sent) = collector().await;
    let policy = format!("egress:\n  allow: [\"http://{address}\"]\n");
    let start = Daemon::with().env("HAUSKI_OTLP_ENDPOINT", &format!("http://{address}"));
    let daemon = with_fake(start.file("policies/routing.yaml", &policy)).await;
    let (_, key) = new_key(&daemon, &["chat"]).await;
    let body =
        json!({ "model": "fake-echo", "messages": [{ "role": "user", "content": "innermost" }] });
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let parent = format!("00-{trace}-{span}-01");
    let client = daemon.tcp().key(&key).header("traceparent", &parent);
    let reply = client.post_json("/v1/chat/completions", &body).await;
    assert_eq!(reply.status, 200);
    let request = reply.headers["x-request-id"].to_str().unwrap();
    let (mut spans, mut text): (Vec<Value>, String) = Default::default();
    let name = |span: &Value| span["name"].as_str().unwrap_or_default().to_owned();
    while !spans.iter().any(|span| name(span) == "POST /v1/chat/completions") {
        let (path, body) = tokio::time::timeout(PATIENCE, sent.recv()).await.unwrap().unwrap();
        assert_eq!(path, "/v1/traces");
        text.push_str(&body.to_string());
        spans
            .extend(body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    }
    let chat = spans.iter().find(|span| name(span) == "POST /v1/chat/completions").unwrap();
    assert_eq!((&chat["traceId"], &chat["parentSpanId"]), (&json!(trace), &json!(span)));
    let attributes = chat["attributes"].to_string();
    assert!(attributes.contains(request) && attributes.contains("200"), "{attributes}");
    let own = spans.iter().find(|span| name(span) == "GET /ready").unwrap();
    assert_eq!(own["traceId"].as_str().unwrap().len(), 32);
    assert!(own.get("parentSpanId").is_none());
    for secret in ["innermost", key.as_str(), "fake-echo"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let page = daemon.owner().get("/metrics").await;
    assert!(page.text().contains("trace_spans_dropped_total 0"), "{}", page.text());
}

#[tokio::test]
async fn a_collector_that_policy_does_not_allow_gets_nothing_and_what_is_lost_is_counted() {
    let (address, mut sent) = collector().await;
    let start = Daemon::with().env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}"));
    let daemon = start.start().await;
    daemon.logged("traces are not taken; they are counted and lost").await;
    let page = daemon.owner().get("/metrics").await;
    let dropped = page.text().lines().find(|line| line.starts_with("trace_spans_dropped_total "));
    assert!(dropped.is_some_and(|line| !line.ends_with(" 0")), "{}", page.text());
    assert!(sent.try_recv().is_err(), "nothing may leave");
    let tail = daemon.owner().get("/admin/audit").await.json().to_string();
    assert!(tail.contains("egress.decide") && tail.contains("denied"), "{tail}");

    let (code, said) = Daemon::with().env("HAUSKI_OTLP_ENDPOINT", "collector:4318").refused().await;
    assert!(code != 0 && said.contains("http://127.0.0.1:4318"), "{said}");
}
