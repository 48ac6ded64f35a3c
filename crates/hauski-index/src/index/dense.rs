//! Vectors: one store a model, which follows the truth as the text index does, and the work of computing what is missing.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::{IndexError, Inner, blocking};
use crate::ChunkId;
use crate::embed::{EmbedError, Embedder, Kind};
use crate::failpoint;
use crate::truth::Pending;
use crate::vectors::{self, VectorOptions, VectorRecord, VectorStore};

/// Passages that are looked up at a time, and texts that go to the model at a time.
const LOOKED_UP: u64 = 256;
const TEXTS: usize = 32;
/// Vectors that are taken over at a time.
const BATCH: u64 = 1000;
/// How long it waits before it asks the model again.
const AGAIN: Duration = Duration::from_secs(2);

/// A model and its vectors.
pub(super) struct Dense {
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) store: Arc<dyn VectorStore>,
    pub(super) folder: PathBuf,
    /// Up to which write every passage had its vector or was refused one.
    pub(super) complete_at: watch::Sender<u64>,
    /// Passages that the model refuses.
    pub(super) refused: AtomicU64,
    ended: watch::Sender<bool>,
    /// One at a time takes over.
    taking_over: tokio::sync::Mutex<()>,
}

impl Dense {
    pub(super) fn revision(&self) -> &str {
        &self.embedder.model().revision
    }

    /// Lets its task end.
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }
}

impl Dense {
    /// Takes over everything up to this write, besides what its task does.
    pub(super) async fn bring_up_to(&self, inner: &Inner, seq: u64) -> Result<(), IndexError> {
        while self.store.watermark() < seq {
            bring_up(inner, self).await?;
        }
        Ok(())
    }
}

/// Throws the vectors' stores away and lets them be filled from the truth again.
pub(super) async fn rebuild(inner: &Arc<Inner>) -> Result<(), IndexError> {
    let old = {
        let mut models = inner.models_mut();
        [models.serving.take(), models.coming.take()]
    };
    for dense in old.into_iter().flatten() {
        dense.end();
        let (embedder, folder) = (Arc::clone(&dense.embedder), dense.folder.clone());
        let store = Arc::downgrade(&dense.store);
        drop(dense);
        // Its task and searches let go of it within moments.
        for _ in 0..500 {
            if store.strong_count() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        std::fs::remove_dir_all(&folder).map_err(|error| IndexError::Vectors(error.to_string()))?;
        set(inner, embedder).await?;
        if let Some(serving) = inner.serving() {
            serving.bring_up_to(inner, inner.truth.seq()).await?;
        }
    }
    Ok(())
}

/// Opens the vectors of a model and lets them follow.
pub(super) async fn set(inner: &Arc<Inner>, embedder: Arc<dyn Embedder>) -> Result<(), IndexError> {
    {
        let models = inner.models();
        let is_there = [&models.serving, &models.coming].into_iter().flatten();
        if is_there.into_iter().any(|dense| dense.embedder.model() == embedder.model()) {
            return Ok(());
        }
    }
    // The text follower makes sure that what is derived belongs to this database.
    inner.text().await?;
    let model = embedder.model().clone();
    let folder = inner.home.join("vector").join(folder_name(&model.name, &model.revision));
    let (dir, seq) = (folder.clone(), inner.truth.seq());
    let store = blocking(move || -> Result<_, IndexError> {
        let options = VectorOptions::new(model.dims, &model.name, &model.revision);
        let store = vectors::open(&dir, &options)?;
        if store.watermark() <= seq && !store.damage().everything && store.damage().lost.is_empty()
        {
            return Ok(store);
        }
        // It knows more than the truth, or has lost something: the vectors themselves are in the truth.
        drop(store);
        std::fs::remove_dir_all(&dir).map_err(|error| IndexError::Vectors(error.to_string()))?;
        Ok(vectors::open(&dir, &options)?)
    })
    .await?;
    let dense = Arc::new(Dense {
        embedder,
        store: Arc::from(store),
        folder,
        complete_at: watch::Sender::new(0),
        refused: AtomicU64::new(0),
        ended: watch::Sender::new(false),
        taking_over: tokio::sync::Mutex::default(),
    });
    let replaced = {
        let mut models = inner.models_mut();
        if models.serving.is_none() {
            models.serving = Some(Arc::clone(&dense));
            None
        } else {
            models.coming.replace(Arc::clone(&dense))
        }
    };
    if let Some(replaced) = replaced {
        replaced.end();
    }
    inner.keep(tokio::spawn(follow(Arc::clone(inner), dense)));
    Ok(())
}

fn folder_name(name: &str, revision: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.chars().map(safe).take(64).collect();
    let revision: String = revision.chars().map(safe).take(16).collect();
    format!("{name}@{revision}")
}

/// Computes what is missing and takes over what is there, until the index or this model ends.
async fn follow(inner: Arc<Inner>, dense: Arc<Dense>) {
    let (mut stop, mut ended) = (inner.stop.subscribe(), dense.ended.subscribe());
    let mut committed = inner.truth.committed();
    // Contents that the model refuses: asked once in the life of this process.
    let mut refused = HashSet::new();
    let mut looked_at = 0;
    loop {
        if *stop.borrow() || *ended.borrow() {
            let store = Arc::clone(&dense.store);
            let _ = blocking(move || store.flush()).await;
            return;
        }
        committed.mark_unchanged();
        let seq = inner.truth.seq();
        let worked = tokio::select! {
            worked = work(&inner, &dense, &mut refused, looked_at) => worked,
            _ = stop.changed() => continue,
            _ = ended.changed() => continue,
        };
        match worked {
            Ok(true) => continue,
            Ok(false) => {
                looked_at = seq;
                dense.complete_at.send_replace(seq);
                take_over(&inner, &dense).await;
            }
            Err(error) => {
                tracing::warn!(error = %error, "vectors are not computed now; words answer");
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    _ = stop.changed() => {}
                    _ = ended.changed() => {}
                }
                continue;
            }
        }
        tokio::select! {
            changed = committed.changed() => if changed.is_err() { return },
            _ = stop.changed() => {}
            _ = ended.changed() => {}
        }
    }
}

