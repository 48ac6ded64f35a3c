//! A pass over a repository, a folder or a vault: what changed since the last one is read, masked and cut by several
//! threads, and comes out in the order of the paths.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use repolens::model::File;
use repolens::scan::beneath::Root;
use repolens::scan::{ScanError, ScanOptions, scan};

use super::document::{Change, Document, Known, Seen, Trust};
use super::read::{Outcome, Reader};
use super::skip::{Skip, before_reading, of_entry};
use crate::chunk::{CHUNKER_VERSION, ChunkOptions};

/// What a tree of files is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeKind {
    /// A working copy: generated, vendored and pinned files are left out.
    Repo,
    /// Any folder.
    Folder,
    /// Notes with front matter, tags and links between them.
    Vault,
    /// Conversations, one a file: JSON lines of `role`, `content` and `at`.
    Conversations,
}

impl TreeKind {
    /// [`super::SourceRef::origin`].
    #[must_use]
    pub fn origin(self) -> &'static str {
        match self {
            Self::Repo => "repo",
            Self::Folder => "folder",
            Self::Vault => "vault",
            Self::Conversations => "conversation",
        }
    }
}

/// A tree to read.
#[derive(Clone, Debug)]
pub struct Tree {
    /// `repo:<name>` or `folder:<name>`.
    pub collection: String,
    /// Where it lies.
    pub root: PathBuf,
    /// What it is.
    pub kind: TreeKind,
    /// How far it is to be believed.
    pub trust: Trust,
}

/// How to read it.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// How to cut.
    pub chunk: ChunkOptions,
    /// Threads; 0 is one for every core.
    pub threads: usize,
    /// Of a larger file only the beginning is read, and the rest is counted. In bytes, default 4 MiB.
    pub window_bytes: usize,
    /// Reads generated, vendored, minified and pinned files too.
    pub everything: bool,
}

impl Default for PassOptions {
    fn default() -> Self {
        Self {
            chunk: ChunkOptions::default(),
            threads: 0,
            window_bytes: 4 << 20,
            everything: false,
        }
    }
}

/// Hears how far a pass is, from the thread that started it.
pub trait Progress {
    /// `done` of `total` files are read, `bytes` so far. Called once before the first file.
    fn step(&mut self, done: u64, total: u64, bytes: u64);
}

impl Progress for () {
    fn step(&mut self, _: u64, _: u64, _: u64) {}
}

/// What a pass needs from outside.
pub struct Pass<'a> {
    /// What earlier passes saw.
    pub known: &'a dyn Known,
    /// The time, in nanoseconds since 1970.
    pub now_ns: &'a (dyn Fn() -> i64 + Sync),
    /// Set by anybody to end the pass early; what came out until then holds.
    pub cancel: &'a AtomicBool,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that may hold text.
    pub files: u64,
    /// Of them: taken for unchanged without being read.
    pub unchanged: u64,
    /// Read again, and the same.
    pub touched: u64,
    /// New or changed.
    pub put: u64,
    /// Of them: under another path before.
    pub moved: u64,
    /// Gone.
    pub removed: u64,
    /// Passages of what is new or changed.
    pub chunks: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Secrets that were masked.
    pub masked: u64,
    /// Files of which only the beginning is in the index.
    pub cut_files: u64,
    /// Bytes of them that are not.
    pub left_out_bytes: u64,
    /// What gave no document, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// What the scan has to say, such as an ignore file that was too large.
    pub notes: Vec<String>,
    /// Whether it was ended early.
    pub cancelled: bool,
}

