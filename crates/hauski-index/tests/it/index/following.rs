//! What is derived follows the truth: after a write, a start, damage, and when the model changes.

use std::fs;
use std::time::{Duration, Instant};

use contracts::hauski::index::SearchRequest;

use super::{Letters, PATIENCE, Time, document, found, open, put, question};

#[tokio::test]
async fn a_write_is_seen_within_moments() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    put(&index, vec![document("notes", "warm", &["warm"])]).await;
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let text = format!("heron{number}");
        let put = index.upsert(document("notes", &text, &[&text])).await.unwrap();
        let acknowledged = Instant::now();
        assert!(index.wait_until_seen(put.seq, PATIENCE).await);
        assert_eq!(found(&index, &question(&text)).await[0], text);
        slowest = slowest.max(acknowledged.elapsed());
    }
    println!("slowest of 20, from the acknowledgement to the answer: {slowest:?}");
    index.close().await;
}

#[tokio::test]
async fn what_is_derived_comes_back_from_nothing() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    index.set_embedder(Letters::new("one", 26)).await.unwrap();
    let texts: Vec<String> = (0..50).map(|number| format!("heron number{number}")).collect();
    put(&index, texts.iter().map(|text| document("notes", text, &[text])).collect()).await;
    assert!(index.wait_until_embedded(PATIENCE).await);
    let ask = SearchRequest { k: Some(10), ..question("heron number7") };
    let before = index.search(&ask).await.unwrap().matches;
    index.close().await;
    fs::remove_dir_all(home.path().join("vector")).unwrap();
    let index = open(home.path(), &Time::new()).await;
    index.set_embedder(Letters::new("one", 26)).await.unwrap();
    assert!(index.wait_until_seen(index.truth().seq(), PATIENCE).await);
    assert!(index.wait_until_embedded(PATIENCE).await);
    assert_eq!(index.search(&ask).await.unwrap().matches, before);
    index.rebuild().await.unwrap();
    assert!(index.wait_until_embedded(PATIENCE).await);
    assert_eq!(index.search(&ask).await.unwrap().matches, before);
    assert!(index.verify().await.unwrap().ok);
    index.close().await;
}

#[tokio::test]
async fn another_database_gets_stores_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    put(&index, vec![document("notes", "old", &["sluice"])]).await;
    index.close().await;
    for file in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
        let _ = fs::remove_file(home.path().join(file));
    }
    let index = open(home.path(), &Time::new()).await;
    put(&index, vec![document("notes", "new", &["sluice"])]).await;
    assert_eq!(found(&index, &question("sluice")).await, ["new"]);
    assert!(index.verify().await.unwrap().ok);
    index.close().await;
}

#[tokio::test]
async fn a_new_model_takes_over_when_it_is_complete() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    index.set_embedder(Letters::new("one", 26)).await.unwrap();
    put(&index, vec![document("notes", "a", &["listen"]), document("notes", "b", &["buzz"])]).await;
    assert!(index.wait_until_embedded(PATIENCE).await);
    index.set_embedder(Letters::new("two", 13)).await.unwrap();
    // Whichever answers, something answers: there is no moment without vectors.
    for _ in 0..20 {
        let report = index.search(&question("silent")).await.unwrap();
        assert_eq!((report.mode.as_str(), report.matches[0].doc_id.as_str()), ("hybrid", "a"));
    }
    assert!(index.wait_until_embedded(PATIENCE).await);
    let began = Instant::now();
    while index.stats().await.unwrap().model.as_deref() != Some("letters@two") {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(index.stats().await.unwrap().embedded_chunks, 2);
    assert!(index.verify().await.unwrap().ok);
    index.close().await;
}

#[tokio::test]
async fn a_torn_text_index_is_derived_anew() {
    let home = tempfile::tempdir().unwrap();
    let index = open(home.path(), &Time::new()).await;
    put(&index, vec![document("notes", "a", &["sluice"])]).await;
    index.close().await;
    let meta = home.path().join("vector/text/meta.json");
    let text = fs::read(&meta).unwrap();
    fs::write(&meta, &text[..text.len() / 2]).unwrap();
    let index = open(home.path(), &Time::new()).await;
    assert!(index.wait_until_seen(index.truth().seq(), PATIENCE).await);
    assert_eq!(found(&index, &question("sluice")).await, ["a"]);
    assert!(index.verify().await.unwrap().ok);
    index.close().await;
}
