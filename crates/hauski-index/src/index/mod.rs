//! The index as the house uses it: one truth, a text index and vectors that follow it, one search over all.

mod cite;
mod decide;
mod dense;
mod erase;
mod error;
mod follow;
mod related;
mod search;
mod sources;
mod upkeep;
mod upsert;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use contracts::hauski::index::Looking;
use redact::Redactor;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::embed::Embedder;
use crate::text::TextIndex;
use crate::trust::Weighting;
use crate::truth::Truth;
use dense::Dense;
pub use error::IndexError;
pub use sources::NewSource;
pub use upsert::Line;

/// How long a request waits for the text index when the daemon has just started.
const PATIENCE: Duration = Duration::from_secs(20);

/// What tells the time: milliseconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How an index is opened.
#[derive(Clone)]
pub struct IndexOptions {
    /// What scores are multiplied with.
    pub weighting: Weighting,
    /// Where the weights come from: `built-in`, or names of files.
    pub weighting_source: String,
    /// Milliseconds that a search may take; reports name it.
    pub budget_ms: u64,
    /// What tells the time.
    pub clock: Clock,
    /// Masks secrets in what is put; absent where the caller has done that.
    pub mask: Option<Redactor>,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            weighting: Weighting::default(),
            weighting_source: "built-in".to_owned(),
            budget_ms: 60,
            clock: Arc::new(|| jiff::Timestamp::now().as_millisecond()),
            mask: None,
        }
    }
}

/// The open index; clones are the same one. One process at a time has it open.
#[derive(Clone)]
pub struct Index(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) truth: Truth,
    pub(crate) options: IndexOptions,
    home: PathBuf,
    /// Nothing until it is open; then the index, or why there is none.
    text: watch::Sender<Option<Result<Arc<TextIndex>, String>>>,
    /// Up to which write the text index shows everything.
    text_seen: watch::Sender<u64>,
    orders: mpsc::Sender<follow::Order>,
    dense: RwLock<Models>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// What rewrites files goes one after the other.
    rewriting: tokio::sync::Mutex<()>,
    /// So do looks at sources.
    passing: tokio::sync::Mutex<()>,
    /// How far each of them is.
    looking: Mutex<BTreeMap<String, Looking>>,
    /// Ends them early.
    cancel: AtomicBool,
    /// Counts sources that come and go.
    sources_changed: watch::Sender<u64>,
}

/// The model that answers, and the one whose vectors are still being computed.
#[derive(Default)]
struct Models {
    serving: Option<Arc<Dense>>,
    coming: Option<Arc<Dense>>,
}

impl Index {
    /// Opens the index of this home within a runtime. The database is open when this returns; the text index is opened and
    /// brought up to date beside whatever follows, and a search waits for it.
    ///
    /// # Errors
    /// The database cannot be used; nothing that was there is changed then.
    pub async fn open(home: &Path, options: IndexOptions) -> Result<Self, IndexError> {
        let faults = options.weighting.faults();
        if !faults.is_empty() {
            return Err(IndexError::invalid("weighting", faults.join("; ")));
        }
        let truth = Truth::open(home).await?;
        let (orders, waiting) = mpsc::channel(16);
        let inner = Arc::new(Inner {
            truth,
            options,
            home: home.to_owned(),
            text: watch::Sender::new(None),
            text_seen: watch::Sender::new(0),
            orders,
            dense: RwLock::default(),
            stop: watch::Sender::new(false),
            tasks: Mutex::default(),
            rewriting: tokio::sync::Mutex::default(),
            passing: tokio::sync::Mutex::default(),
            looking: Mutex::default(),
            cancel: AtomicBool::new(false),
            sources_changed: watch::Sender::new(0),
        });
        let follower = tokio::spawn(follow::text(Arc::clone(&inner), waiting));
        inner.keep(follower);
        Ok(Self(inner))
    }

    /// Lets this model make vectors from now on. The first one answers at once with what it has; a later one takes the
    /// place of the one before when every passage has its vector, and until then the old vectors answer.
    ///
    /// # Errors
    /// Its vectors cannot be opened.
    pub async fn set_embedder(&self, embedder: Arc<dyn Embedder>) -> Result<(), IndexError> {
        dense::set(&self.0, embedder).await
    }

    /// Takes the models away: searches go by words, and say so. What was computed stays.
    pub fn unset_embedder(&self) {
        let mut models = self.0.models_mut();
        for dense in [models.serving.take(), models.coming.take()].into_iter().flatten() {
            dense.end();
        }
    }

    /// Commits what waits, ends every task and closes all files.
    pub async fn close(&self) {
        self.0.stop.send_replace(true);
        self.0.cancel.store(true, Ordering::Relaxed);
        drop(self.0.passing.lock().await);
        let tasks = {
            let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        for task in tasks {
            // A task that panicked has said so already.
            let _ = task.await;
        }
        *self.0.models_mut() = Models::default();
        let text = self.0.text.send_replace(None);
        // It waits for its merges.
        let _ = tokio::task::spawn_blocking(move || drop(text)).await;
        self.0.truth.close().await;
    }

    /// The database below, for what the facade does not wrap.
    pub fn truth(&self) -> &Truth {
        &self.0.truth
    }

    /// The time by the index's clock, in milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    /// Returns when searches see this write, or after the time has run out: then false.
    pub async fn wait_until_seen(&self, seq: u64, patience: Duration) -> bool {
        let mut seen = self.0.text_seen.subscribe();
        let text = tokio::time::timeout(patience, seen.wait_for(|seen| *seen >= seq)).await;
        matches!(text, Ok(Ok(_)))
    }

    /// Returns when every passage has a vector of the model that was set last, or false after the time has run out or
    /// where there is no model.
    pub async fn wait_until_embedded(&self, patience: Duration) -> bool {
        let models = || {
            let models = self.0.models();
            models.coming.clone().or_else(|| models.serving.clone())
        };
        let Some(dense) = models() else { return false };
        let seq = self.0.truth.seq();
        let mut seen = dense.complete_at.subscribe();
        let whole = tokio::time::timeout(patience, seen.wait_for(|at| *at >= seq)).await;
        matches!(whole, Ok(Ok(_)))
    }
}

impl Inner {
    pub(crate) fn now_ms(&self) -> i64 {
        (self.options.clock)()
    }

    /// Where the words are.
    fn text_folder(&self) -> PathBuf {
        self.home.join("vector").join("text")
    }

    /// The text index as soon as it is open.
    async fn text(&self) -> Result<Arc<TextIndex>, IndexError> {
        let mut opened = self.text.subscribe();
        let found = tokio::time::timeout(PATIENCE, opened.wait_for(Option::is_some)).await;
        match found {
            Ok(Ok(found)) => match &*found {
                Some(Ok(text)) => Ok(Arc::clone(text)),
                Some(Err(error)) => Err(IndexError::Text(error.clone())),
                None => Err(IndexError::Text("the text index is closing".to_owned())),
            },
            _ => Err(IndexError::Text("the text index is still being opened".to_owned())),
        }
    }

    fn models(&self) -> std::sync::RwLockReadGuard<'_, Models> {
        self.dense.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn models_mut(&self) -> std::sync::RwLockWriteGuard<'_, Models> {
        self.dense.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model that answers.
    fn serving(&self) -> Option<Arc<Dense>> {
        self.models().serving.clone()
    }

    fn keep(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

/// Runs what blocks on a thread of its own.
async fn blocking<T: Send + 'static, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, IndexError>
where
    E: Into<IndexError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await?.map_err(Into::into)
}