/// Why a pass cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The tree cannot be scanned.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Its root cannot be opened.
    #[error("cannot open `{}`", root.display())]
    Root {
        /// The root.
        root: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Whoever takes the changes failed.
    #[error("the changes could not be taken")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Takes changes, in order.
pub type Sink<'s> = dyn FnMut(Change) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + 's;

/// Compares a tree with what is known of it. Puts come in the order of their paths, removals last.
///
/// # Errors
/// The root cannot be read, or `sink` failed; what it took before that holds.
pub fn pass(
    tree: &Tree,
    options: &PassOptions,
    pass: &Pass<'_>,
    progress: &mut dyn Progress,
    sink: &mut Sink<'_>,
) -> Result<Report, IngestError> {
    let scan_options = ScanOptions { threads: options.threads, ..ScanOptions::default() };
    let snapshot = scan(std::slice::from_ref(&tree.root), &scan_options)?;
    let mut report = Report::default();
    let mut files = Vec::new();
    for repo in snapshot.repos {
        for skipped in &repo.skipped {
            *report.skipped.entry(of_entry(skipped.reason)).or_default() += 1;
        }
        report.notes.extend(repo.notes);
        files.extend(repo.files);
    }
    let collection = tree.collection.as_str();
    let mut gone: BTreeSet<String> = pass.known.doc_ids(collection).into_iter().collect();
    let mut changed: Vec<(File, Option<Seen>)> = Vec::new();
    for file in files {
        let overruled = options.everything || tree.kind != TreeKind::Repo;
        match before_reading(&file, tree.kind).filter(|skip| !(overruled && is_choice(*skip))) {
            Some(skip) => *report.skipped.entry(skip).or_default() += 1,
            None => {
                report.files += 1;
                let known = pass.known.file(collection, &file.path);
                if known.is_some_and(|known| known.vouches_for(&state(&file))) {
                    gone.remove(&file.path);
                    report.unchanged += 1;
                } else {
                    changed.push((file, known));
                }
            }
        }
    }
    let root = Root::open(&tree.root)
        .map_err(|source| IngestError::Root { root: tree.root.clone(), source })?;
    let listed: BTreeSet<&str> = changed.iter().map(|(file, _)| file.path.as_str()).collect();
    // What is gone already may be what is new under another name.
    let mut by_hash: HashMap<[u8; 32], String> = HashMap::new();
    for doc_id in gone.iter().filter(|doc_id| !listed.contains(doc_id.as_str())) {
        if let Some(hash) = pass.known.hash(collection, doc_id) {
            by_hash.entry(hash).or_insert_with(|| doc_id.clone());
        }
    }
    let total = changed.len() as u64;
    progress.step(0, total, 0);
    let reader = Reader { root: &root, options, now_ns: pass.now_ns };
    let queue = Queue::new(changed.len(), pass.cancel);
    let threads = threads(options.threads).min(changed.len().max(1));
    let outcome = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| queue.work(|at| reader.read(&changed[at].0, tree)));
        }
        let mut taken = || -> Result<(), IngestError> {
            for (at, (file, known)) in changed.iter().enumerate() {
                let Some(outcome) = queue.take(at) else { break };
                let doc_id = &file.path;
                match outcome {
                    Outcome::Skipped(skip, bytes) => {
                        report.bytes += bytes;
                        *report.skipped.entry(skip).or_default() += 1;
                        if skip == Skip::Changed {
                            // It is there; the next pass reads it.
                            gone.remove(doc_id);
                        }
                    }
                    Outcome::Read(mut document) => {
                        gone.remove(doc_id);
                        let size = document.file.map_or(0, |seen| seen.size);
                        report.bytes += size.saturating_sub(document.left_out_bytes);
                        let change = match (known, document.file) {
                            (Some(known), Some(seen)) if same(known, &document) => {
                                report.touched += 1;
                                let collection = tree.collection.clone();
                                Change::Touch { collection, doc_id: doc_id.clone(), seen }
                            }
                            _ => {
                                document.moved_from = by_hash.remove(&document.hash);
                                report.count(&document);
                                Change::Put(document)
                            }
                        };
                        sink(change).map_err(IngestError::Sink)?;
                    }
                }
                progress.step(at as u64 + 1, total, report.bytes);
            }
            Ok(())
        };
        let outcome = taken();
        queue.stop();
        outcome
    });
    outcome?;
    if pass.cancel.load(Ordering::Relaxed) {
        report.cancelled = true;
        return Ok(report);
    }
    for doc_id in gone {
        report.removed += 1;
        let change = Change::Remove { collection: tree.collection.clone(), doc_id };
        sink(change).map_err(IngestError::Sink)?;
    }
    Ok(report)
}

impl Report {
    fn count(&mut self, document: &Document) {
        self.put += 1;
        self.moved += u64::from(document.moved_from.is_some());
        self.chunks += document.chunks.len() as u64;
        self.masked += document.masked;
        self.cut_files += u64::from(document.left_out_bytes > 0);
        self.left_out_bytes += document.left_out_bytes;
    }
}

/// Whether a reason is one of taste, which a person can overrule.
fn is_choice(skip: Skip) -> bool {
    matches!(skip, Skip::Lockfile | Skip::Generated | Skip::Vendored | Skip::Minified)
}

fn state(file: &File) -> Seen {
    let stamp = file.stamp;
    Seen {
        size: file.size,
        mtime_ns: stamp.mtime_ns,
        ctime_ns: stamp.ctime_ns,
        inode: stamp.inode,
        read_ns: 0,
        hash: [0; 32],
        chunker: CHUNKER_VERSION,
    }
}

fn same(known: &Seen, document: &Document) -> bool {
    known.hash == document.hash && known.chunker == CHUNKER_VERSION
}

fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
    .min(64)
}

/// How many files may be read before the one that is to come out next.
const AHEAD: usize = 128;

/// Work in order: results come out as their numbers go, and nobody runs far ahead of the slowest.
struct Queue<'c, T> {
    next: AtomicUsize,
    count: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
    cancel: &'c AtomicBool,
}

struct State<T> {
    ready: BTreeMap<usize, T>,
    taken: usize,
    stopped: bool,
    workers: usize,
}

impl<'c, T> Queue<'c, T> {
    fn new(count: usize, cancel: &'c AtomicBool) -> Self {
        let state = State { ready: BTreeMap::new(), taken: 0, stopped: false, workers: 0 };
        Self {
            next: AtomicUsize::new(0),
            count,
            state: Mutex::new(state),
            changed: Condvar::new(),
            cancel,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until nothing is left.
    fn work(&self, read: impl Fn(usize) -> T) {
        self.state().workers += 1;
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.count || !self.may_begin(at) {
                break;
            }
            let result = read(at);
            self.state().ready.insert(at, result);
            self.changed.notify_all();
        }
        self.state().workers -= 1;
        self.changed.notify_all();
    }

    /// Waits until few enough are ready. False when the pass ends.
    fn may_begin(&self, at: usize) -> bool {
        let mut state = self.state();
        while !state.stopped && at >= state.taken + AHEAD {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped && !self.cancel.load(Ordering::Relaxed)
    }

    /// The result of a number; nothing when the pass ends before it.
    fn take(&self, at: usize) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(result) = state.ready.remove(&at) {
                state.taken = at + 1;
                self.changed.notify_all();
                return (!self.cancel.load(Ordering::Relaxed)).then_some(result);
            }
            if state.stopped || self.cancel.load(Ordering::Relaxed) {
                return None;
            }
            // A worker that was lost notifies nobody; the pause is for it alone.
            let pause = std::time::Duration::from_millis(200);
            let (next, waited) =
                self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
            state = next;
            let begun = self.next.load(Ordering::Relaxed) > at;
            if waited.timed_out() && begun && state.workers == 0 && !state.ready.contains_key(&at) {
                return None;
            }
        }
    }

    fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }
}
