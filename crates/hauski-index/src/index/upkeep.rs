//! What is there, what age does, what has to leave, whether all stores agree, and deriving them anew.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::hauski::index::{
    Decay, DecayPreview, Retention, Retentions, STATS, STATUS, SetRetention, Stats, Status, VERIFY,
    Verified,
};
use tokio::sync::oneshot;

use super::dense;
use super::follow::Order;
use super::{Index, IndexError, blocking, search, upsert};
use crate::ChunkId;
use crate::truth::{Keeping, Passage};

/// Documents of a preview.
const MAX_PREVIEWS: usize = 1000;
/// A hundred years in seconds.
const MAX_SECONDS: u64 = 3_153_600_000;
/// Passages that a check reads at a time.
const PAGE: u64 = 2000;

impl Index {
    /// Counts and sizes.
    ///
    /// # Errors
    /// The database says no.
    pub async fn stats(&self) -> Result<Stats, IndexError> {
        let inner = &self.0;
        let serving = inner.serving();
        let revision = serving.as_ref().map(|dense| dense.revision().to_owned());
        let counts = inner.truth.counts(revision.as_deref()).await?;
        let derived = inner.home.join("vector");
        let derived_bytes = tokio::task::spawn_blocking(move || bytes_below(&derived)).await?;
        Ok(Stats {
            schema: STATS.to_owned(),
            total_documents: counts.documents,
            total_chunks: counts.chunks,
            namespaces: counts.collections,
            budget_ms: inner.options.budget_ms,
            policy_hash: inner.options.weighting.hash(),
            policy_source: inner.options.weighting_source.clone(),
            seq: inner.truth.seq(),
            text_seq: *inner.text_seen.borrow(),
            vector_seq: serving.as_ref().map(|dense| dense.store.watermark()),
            model: serving.as_ref().map(|dense| dense.embedder.model().to_string()),
            embedded_chunks: counts.embedded,
            quarantined_chunks: counts.quarantined,
            forgotten: counts.forgotten,
            database_bytes: inner.truth.bytes(),
            derived_bytes,
        })
    }

    /// Counts, and what is ingested.
    ///
    /// # Errors
    /// The database says no.
    pub async fn status(&self) -> Result<Status, IndexError> {
        let sources = self.sources().await?.sources;
        Ok(Status { schema: STATUS.to_owned(), stats: self.stats().await?, sources })
    }

    /// How long every namespace keeps what it holds.
    ///
    /// # Errors
    /// The database says no.
    pub async fn retention(&self) -> Result<Retentions, IndexError> {
        let weighting = &self.0.options.weighting;
        let configs = self.0.truth.collections().await?.into_iter().map(|collection| {
            let retention = Retention {
                half_life_seconds: weighting.half_life(&collection.name, collection.half_life_s),
                max_items: collection.max_items,
                max_age_seconds: collection.max_age_s,
                purge_strategy: "oldest".to_owned(),
            };
            (collection.name, retention)
        });
        Ok(Retentions { configs: configs.collect() })
    }

    /// Sets how long a namespace keeps what it holds. Nothing leaves before [`Index::let_go`] runs.
    ///
    /// # Errors
    /// A number is out of range, or the database says no.
    pub async fn set_retention(&self, request: &SetRetention) -> Result<Retentions, IndexError> {
        upsert::namespace_name("namespace", &request.namespace)?;
        for (param, value) in [
            ("half_life_seconds", request.half_life_seconds),
            ("max_age_seconds", request.max_age_seconds),
            ("max_items", request.max_items),
        ] {
            if value.is_some_and(|value| !(1..=MAX_SECONDS).contains(&value)) {
                return Err(IndexError::invalid(
                    param,
                    format!("must be 1 to {MAX_SECONDS}, or null"),
                ));
            }
        }
        let keeping = Keeping {
            half_life_s: request.half_life_seconds,
            max_items: request.max_items,
            max_age_s: request.max_age_seconds,
        };
        self.0.truth.set_retention(&request.namespace, keeping).await?;
        self.retention().await
    }

    /// What age does to the documents of a namespace, and which of them leave next.
    ///
    /// # Errors
    /// There is no such namespace, or the database says no.
    pub async fn decay_preview(&self, namespace: &str) -> Result<Decay, IndexError> {
        let collections = self.0.truth.collections().await?;
        let collection = collections.iter().find(|collection| collection.name == namespace);
        let Some(collection) = collection else {
            return Err(IndexError::NotFound { what: "namespace", name: namespace.to_owned() });
        };
        let now_ms = self.now_ms();
        let leaving = self.0.truth.leaving(collection, now_ms).await?;
        let total = leaving.len();
        let weighting = &self.0.options.weighting;
        let previews = leaving.into_iter().take(MAX_PREVIEWS).map(|document| {
            let age_ms = now_ms.saturating_sub(document.at_ms).max(0);
            DecayPreview {
                doc_id: document.doc_id,
                namespace: namespace.to_owned(),
                at: search::time(document.at_ms),
                age_seconds: crate::truth::unsigned(age_ms / 1000),
                decay_factor: weighting.recency(
                    namespace,
                    collection.half_life_s,
                    document.at_ms,
                    now_ms,
                ),
                goes: document.reason.map(str::to_owned),
            }
        });
        Ok(Decay {
            namespace: namespace.to_owned(),
            total_documents: total as u64,
            previews: previews.collect(),
            not_shown: total.saturating_sub(MAX_PREVIEWS) as u64,
        })
    }

