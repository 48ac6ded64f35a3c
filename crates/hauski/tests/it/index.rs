//! The index over HTTP and on the command line: put, search, ask, forget.

use serde_json::{Value, json};

use sha2::{Digest, Sha256};

use crate::access::new_key;
use crate::daemon::{Client, Daemon};
use crate::gateway::with_fake;

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

#[tokio::test]
async fn a_folder_is_taken_in_and_followed() {
    let daemon = Daemon::start().await;
    let owner = daemon.owner();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("birds.md"), "# Birds\n\nHerons nest at the sluice.\n")
        .unwrap();
    std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
    let empty = daemon.hauski(&["index", "sources"]).await;
    assert!(empty.stdout.contains("`hauski index add PATH`"), "{}", empty.stdout);
    let added = daemon.hauski(&["index", "add", path, "--name", "bed"]).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(
        added.stdout.contains("folder:bed") && added.stdout.contains("1 document: 1 new"),
        "{}",
        added.stdout
    );
    assert!(added.stdout.contains("left out: 1 symlink"), "{}", added.stdout);
    let report = search(&owner, "heron nests").await;
    let citation = &report["matches"][0]["citation"];
    assert_eq!((&citation["first_line"], &citation["state"]), (&json!(1), &json!("matches")));
    assert!(citation["file"].as_str().unwrap().ends_with("/birds.md"), "{citation}");

    // Nobody asks for another look: the daemon sees the change.
    std::fs::write(folder.path().join("beavers.md"), "Beavers build dams.\n").unwrap();
    search(&owner, "beavers dams").await;
    let synced = daemon.hauski(&["index", "sync", "bed", "--json"]).await.json();
    let source = &synced["sources"][0];
    assert_eq!(
        (&source["documents"], &source["outcome"]["put"]),
        (&json!(2), &json!(0)),
        "{synced}"
    );
    let status = daemon.hauski(&["index", "status"]).await;
    assert!(status.stdout.contains("folder:bed"), "{}", status.stdout);

    // Which files of this machine can be found is for its owner to say.
    let (_, key) = new_key(&daemon, &["memory", "index"]).await;
    let client = daemon.tcp().key(&key);
    assert_eq!(client.get("/index/sources").await.status, 200);
    for route in ["/index/sources", "/index/sources/remove"] {
        assert_eq!(
            client.post_json(route, &json!({"path": "/etc", "name": "bed"})).await.status,
            403
        );
    }
    for (body, code) in [
        (json!({"path": "relative"}), "invalid_value"),
        (json!({"path": daemon.home.path()}), "invalid_value"),
        (json!({"path": "/"}), "invalid_value"),
        (json!({"path": path, "name": "other"}), "invalid_value"),
    ] {
        let reply = owner.post_json("/index/sources", &body).await;
        assert_eq!(reply.code(), code, "{body}: {}", reply.text());
    }
    let gone = daemon.hauski(&["index", "remove", "bed"]).await;
    assert_eq!(gone.stdout, "took out folder:bed with 2 documents\n", "{}", gone.stderr);
    assert_eq!(owner.get("/index/stats").await.json()["total_documents"], 0);
    let lines = std::fs::read_to_string(newest_audit(&daemon)).unwrap();
    assert!(lines.contains("index.source.add") && lines.contains("index.source.remove"));
}

#[tokio::test]
async fn folders_are_taken_in_without_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    std::fs::write(folder.path().join("lib.rs"), "/// Opens the sluice.\npub fn open() {}\n")
        .unwrap();
    let path = folder.path().to_str().unwrap();
    let hauski = async |args: &[&str]| crate::daemon::hauski(home.path(), &[], args).await;
    let added = hauski(&["index", "add", path, "--name", "shop"]).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(
        added.stdout.contains("repo:shop") && added.stdout.contains("1 new"),
        "{}",
        added.stdout
    );
    let found = hauski(&["index", "search", "sluice"]).await;
    assert!(found.stdout.contains("lib.rs:1"), "{}", found.stdout);
    let missing = hauski(&["index", "add", "/no/such/folder"]).await;
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    assert!(missing.stderr.contains("/no/such/folder cannot be opened"), "{}", missing.stderr);
}

#[tokio::test]
async fn a_chat_model_answers_with_citations_that_hold() {
    let daemon = with_fake(Daemon::with()).await;
    let owner = daemon.owner();
    let folder = tempfile::tempdir().unwrap();
    // The scripted engine says what it was asked; so the passages say what it answers.
    let text =
        "Herons nest at the sluice [1]. Nobody says this of storks. Cranes are elsewhere [9].\n";
    std::fs::write(folder.path().join("birds.txt"), text).unwrap();
    let added = daemon.hauski(&["index", "add", folder.path().to_str().unwrap()]).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    search(&owner, "herons").await;
    let ask = json!({"question": "where do herons nest?", "model": "fake-echo"});
    let reply = owner.post_json("/ask", &ask).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!(answer["answer"], "Herons nest at the sluice [1].", "{answer}");
    assert!(answer["dropped_claims"].as_u64().unwrap() >= 2, "{answer}");
    let citation = &answer["hits"][0]["citation"];
    let bytes = std::fs::read(citation["file"].as_str().unwrap()).unwrap();
    let at = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
    let span = &bytes[at("start")..at("end")];
    let hash: String = Sha256::digest(span).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (citation["hash"].as_str(), &citation["state"]),
        (Some(hash.as_str()), &json!("matches"))
    );
    let mut stream = ask.clone();
    stream["stream"] = json!(true);
    let events = owner.post_json("/ask", &stream).await;
    let told = events.text();
    assert!(told.starts_with("event: passages\n") && told.contains("event: done\n"), "{told}");
    assert!(
        told.contains("Herons nest at the sluice [1].")
            && !told.contains("Cranes are elsewhere [9].\"}"),
        "{told}"
    );
    // A key that may ask but not chat gets passages, not answers.
    let (_, key) = new_key(&daemon, &["memory"]).await;
    let client = daemon.tcp().key(&key);
    assert_eq!(client.post_json("/ask", &ask).await.status, 403);
    let passages = client.post_json("/ask", &json!({"question": "herons"})).await.json();
    assert!(
        passages["answer"].is_null() && passages["notes"].to_string().contains("passages only"),
        "{passages}"
    );
}