/// The model that was coming answers from now on; what the old one made goes.
async fn take_over(inner: &Inner, dense: &Arc<Dense>) {
    let old = {
        let mut models = inner.models_mut();
        if !models.coming.as_ref().is_some_and(|coming| Arc::ptr_eq(coming, dense)) {
            return;
        }
        models.coming = None;
        models.serving.replace(Arc::clone(dense))
    };
    let Some(old) = old else { return };
    old.end();
    let revision = old.revision().to_owned();
    tracing::info!(model = %dense.embedder.model(), "the new model's vectors are complete and answer now");
    if let Err(error) = inner.truth.drop_embeddings(&revision).await {
        tracing::warn!(error = %error, "vectors of the old model are kept");
    }
    if let Err(error) = std::fs::remove_dir_all(&old.folder) {
        tracing::warn!(error = %error, "the folder of the old model's vectors is left");
    }
}

/// One round; false when there was nothing to do.
async fn work(
    inner: &Inner,
    dense: &Dense,
    refused: &mut HashSet<[u8; 32]>,
    looked_at: u64,
) -> Result<bool, IndexError> {
    let pending =
        inner.truth.pending(dense.revision(), looked_at, LOOKED_UP + refused.len() as u64);
    let mut pending = pending.await?;
    pending.retain(|one| !refused.contains(&one.content));
    let mut has_worked = false;
    for batch in pending.chunks(TEXTS) {
        let vectors = embed(dense, batch, refused).await?;
        if !vectors.is_empty() {
            inner.truth.add_embeddings(dense.revision(), vectors).await?;
        }
        has_worked = true;
        bring_up(inner, dense).await?;
    }
    Ok(bring_up(inner, dense).await? || has_worked)
}

/// The vectors of a batch; what the model refuses is asked one by one and remembered.
async fn embed(
    dense: &Dense,
    batch: &[Pending],
    refused: &mut HashSet<[u8; 32]>,
) -> Result<Vec<([u8; 32], Vec<f32>)>, IndexError> {
    let texts: Vec<String> = batch.iter().map(|one| one.text.clone()).collect();
    match dense.embedder.embed(&texts, Kind::Passage).await {
        Ok(embedded) => {
            let named = batch.iter().map(|one| one.content).zip(embedded.vectors);
            Ok(named.collect())
        }
        Err(EmbedError::Overloaded { retry_after_ms }) => {
            tokio::time::sleep(Duration::from_millis(retry_after_ms.clamp(10, 60_000))).await;
            Ok(Vec::new())
        }
        Err(error) if error.is_passing() => Err(IndexError::Vectors(error.to_string())),
        Err(_) if batch.len() > 1 => {
            let mut vectors = Vec::new();
            for one in batch {
                vectors.extend(Box::pin(embed(dense, std::slice::from_ref(one), refused)).await?);
            }
            Ok(vectors)
        }
        Err(error) => {
            tracing::warn!(error = %error, "the model refuses a passage; words find it");
            refused.extend(batch.iter().map(|one| one.content));
            dense.refused.store(refused.len() as u64, Ordering::Relaxed);
            Ok(Vec::new())
        }
    }
}

/// Takes over what the truth has and the store has not; false when that was nothing.
async fn bring_up(inner: &Inner, dense: &Dense) -> Result<bool, IndexError> {
    let _one_at_a_time = dense.taking_over.lock().await;
    let mut has_moved = false;
    loop {
        let after = dense.store.watermark();
        if inner.truth.seq() <= after {
            break;
        }
        let (puts, gone, upto) = inner.truth.vector_changes(dense.revision(), after, BATCH).await?;
        if upto <= after {
            break;
        }
        let store = Arc::clone(&dense.store);
        has_moved |= !(puts.is_empty() && gone.is_empty());
        failpoint::reached("index.before-vectors");
        blocking(move || {
            let records: Vec<VectorRecord> = puts
                .into_iter()
                .map(|put| VectorRecord {
                    id: put.id,
                    vector: put.vector,
                    attributes: put.attributes,
                })
                .collect();
            // First what is gone, under the old number: the new one tells that all of this write is here.
            if !gone.is_empty() {
                store.delete(&gone, after)?;
            }
            failpoint::reached("index.between-vectors");
            store.upsert(&records, upto)?;
            store.flush()
        })
        .await?;
        failpoint::reached("index.after-vectors");
        if dense.store.watermark() < upto {
            return Err(IndexError::Vectors("the store of vectors does not follow".to_owned()));
        }
    }
    Ok(has_moved)
}

/// Every passage that the store shows.
pub(super) fn ids(store: &dyn VectorStore, dims: usize) -> Result<Vec<ChunkId>, IndexError> {
    let live = usize::try_from(store.stats()?.live).unwrap_or(usize::MAX);
    if live == 0 {
        return Ok(Vec::new());
    }
    let query = vec![1.0; dims];
    let found = store.search(&query, live + 1, &crate::Filter::default(), vectors::Mode::Exact)?;
    let mut ids: Vec<ChunkId> = found.into_iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    Ok(ids)
}
