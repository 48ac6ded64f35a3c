//! Follows working copies: waits until something below them changes and has come to rest, and says which
//! of the listed files it was. Only folders that a scan enters are watched; while nothing happens, nothing runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::model::{Kind, SkipReason, Snapshot, Stamp};

/// Changes have come to rest when there were none for so long.
pub const REST: Duration = Duration::from_millis(100);

/// Where changes never come to rest, a look is taken after so long.
pub const RESTLESS: Duration = Duration::from_secs(2);

/// Where nothing tells of changes, a look is taken this often.
pub const POLL: Duration = Duration::from_secs(2);

/// A file that changed so shortly before the look at it may change once more without showing it: clocks
/// of file systems tick.
pub const TICK: Duration = Duration::from_millis(20);

/// Tells that something changed in the folders of a snapshot.
#[derive(Debug)]
pub struct Watch {
    /// Nothing where the system does not tell of changes (any more).
    watcher: Option<RecommendedWatcher>,
    events: Receiver<()>,
    folders: BTreeSet<PathBuf>,
    /// Why there is no watcher, once it is known.
    fault: Option<String>,
}

impl Watch {
    /// A watch over nothing yet.
    pub fn new() -> Self {
        let (told, events) = channel();
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_look =
                event.is_ok_and(|event| matches!(event.kind, notify::EventKind::Access(_)));
            if !is_look {
                // Nobody waits any more when the watch is gone.
                let _gone = told.send(());
            }
        });
        let (watcher, fault) = match made {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { watcher, events, folders: BTreeSet::new(), fault }
    }

    /// Watches the folders of this snapshot and no others. Says once why it cannot, and then looks
    /// every [`POLL`] instead.
    pub fn follow(&mut self, snapshot: &Snapshot) -> Option<String> {
        let folders: BTreeSet<PathBuf> = { snapshot.repos.iter() }
            .flat_map(|repo| repo.folders.iter().map(|folder| repo.root.join(folder)))
            .chain(snapshot.repos.iter().map(|repo| repo.root.join(".git/info")))
            .collect();
        if let Some(watcher) = &mut self.watcher {
            for gone in self.folders.difference(&folders) {
                // A folder that was removed took its watch along.
                let _gone = watcher.unwatch(gone);
            }
            for new in folders.difference(&self.folders) {
                match watcher.watch(new, RecursiveMode::NonRecursive) {
                    // What vanished meanwhile is seen at the next look.
                    Ok(()) => {}
                    Err(error) if is_missing(&error, new) => {}
                    Err(error) => {
                        self.fault = Some(error.to_string());
                        break;
                    }
                }
            }
        }
        self.folders = folders;
        let fault = self.fault.take()?;
        self.watcher = None;
        Some(format!("changes are looked for every {} s: {fault}", POLL.as_secs()))
    }

    /// Waits until something changed and has come to rest.
    pub fn wait(&self) {
        if self.watcher.is_none() {
            std::thread::sleep(POLL);
            return;
        }
        if self.events.recv().is_err() {
            std::thread::sleep(POLL);
            return;
        }
        let last = Instant::now() + RESTLESS;
        while Instant::now() < last {
            match self.events.recv_timeout(REST) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        // What is still in the queue is seen by the look that follows.
        while self.events.try_recv().is_ok() {}
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

fn is_missing(error: &notify::Error, folder: &Path) -> bool {
    matches!(error.kind, notify::ErrorKind::PathNotFound) || !folder.exists()
}

/// What a look at a snapshot saw of every listed file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct State {
    files: BTreeMap<(String, String), Seen>,
    skipped: BTreeSet<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    size: u64,
    stamp: Stamp,
    kind: Kind,
    /// Whether it may have changed since without showing it.
    racy: bool,
}

/// Which listed files differ between two looks, as `repository/path`, sorted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Listed now, not before.
    pub added: Vec<String>,
    /// Listed before, not now.
    pub removed: Vec<String>,
    /// Listed both times, with other bytes or of another kind.
    pub changed: Vec<String>,
    /// What is left out is something else; the counts of the merge change.
    pub left_out: bool,
}

impl Changes {
    /// Whether a merge would be the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `3 changed: a, b, c; 1 added: d`, with at most five names of each.
    pub fn told(&self) -> String {
        let lists =
            [("changed", &self.changed), ("added", &self.added), ("removed", &self.removed)];
        let mut words: Vec<String> = { lists.iter() }
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| {
                let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
                let more = if names.len() > shown.len() { ", …" } else { "" };
                format!("{} {what}: {}{more}", names.len(), shown.join(", "))
            })
            .collect();
        if words.is_empty() && self.left_out {
            words.push("other files are left out now".to_owned());
        }
        words.join("; ")
    }
}

impl State {
    /// The state of a snapshot that was taken not before `began`.
    pub fn of(snapshot: &Snapshot, began: SystemTime) -> Self {
        let since_1970 = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as i64)
        };
        let tick_ns = TICK.as_nanos() as i64;
        // Who sets back a clock or writes from another machine has files from the future; they rest, too.
        let moment = since_1970(began) - tick_ns..=since_1970(SystemTime::now()) + tick_ns;
        let mut state = Self::default();
        for repo in &snapshot.repos {
            let key = |path: &str| (repo.name.clone(), path.to_owned());
            for file in &repo.files {
                // Every change sets this time, whatever becomes of the other one.
                let racy = moment.contains(&file.stamp.ctime_ns);
                let seen =
                    Seen { size: file.size, stamp: file.stamp, kind: file.kind.clone(), racy };
                state.files.insert(key(&file.path), seen);
            }
            // The merge that a watch writes into the working copy is no news.
            let foreign = repo.skipped.iter().filter(|one| one.reason != SkipReason::OwnOutput);
            state.skipped.extend(foreign.map(|skipped| key(&skipped.path)));
        }
        state
    }

    /// Whether a file changed so lately that this state may be that of two different contents.
    pub fn is_racy(&self) -> bool {
        self.files.values().any(|seen| seen.racy)
    }

    /// What changed since an earlier look.
    pub fn since(&self, earlier: &Self) -> Changes {
        let name = |(repo, path): &(String, String)| format!("{repo}/{path}");
        let mut changes =
            Changes { left_out: self.skipped != earlier.skipped, ..Changes::default() };
        for (key, now) in &self.files {
            match earlier.files.get(key) {
                None => changes.added.push(name(key)),
                Some(before) => {
                    let same = (before.size, before.stamp) == (now.size, now.stamp)
                        && before.kind == now.kind
                        && !before.racy;
                    if !same {
                        changes.changed.push(name(key));
                    }
                }
            }
        }
        let gone = earlier.files.keys().filter(|key| !self.files.contains_key(*key));
        changes.removed = gone.map(name).collect();
        changes
    }
}
