//! The facade: put, search, forget, verify, over real stores.

mod erasing;
mod following;
mod searching;
mod sources;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contracts::hauski::index::{SearchRequest, SourceRef, TrustLevel, Upsert, UpsertChunk};
use hauski_index::embed::{Embedded, Embedder, Embedding, Kind, ModelId};
use hauski_index::{Index, IndexOptions};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(crate::truth::NOW)))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

pub(crate) async fn open(home: &Path, time: &Time) -> Index {
    let time = time.clone();
    let clock = Arc::new(move || time.0.load(Ordering::SeqCst));
    Index::open(home, IndexOptions { clock, ..IndexOptions::default() }).await.unwrap()
}

/// A document of one namespace with these passages.
pub(crate) fn document(namespace: &str, doc_id: &str, texts: &[&str]) -> Upsert {
    let chunk = |text: &&str| UpsertChunk { text: Some((*text).to_owned()), ..Default::default() };
    Upsert {
        doc_id: doc_id.to_owned(),
        namespace: namespace.to_owned(),
        chunks: texts.iter().map(chunk).collect(),
        source_ref: Some(SourceRef {
            origin: "test".to_owned(),
            id: doc_id.to_owned(),
            trust_level: TrustLevel::High,
            ..SourceRef::default()
        }),
        ..Upsert::default()
    }
}

/// Puts documents and waits until searches see them.
pub(crate) async fn put(index: &Index, documents: Vec<Upsert>) {
    for document in documents {
        let put = index.upsert(document).await.unwrap();
        assert_eq!(put.status, "queued", "{put:?}");
    }
    assert!(index.wait_until_seen(index.truth().seq(), PATIENCE).await);
}

pub(crate) fn question(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), ..SearchRequest::default() }
}

/// Names of the documents that a search finds.
pub(crate) async fn found(index: &Index, request: &SearchRequest) -> Vec<String> {
    let report = index.search(request).await.unwrap();
    report.matches.into_iter().map(|found| found.doc_id).collect()
}

/// Gives each text the direction of its letters: near texts are near, and nothing is random.
pub(crate) struct Letters(pub(crate) ModelId);

impl Letters {
    pub(crate) fn new(revision: &str, dims: usize) -> Arc<Self> {
        let name = "letters".to_owned();
        Arc::new(Self(ModelId { name, revision: revision.to_owned(), dims }))
    }
}

impl Embedder for Letters {
    fn model(&self) -> &ModelId {
        &self.0
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: Kind) -> Embedding<'a> {
        let dims = self.0.dims;
        let vector = move |text: &String| {
            let mut vector = vec![0.01; dims];
            for byte in text.to_lowercase().bytes().filter(u8::is_ascii_alphabetic) {
                vector[usize::from(byte - b'a') % dims] += 1.0;
            }
            let length = vector.iter().map(|value: &f32| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| value / length).collect()
        };
        let vectors = texts.iter().map(vector).collect();
        Box::pin(async move { Ok(Embedded { vectors, ..Embedded::default() }) })
    }
}
