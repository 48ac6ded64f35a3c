//! What is put is there, once, under ids that stay; what is gone stays gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use hauski_index::ChunkId;
use hauski_index::truth::{PutOutcome, Truth};

use super::{NOW, document, open};

async fn texts(truth: &Truth) -> Vec<(u64, String)> {
    let live = truth.live().await.unwrap();
    let rows = truth.rows(&live).await.unwrap();
    rows.into_iter().map(|row| (row.id.0, row.text)).collect()
}

#[tokio::test]
async fn a_changed_document_keeps_the_ids_of_what_stayed() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth.put(vec![document("a", &["one", "two", "three"])], NOW).await.unwrap();
    let before = truth.seq();
    let put = truth.put(vec![document("a", &["zero", "one", "three"])], NOW).await.unwrap();
    assert_eq!(put.outcomes, [PutOutcome::Taken { added: 1, kept: 2, removed: 1 }]);
    let expected = [(1, "one"), (3, "three"), (4, "zero")];
    assert_eq!(texts(&truth).await, expected.map(|(id, text)| (id, text.to_owned())));
    let changes = truth.changes(before, 100).await.unwrap();
    assert_eq!(changes.deletions, [ChunkId(2)]);
    assert_eq!(changes.puts.iter().map(|put| put.id.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(changes.upto, truth.seq());
}

#[tokio::test]
async fn the_same_again_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth.put(vec![document("a", &["one", "one"])], NOW).await.unwrap();
    let seq = truth.seq();
    let put = truth.put(vec![document("a", &["one", "one"])], NOW + 5).await.unwrap();
    assert_eq!((put.outcomes.as_slice(), truth.seq()), (&[PutOutcome::Unchanged][..], seq));
}

#[tokio::test]
async fn ids_are_never_used_again() {
    let home = tempfile::tempdir().unwrap();
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        let truth = open(home.path()).await;
        for turn in 0..3 {
            let text = format!("{round} {turn}");
            truth.put(vec![document("a", &[&text])], NOW).await.unwrap();
            for (id, _) in texts(&truth).await {
                assert!(seen.insert(id), "{id} was there before");
            }
        }
        truth.remove("notes", &["a".to_owned()]).await.unwrap();
        truth.close().await;
    }
    assert_eq!(seen.len(), 9);
}

#[tokio::test]
async fn batches_of_changes_never_cut_a_write() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    for number in 0..20 {
        let texts: Vec<String> = (0..7).map(|part| format!("{number} {part}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        truth.put(vec![document(&number.to_string(), &texts)], NOW).await.unwrap();
    }
    let (mut after, mut seen) = (0, Vec::new());
    while after < truth.seq() {
        let changes = truth.changes(after, 10).await.unwrap();
        assert!(changes.upto > after);
        assert_eq!(changes.puts.len() % 7, 0, "a document is whole");
        seen.extend(changes.puts.iter().map(|put| put.id));
        after = changes.upto;
    }
    assert_eq!(seen, truth.live().await.unwrap());
}

#[tokio::test]
async fn one_that_cannot_be_written_does_not_take_others_with_it() {
    let home = tempfile::tempdir().unwrap();
    let truth = Arc::new(open(home.path()).await);
    let feedback = contracts::hauski::index::Feedback {
        decision_id: "none".to_owned(),
        outcome: contracts::hauski::index::OutcomeKind::Success,
        signal_source: contracts::hauski::index::SignalSource::User,
        timestamp: None,
        notes: None,
    };
    let decision = contracts::hauski::index::Decision {
        decision_id: "twice".to_owned(),
        ..Default::default()
    };
    let jobs = (0..40).map(|number: u32| {
        let (truth, decision) = (Arc::clone(&truth), decision.clone());
        tokio::spawn(async move {
            let put = truth.put(vec![document(&number.to_string(), &["text"])], NOW).await.is_ok();
            // The second and every later one breaks a rule of the database.
            (put, truth.add_decision(&decision, NOW).await.is_ok())
        })
    });
    let mut kept = 0;
    for job in jobs.collect::<Vec<_>>() {
        let (put, decided) = job.await.unwrap();
        assert!(put);
        kept += u32::from(decided);
    }
    assert_eq!((kept, truth.live().await.unwrap().len()), (1, 40));
    assert!(!truth.add_outcome(&feedback, NOW).await.unwrap());
}

#[tokio::test]
async fn writers_that_wait_together_are_committed_together() {
    let home = tempfile::tempdir().unwrap();
    let truth = Arc::new(open(home.path()).await);
    let began = Instant::now();
    let jobs: Vec<_> = (0..200)
        .map(|number: u32| {
            let truth = Arc::clone(&truth);
            tokio::spawn(async move {
                truth.put(vec![document(&number.to_string(), &["text"])], NOW).await.unwrap().seq
            })
        })
        .collect();
    let mut highest = 0;
    for job in jobs {
        highest = highest.max(job.await.unwrap());
    }
    assert_eq!((highest, truth.live().await.unwrap().len()), (200, 200));
    println!("200 acknowledged writes in {:?}", began.elapsed());
}

#[tokio::test]
async fn vectors_are_computed_once_for_equal_passages() {
    let home = tempfile::tempdir().unwrap();
    let truth = open(home.path()).await;
    truth
        .put(vec![document("a", &["same", "other"]), document("b", &["same"])], NOW)
        .await
        .unwrap();
    let pending = truth.pending("rev", 0, 10).await.unwrap();
    assert_eq!(pending.len(), 2, "two different texts");
    let vectors = pending.into_iter().map(|one| (one.content, vec![0.5, -1.0])).collect();
    let seq = truth.add_embeddings("rev", vectors).await.unwrap();
    assert!(truth.pending("rev", 0, 10).await.unwrap().is_empty());
    assert_eq!(truth.pending("another", 0, 10).await.unwrap().len(), 2);
    let (puts, _, upto) = truth.vector_changes("rev", seq - 1, 100).await.unwrap();
    assert_eq!((puts.len(), upto), (3, seq), "every passage gets its vector");
    assert_eq!(puts[0].vector, [0.5, -1.0]);
}
