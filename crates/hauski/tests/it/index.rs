//! The index over HTTP and on the command line: put, search, ask, forget.

use serde_json::{Value, json};

use crate::access::new_key;
use crate::daemon::{Client, Daemon};

fn document(doc_id: &str, text: &str) -> Value {
    json!({
        "doc_id": doc_id,
        "chunks": [{"text": text, "meta": {"page": 7}}],
        "source_ref": {"origin": "test", "id": doc_id, "trust_level": "high"},
    })
}

/// A search that sees what was just put: it is repeated for a moment.
async fn search(client: &Client, query: &str) -> Value {
    for _ in 0..200 {
        let reply = client.post_json("/index/search", &json!({"query": query})).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let report = reply.json();
        if !report["matches"].as_array().unwrap().is_empty() {
            return report;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("nothing was found for {query}");
}

#[tokio::test]
async fn a_document_is_put_found_asked_for_and_forgotten() {
    let daemon = Daemon::start().await;
    let owner = daemon.owner();
    let put =
        owner.post_json("/index/upsert", &document("birds", "Herons nest at the sluice.")).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!((&put.json()["status"], &put.json()["ingested"]), (&json!("queued"), &json!(1)));

    let report = search(&owner, "heron nests").await;
    let best = &report["matches"][0];
    assert_eq!((&best["doc_id"], &best["namespace"]), (&json!("birds"), &json!("default")));
    assert_eq!((&best["meta"]["page"], &report["budget_ms"]), (&json!(7), &json!(60)));
    assert_eq!(report["mode"], "lexical");

    let answer = owner.get("/ask?q=herons&k=1000").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["k"], &answer["namespace"]), (&json!(100), &json!("default")));
    assert_eq!(answer["hits"][0]["snippet"], "Herons nest at the sluice.");
    let answer = owner.post_json("/ask", &json!({"question": "herons"})).await.json();
    assert!(answer["notes"].to_string().contains("passages only"), "{answer}");

    let stats = owner.get("/index/stats").await.json();
    assert_eq!(
        (&stats["total_documents"], &stats["namespaces"]["default"]),
        (&json!(1), &json!(1))
    );

    let found = daemon.hauski(&["index", "search", "herons", "--explain"]).await;
    assert!(
        found.stdout.contains("birds") && found.stdout.contains("trust 1.00"),
        "{}",
        found.stdout
    );
    let forgot = daemon.hauski(&["index", "forget", "--query", "sluice", "--yes"]).await;
    assert!(forgot.stdout.contains("no file of the index holds"), "{}", forgot.stdout);
    let again = owner.post_json("/index/upsert", &document("birds", "Herons nest.")).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["refused"][0]["code"]),
        (409, &json!("forgotten"))
    );
    let lines = std::fs::read_to_string(newest_audit(&daemon)).unwrap();
    assert!(
        lines.contains("index.forget") && !lines.contains("birds") && !lines.contains("sluice")
    );
}

fn newest_audit(daemon: &Daemon) -> std::path::PathBuf {
    let files = std::fs::read_dir(daemon.home.path().join("audit")).unwrap().flatten();
    let lines = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|it| it == "jsonl"));
    lines.max().unwrap()
}

#[tokio::test]
async fn lines_are_taken_one_by_one() {
    let daemon = Daemon::start().await;
    let owner = daemon.owner();
    let good = document("one", "first heron").to_string();
    let without = json!({"doc_id": "two", "chunks": []}).to_string();
    let body = format!("{good}\n\nnot json\n{without}\n");
    let reply = owner
        .request("POST", "/index/upsert")
        .header("content-type", "application/x-ndjson")
        .body(body)
        .send()
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!((&answer["documents"], &answer["ingested"]), (&json!(1), &json!(1)));
    let refused = answer["refused"].as_array().unwrap();
    let told: Vec<_> =
        refused.iter().map(|it| (it["line"].as_u64(), it["code"].as_str())).collect();
    assert_eq!(told, [(Some(3), Some("invalid_value")), (Some(4), Some("missing_source_ref"))]);
    search(&owner, "heron").await;
}

#[tokio::test]
async fn what_does_not_fit_is_said_in_known_shapes() {
    let daemon = Daemon::start().await;
    let owner = daemon.owner();
    let without = owner.post_json("/index/upsert", &json!({"doc_id": "a", "chunks": []})).await;
    let body = without.json();
    assert_eq!((without.status.as_u16(), &body["code"]), (422, &json!("missing_source_ref")));
    assert!(body["details"]["hint"].as_str().unwrap().contains("source_ref"), "{body}");
    assert_eq!(body["error"]["code"], "missing_source_ref");
    for (path, body, code) in [
        ("/index/search", json!({"query": ""}), "invalid_value"),
        ("/index/forget", json!({"filter": {}, "confirm": true}), "invalid_value"),
        (
            "/index/forget",
            json!({"filter": {"namespace": "default"}, "confirm": true}),
            "invalid_value",
        ),
        ("/index/retention", json!({"namespace": "a", "half_life_seconds": 0}), "invalid_value"),
        ("/index/related", json!({"doc_id": "none"}), "not_found"),
    ] {
        let reply = owner.post_json(path, &body).await;
        assert_eq!(reply.code(), code, "{path} {body}: {}", reply.text());
    }
    let unknown = json!({"decision_id": "none", "outcome": "success", "signal_source": "user"});
    let reply = owner.post_json("/index/decisions/outcome", &unknown).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (422, "unknown_decision".to_owned()));
}

#[tokio::test]
async fn a_key_that_may_search_may_not_forget() {
    let daemon = Daemon::start().await;
    let (_, key) = new_key(&daemon, &["memory"]).await;
    let client = daemon.tcp().key(&key);
    assert_eq!(client.post_json("/index/search", &json!({"query": "x"})).await.status, 200);
    assert_eq!(client.post_json("/index/forget", &json!({})).await.status, 403);
    assert_eq!(client.post_json("/index/upsert", &document("a", "b")).await.status, 403);
}