    /// Lets documents go whose time is over; says how many by namespace.
    ///
    /// # Errors
    /// The database says no.
    pub async fn let_go(&self) -> Result<BTreeMap<String, u64>, IndexError> {
        let now_ms = self.now_ms();
        let mut gone = BTreeMap::new();
        for collection in self.0.truth.collections().await? {
            let leaving = self.0.truth.leaving(&collection, now_ms).await?;
            let leaving: Vec<i64> = leaving
                .into_iter()
                .filter(|document| document.reason.is_some())
                .map(|document| document.id)
                .collect();
            if !leaving.is_empty() {
                gone.insert(collection.name, leaving.len() as u64);
                self.0.truth.let_go(leaving).await?;
            }
        }
        Ok(gone)
    }

    /// Compares the database with itself and every derived store with it: the same passages in each, sums unharmed.
    ///
    /// # Errors
    /// A store cannot be read at all.
    pub async fn verify(&self) -> Result<Verified, IndexError> {
        let _nothing_moves = self.0.rewriting.lock().await;
        let mut problems: Vec<String> = self.0.truth.integrity().await?;
        let seq = self.0.truth.seq();
        if !self.wait_until_seen(seq, super::PATIENCE).await {
            problems.push("the text index does not follow the database".to_owned());
        }
        self.compare_contents(&mut problems).await?;
        let text = self.0.text().await?;
        let (text_ids, damaged) =
            blocking(move || -> Result<_, IndexError> { Ok((text.ids(), text.verify()?)) }).await?;
        // What was written meanwhile would look like a difference: the truth is read on both sides of it.
        let live = self.0.truth.live().await?;
        problems.extend(
            damaged.iter().map(|file| format!("the text index's {} is damaged", file.display())),
        );
        let is_still = self.0.truth.seq() == seq;
        if is_still {
            differences("the text index", &live, &text_ids, &mut problems);
        }
        let mut vector_chunks = None;
        if let Some(serving) = self.0.serving() {
            serving.bring_up_to(&self.0, seq).await?;
            let dims = serving.embedder.model().dims;
            let store = std::sync::Arc::clone(&serving.store);
            let (ids, damage) = blocking(move || -> Result<_, IndexError> {
                Ok((dense::ids(&*store, dims)?, store.verify()?))
            })
            .await?;
            let embedded = self.0.truth.embedded(serving.revision()).await?;
            for (file, what) in damage.files {
                problems.push(format!("the vectors' {} is damaged: {what}", file.display()));
            }
            if self.0.truth.seq() == seq {
                differences("the store of vectors", &embedded, &ids, &mut problems);
            }
            vector_chunks = Some(ids.len() as u64);
        }
        Ok(Verified {
            schema: VERIFY.to_owned(),
            ok: problems.is_empty(),
            problems,
            chunks: live.len() as u64,
            text_chunks: text_ids.len() as u64,
            vector_chunks,
        })
    }

    /// Whether every passage is what its hash says.
    async fn compare_contents(&self, problems: &mut Vec<String>) -> Result<(), IndexError> {
        let mut after = ChunkId(0);
        loop {
            let page = self.0.truth.contents(after, PAGE).await?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = *last;
            for (id, text, content) in page {
                let passage = Passage { text, ..Passage::default() };
                if passage.content()[..] != content[..] {
                    problems.push(format!("passage {} is not what its hash says", id.0));
                }
            }
        }
    }

    /// Throws away what is derived and derives it anew; vectors are not computed again. Returns when it is done.
    ///
    /// # Errors
    /// A store cannot be written.
    pub async fn rebuild(&self) -> Result<(), IndexError> {
        let _one_at_a_time = self.0.rewriting.lock().await;
        let (answer, done) = oneshot::channel();
        let closing = || IndexError::Text("the index is closing".to_owned());
        self.0.orders.send(Order::Rebuild(answer)).await.map_err(|_| closing())?;
        done.await.map_err(|_| closing())??;
        dense::rebuild(&self.0).await?;
        while !self.wait_until_seen(self.0.truth.seq(), super::PATIENCE).await {
            tracing::info!(seen = *self.0.text_seen.borrow(), "the text index is being derived");
        }
        Ok(())
    }
}

fn differences(store: &str, expected: &[ChunkId], found: &[ChunkId], problems: &mut Vec<String>) {
    let missing = expected.iter().filter(|id| found.binary_search(id).is_err()).count();
    let extra = found.iter().filter(|id| expected.binary_search(id).is_err()).count();
    if missing > 0 {
        problems.push(format!("{store} lacks {missing} of {} passages", expected.len()));
    }
    if extra > 0 {
        problems.push(format!("{store} shows {extra} passages that do not exist"));
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
