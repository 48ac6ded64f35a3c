//! Keeps sources up to date: one thread a source waits for its folder to change and looks at it then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::super::{Index, IndexError};
use crate::ingest::{Wake, Watch, WatchMode, WatchOptions};

/// How often a thread looks whether it is to end.
const LOOK: Duration = Duration::from_secs(5);
/// How often a folder is looked at where the system does not tell of changes, or where it is gone.
const POLL: Duration = Duration::from_secs(60);
/// A look that took a second is followed by four seconds of rest, however often the folder changes meanwhile.
const REST: u32 = 4;

impl Index {
    /// Keeps every source up to date until the index is closed: once at the beginning, then whenever its folder has
    /// changed and come to rest.
    pub async fn keep_sources(&self) {
        let (mut changed, mut stop) = (self.sources_changed(), self.0.stop.subscribe());
        // By name and folder: another folder may take over the name.
        let mut kept: BTreeMap<(String, PathBuf), Arc<AtomicBool>> = BTreeMap::new();
        loop {
            changed.mark_unchanged();
            if *stop.borrow() {
                break;
            }
            match self.sources().await {
                Ok(all) => {
                    let sources = all.sources.into_iter();
                    let folders: BTreeSet<(String, PathBuf)> = sources
                        .filter_map(|source| Some((source.name, source.root?.into())))
                        .collect();
                    kept.retain(|source, ended| {
                        let stays = folders.contains(source);
                        ended.store(!stays, Ordering::Relaxed);
                        stays
                    });
                    for source in folders {
                        kept.entry(source).or_insert_with_key(|(name, root)| self.keep(name, root));
                    }
                }
                Err(error) => tracing::error!(%error, "the sources cannot be read"),
            }
            tokio::select! {
                is_open = changed.changed() => if is_open.is_err() { break },
                _ = stop.changed() => {}
            }
        }
        for ended in kept.values() {
            ended.store(true, Ordering::Relaxed);
        }
    }

    fn keep(&self, name: &str, root: &Path) -> Arc<AtomicBool> {
        let ended = Arc::new(AtomicBool::new(false));
        let keeper = Keeper {
            index: self.clone(),
            runtime: Handle::current(),
            name: name.to_owned(),
            root: root.to_owned(),
            ended: Arc::clone(&ended),
        };
        let thread = std::thread::Builder::new().name("source".to_owned());
        if let Err(error) = thread.spawn(move || keeper.run()) {
            tracing::error!(%error, "a source is not watched");
        }
        ended
    }
}

struct Keeper {
    index: Index,
    runtime: Handle,
    name: String,
    root: PathBuf,
    ended: Arc<AtomicBool>,
}

impl Keeper {
    fn run(self) {
        let mut watch = None;
        while !self.is_over() {
            // The watch comes first, so that no change falls between it and the look.
            if watch.is_none() {
                watch = self.watch(&self.root);
            }
            let began = Instant::now();
            self.look();
            if watch.as_mut().is_some_and(|watch| watch.follow().is_err()) {
                watch = None;
            }
            self.pause((began.elapsed() * REST).min(POLL));
            self.wait(watch.as_mut());
        }
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || *self.index.0.stop.borrow()
    }

    fn watch(&self, root: &Path) -> Option<Watch> {
        let options = WatchOptions { poll: POLL, ..WatchOptions::default() };
        let watch = Watch::open(root, options).ok()?;
        if let WatchMode::Polling(why) = watch.mode() {
            tracing::info!(source = self.name, why, "a source is looked at every minute");
        }
        Some(watch)
    }

    fn look(&self) {
        match self.runtime.block_on(self.index.sync_source(&self.name)) {
            Ok(source) => {
                let Some(looked) = source.outcome else { return };
                if looked.put + looked.removed > 0 {
                    tracing::info!(
                        source = self.name,
                        put = looked.put,
                        moved = looked.moved,
                        removed = looked.removed,
                        passages = looked.chunks,
                        ms = looked.duration_ms,
                        "a source has changed"
                    );
                }
            }
            // It was removed, or the index is closing.
            Err(IndexError::NotFound { .. } | IndexError::Interrupted(_)) => {}
            Err(error) => {
                let error = error.to_string();
                tracing::warn!(source = self.name, error, "a source cannot be looked at");
            }
        }
    }

    /// Waits until there is a reason to look again.
    fn wait(&self, watch: Option<&mut Watch>) {
        let Some(watch) = watch else { return self.pause(POLL) };
        while !self.is_over() {
            let patience = match watch.mode() {
                WatchMode::Events => LOOK,
                WatchMode::Polling(_) => POLL,
            };
            if watch.next(patience) != Wake::TimedOut {
                return;
            }
        }
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}
