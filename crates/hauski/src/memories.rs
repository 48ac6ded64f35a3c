//! The memory's items in the daemon: one connection, uses counted in memory and written now and then, collection.
//!
//! Other processes write the same database at the same time; SQLite queues them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use memory::{Access, Home, Rules, Store, StoreError};
use redact::Redactor;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::server::error::{ApiError, Code};
use crate::settings::Settings;
use crate::state::AppState;

/// How long a use may wait to be written, and how often what has ended is collected.
const PACE: Duration = Duration::from_secs(30);

/// The memory of this home.
#[derive(Default)]
pub(crate) struct Memories {
    store: AsyncMutex<Option<Store>>,
    used: Mutex<BTreeMap<String, u32>>,
    last: Mutex<Option<Instant>>,
}

/// The open store, for one caller at a time.
pub(crate) struct Open<'a>(MutexGuard<'a, Option<Store>>);

impl Open<'_> {
    /// The store itself.
    pub(crate) fn store(&mut self) -> Result<&mut Store, ApiError> {
        let missing = || ApiError::new(Code::NotFound, "There is no memory yet.");
        self.0.as_mut().ok_or_else(missing)
    }
}

impl Memories {
    /// The store, opened and made at its first use.
    pub(crate) async fn open(&self, settings: &Settings) -> Result<Open<'_>, ApiError> {
        let mut store = self.store.lock().await;
        if store.is_none() {
            *store = Some(open(settings).await.map_err(refused)?);
        }
        Ok(Open(store))
    }

    /// Notes that an item was shown.
    pub(crate) fn note_use(&self, id: &str) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used.entry(id.to_owned()).or_default() += 1;
    }
}

/// Opens the memory of the daemon's home.
pub(crate) async fn open(settings: &Settings) -> Result<Store, StoreError> {
    let home = Home::at(&settings.home);
    let mask = Redactor::new(home.mask_key()?);
    Store::open(&home, Access::Write, mask).await
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The rules in force.
pub(crate) fn rules(state: &AppState) -> Rules {
    Rules::of(&state.policies.load().memory)
}

/// What the store says, in the shape of all errors.
pub(crate) fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::Invalid { what, reason } => {
            ApiError::new(Code::InvalidValue, format!("{what}: {reason}.")).param(what)
        }
        error => ApiError::internal(&error),
    }
}

/// Writes what was used and collects what has ended; at most every half minute, unless it is the last time.
pub(crate) async fn upkeep(state: &AppState, is_last: bool) {
    let memories = &state.memories;
    {
        let mut last = memories.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_last && last.is_some_and(|last| last.elapsed() < PACE) {
            return;
        }
        *last = Some(Instant::now());
    }
    if !Home::at(&state.settings.home).database().exists() {
        return;
    }
    if let Err(error) = tend(state).await {
        let error = crate::exit::with_causes(&error);
        tracing::warn!(error, "the memory could not be tended; it is tried again");
    }
}

async fn tend(state: &AppState) -> Result<(), StoreError> {
    let memories = &state.memories;
    let used = std::mem::take(&mut *memories.used.lock().unwrap_or_else(PoisonError::into_inner));
    let ids: Vec<String> =
        used.into_iter().flat_map(|(id, count)| vec![id; count.min(1000) as usize]).collect();
    let (rules, now_ms) = (rules(state), now_ms());
    let mut guard = memories.store.lock().await;
    if guard.is_none() {
        *guard = Some(open(&state.settings).await?);
    }
    let Some(store) = guard.as_mut() else { return Ok(()) };
    let promoted = store.use_items(&ids, &rules, now_ms).await?;
    let (expired, evicted) = store.collect_items(&rules, now_ms).await?;
    if expired + evicted + promoted.len() as u64 > 0 {
        tracing::info!(expired, evicted, promoted = promoted.len(), "tended the memory");
    }
    let counts = store.item_counts(now_ms).await?;
    state.metrics.memory_items(counts.pinned, counts.unpinned);
    state.metrics.memory_evictions(expired, evicted);
    Ok(())
}
