//! Waiting for a tree to change. What changed exactly is not asked: a pass finds that out, and a pass over an unchanged
//! tree is cheap. So a lost event costs time, never a document.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use repolens::scan::{ScanError, ScanOptions, scan};

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// A tree counts as changed when nothing more happened for so long.
    pub quiet: Duration,
    /// A tree in which something happens all the time is looked at this often.
    pub longest: Duration,
    /// How often it is looked at where the system tells nothing.
    pub poll: Duration,
    /// Most folders to watch; a larger tree is polled.
    pub folders_max: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(250),
            longest: Duration::from_secs(3),
            poll: Duration::from_secs(5),
            folders_max: 20_000,
        }
    }
}

/// How changes are noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// The system tells.
    Events,
    /// The tree is looked at every [`WatchOptions::poll`], for this reason.
    Polling(String),
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something changed.
    Changed,
    /// More changed than the system could tell.
    Overflow,
    /// It is time to look.
    Poll,
    /// Nothing happened.
    TimedOut,
}

/// A tree that is watched. Folders that a pass would not enter are not watched.
pub struct Watch {
    root: PathBuf,
    options: WatchOptions,
    mode: WatchMode,
    watcher: Option<RecommendedWatcher>,
    events: Receiver<Signal>,
    overflow: Arc<AtomicBool>,
    folders: BTreeSet<PathBuf>,
}

enum Signal {
    Changed,
    Rescan,
    Failed(String),
}

/// Events that wait to be taken; more are an overflow.
const WAITING: usize = 1024;

impl Watch {
    /// Begins to watch. Where the system cannot, the tree is polled; [`Watch::mode`] says so.
    ///
    /// # Errors
    /// The root cannot be scanned.
    pub fn open(root: &Path, options: WatchOptions) -> Result<Self, ScanError> {
        let (send, events) = sync_channel(WAITING);
        let overflow = Arc::new(AtomicBool::new(false));
        let full = Arc::clone(&overflow);
        let watcher = notify::recommended_watcher(move |event| tell(event, &send, &full));
        let (watcher, mode) = match watcher {
            Ok(watcher) => (Some(watcher), WatchMode::Events),
            Err(error) => (None, WatchMode::Polling(said(&error))),
        };
        let root = root.to_owned();
        let mut watch =
            Self { root, options, mode, watcher, events, overflow, folders: BTreeSet::new() };
        watch.follow()?;
        Ok(watch)
    }

    /// How changes are noticed.
    #[must_use]
    pub fn mode(&self) -> &WatchMode {
        &self.mode
    }

    /// Watches the folders that are new and lets go of those that are gone; to be called after every pass.
    ///
    /// # Errors
    /// The root cannot be scanned.
    pub fn follow(&mut self) -> Result<(), ScanError> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        let folders = folders(&self.root)?;
        if folders.len() > self.options.folders_max {
            let reason = format!(
                "{} folders are more than the {} that are watched",
                folders.len(),
                self.options.folders_max
            );
            self.poll_from_now_on(reason);
            return Ok(());
        }
        for gone in self.folders.difference(&folders) {
            // The system has let go of it already.
            let _gone = watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It went away meanwhile, and its parent told so.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                Err(error) => {
                    let reason = said(&error);
                    self.poll_from_now_on(reason);
                    return Ok(());
                }
            }
        }
        self.folders = folders;
        Ok(())
    }

    /// Waits until the tree changed and has come to rest, or until the time is over.
    pub fn next(&mut self, timeout: Duration) -> Wake {
        if let WatchMode::Polling(_) = self.mode {
            if timeout < self.options.poll {
                std::thread::sleep(timeout);
                return Wake::TimedOut;
            }
            std::thread::sleep(self.options.poll);
            return Wake::Poll;
        }
        let mut wake = Wake::Changed;
        let mut deadline = Instant::now() + timeout;
        let mut last: Option<Instant> = None;
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(wait) {
                Ok(Signal::Changed) => {}
                Ok(Signal::Rescan) => wake = Wake::Overflow,
                Ok(Signal::Failed(reason)) => {
                    self.poll_from_now_on(reason);
                    return Wake::Overflow;
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    self.poll_from_now_on("the watcher ended".to_owned());
                    return Wake::Overflow;
                }
            }
            let first = *last.get_or_insert_with(Instant::now);
            let quiet = Instant::now() + self.options.quiet;
            deadline = quiet.min(first + self.options.longest);
        }
        if self.overflow.swap(false, Ordering::Relaxed) {
            return Wake::Overflow;
        }
        if last.is_some() { wake } else { Wake::TimedOut }
    }

    fn poll_from_now_on(&mut self, reason: String) {
        self.watcher = None;
        self.folders.clear();
        self.mode = WatchMode::Polling(reason);
    }
}

/// Hands an event on without ever waiting.
fn tell(event: notify::Result<Event>, send: &SyncSender<Signal>, overflow: &AtomicBool) {
    let signal = match event {
        Ok(event) if event.need_rescan() => Signal::Rescan,
        Ok(event) => match event.kind {
            // Reading is no change.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Signal::Changed,
            EventKind::Access(_) => return,
            _ => Signal::Changed,
        },
        Err(error) => Signal::Failed(said(&error)),
    };
    if let Err(TrySendError::Full(_)) = send.try_send(signal) {
        overflow.store(true, Ordering::Relaxed);
    }
}

/// An error without paths.
fn said(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the system watches no more folders".to_owned(),
        notify::ErrorKind::Io(error) => format!("the system does not watch: {}", error.kind()),
        _ => "the system does not watch".to_owned(),
    }
}

/// The folders that hold what a pass reads.
fn folders(root: &Path) -> Result<BTreeSet<PathBuf>, ScanError> {
    use std::os::unix::ffi::OsStrExt as _;
    let snapshot = scan(&[root.to_owned()], &ScanOptions::default())?;
    let mut folders = BTreeSet::from([root.to_owned()]);
    for file in snapshot.repos.iter().flat_map(|repo| &repo.files) {
        let raw = file.raw_path();
        let path = Path::new(std::ffi::OsStr::from_bytes(&raw));
        for folder in path.ancestors().skip(1) {
            if !folders.insert(root.join(folder)) {
                break;
            }
        }
    }
    Ok(folders)
}
