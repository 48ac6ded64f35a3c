//! The text index as others use it: apply, commit, search, compact.
//!
//! A change is analysed once, goes into the overlay (found from then on) and into tantivy's writer (durable with the next
//! commit). A commit carries the highest sequence number it holds, so its owner can replay the rest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{
    Directory, Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term,
};

use super::analysis::{Analyzer, Kind};
use super::language::Language;
use super::loaded::{Collections, Loaded};
use super::overlay::{Overlay, Pending};
use super::params::{TextFound, TextQuery};
use super::schema::{self, Analysed, Field, Fields};
use super::search::{self, View};
use crate::{Attributes, ChunkId};

/// Memory in which the writer gathers documents before it writes a segment.
const WRITER_BYTES: usize = 64 << 20;
/// Share of deleted documents from which on a segment is rewritten without being asked.
const DELETED_SHARE: f32 = 0.3;
/// Changes that are analysed before they are handed on, when many come at once.
const LOADED_TOGETHER: usize = 256;
/// The file that names the format.
const FORMAT_FILE: &str = "format";
/// How often and how long a compaction waits for searches that still read old files, and an opening for a lock that a child
/// of this process holds until it runs its own program.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// One change of the index.
#[derive(Clone, Debug, PartialEq)]
pub enum TextChange {
    /// A passage, new or instead of the one with this id.
    Put {
        /// Which passage.
        id: ChunkId,
        /// What filters look at.
        attributes: Attributes,
        /// Its header: path and scope, heading, subject. May be empty.
        title: String,
        /// Its text.
        text: String,
        /// How it is read.
        kind: Kind,
        /// Its collection's language, for a passage that does not show one.
        language: Option<Language>,
    },
    /// No such passage any more.
    Delete(ChunkId),
}

/// Why the text index cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The index or its files.
    #[error("the text index in {} failed", path.display())]
    Engine {
        /// Its folder.
        path: PathBuf,
        /// What the engine says.
        source: TantivyError,
    },
    /// A file or folder beside the engine's own.
    #[error("could not read or write {}", path.display())]
    Files {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Passages that [`TextIndex::load`] had taken over are lost with a write that failed. Open the index again and apply what the
    /// watermark does not cover.
    #[error("an earlier write of the text index in {} failed; open it again", path.display())]
    Broken {
        /// Its folder.
        path: PathBuf,
    },
    /// Files of deleted passages are still open somewhere.
    #[error(
        "{files} file(s) of the text index are still in use and keep deleted passages; compact it again"
    )]
    InUse {
        /// How many.
        files: usize,
    },
}

/// A damaged index that was put aside; an empty one stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now. A compaction removes it, since it may hold what was forgotten.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// How passages are analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// The language of all prose; by default each passage's own is told from its words. An index keeps what it was filled with:
    /// another choice needs a new one.
    pub language: Option<Language>,
}

/// Figures about the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStats {
    /// Passages that a search can find.
    pub passages: u64,
    /// Words in them, without function words.
    pub words: u64,
    /// Passages and deletions that wait for a commit.
    pub waiting: u64,
    /// Deleted passages whose terms are still on the disk.
    pub deleted: u64,
    /// Segments on the disk.
    pub segments: u64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// An operation on its way to tantivy.
enum Operation {
    Put(Arc<Pending>),
    Delete(u64),
}

struct Queue {
    operations: Vec<Operation>,
    /// Ids changed since the last commit.
    touched: Vec<u64>,
    applied: u64,
    /// Whether changes were loaded since the last commit: the overlay does not have them.
    loaded: bool,
}

struct State {
    loaded: Arc<Loaded>,
    overlay: Overlay,
    collections: Collections,
}

/// The index of all passages by their words. Share it freely: searches run beside each other and beside changes.
pub struct TextIndex {
    path: PathBuf,
    index: Index,
    fields: Fields,
    reader: IndexReader,
    state: RwLock<State>,
    analyzer: Mutex<Analyzer>,
    queue: Mutex<Queue>,
    writer: Mutex<Option<IndexWriter>>,
    committed: AtomicU64,
    /// Loaded changes were lost; see [`TextError::Broken`].
    lost: AtomicBool,
    set_aside: Option<SetAside>,
}

impl Drop for TextIndex {
    /// Waits for merges: they read mapped files, and what comes next may be an opening, a removal or a repair of those.
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = writer.map(IndexWriter::wait_merging_threads) {
            tracing::debug!(%error, "a merge ended early");
        }
    }
}

impl TextIndex {
    /// Opens the index in a folder, or makes an empty one. A damaged index and one of another format are moved aside: then
    /// [`TextIndex::set_aside`] says so, [`TextIndex::watermark`] is 0, and all passages are to be applied again.
    ///
    /// # Errors
    /// When the folder cannot be written, or another process has the index open.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        Self::open_with(path, TextOptions::default())
    }

    /// [`TextIndex::open`] with options.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(path: &Path, options: TextOptions) -> Result<Self, TextError> {
        let opened = Self::open_or_replace(path)?;
        lock(&opened.analyzer).forced = options.language;
        Ok(opened)
    }

    fn open_or_replace(path: &Path) -> Result<Self, TextError> {
        std::fs::create_dir_all(path).map_err(|source| files(path, source))?;
        match Self::open_whole(path) {
            Ok(opened) => Ok(opened),
            Err(TextError::Engine { source: source @ TantivyError::LockFailure(..), path }) => {
                Err(TextError::Engine { path, source })
            }
            Err(error) => {
                let reason = match std::error::Error::source(&error) {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                let aside = free_name(path);
                std::fs::rename(path, &aside).map_err(|source| files(path, source))?;
                std::fs::create_dir_all(path).map_err(|source| files(path, source))?;
                let mut opened = Self::open_whole(path)?;
                opened.set_aside = Some(SetAside { path: aside, reason });
                Ok(opened)
            }
        }
    }

    fn open_whole(path: &Path) -> Result<Self, TextError> {
        let failed = |source| TextError::Engine { path: path.to_owned(), source };
        let fields = Fields::new();
        let directory = MmapDirectory::open(path).map_err(|error| failed(error.into()))?;
        let format = path.join(FORMAT_FILE);
        let exists = Index::exists(&directory).map_err(|error| failed(error.into()))?;
        if exists {
            let found =
                std::fs::read_to_string(&format).map_err(|source| files(&format, source))?;
            if found.trim() != schema::FORMAT {
                let source = TantivyError::SchemaError(format!(
                    "format {:?}, wanted {}",
                    found.trim(),
                    schema::FORMAT
                ));
                return Err(failed(source));
            }
        } else {
            std::fs::write(&format, schema::FORMAT).map_err(|source| files(&format, source))?;
        }
        let tokenizers = TokenizerManager::default();
        tokenizers.register(schema::TOKENIZER, Analysed);
        let mut index =
            Index::open_or_create(Box::new(directory) as Box<dyn Directory>, fields.schema.clone())
                .map_err(failed)?;
        index.set_tokenizers(tokenizers);
        let payload = index.load_metas().map_err(failed)?.payload;
        let committed = match payload.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(seq)) => seq,
            Some(Err(_)) => {
                return Err(failed(TantivyError::SystemError(
                    "the last commit carries no sequence number".to_owned(),
                )));
            }
        };
        let writer = writer(&index).map_err(failed)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(0)
            .try_into()
            .map_err(failed)?;
        let mut collections = Collections::default();
        let loaded = Loaded::read(&reader, None, &mut collections).map_err(failed)?;
        let overlay = Overlay::new(loaded.segments.len());
        Ok(Self {
            path: path.to_owned(),
            index,
            fields,
            reader,
            state: RwLock::new(State { loaded: Arc::new(loaded), overlay, collections }),
            analyzer: Mutex::default(),
            queue: Mutex::new(Queue {
                operations: Vec::new(),
                touched: Vec::new(),
                applied: committed,
                loaded: false,
            }),
            writer: Mutex::new(Some(writer)),
            committed: committed.into(),
            lost: AtomicBool::new(false),
            set_aside: None,
        })
    }

    /// What was wrong with the index that lay here before, if it had to be put aside.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Takes changes over in their order; searches see them when this returns. `seq` is the number of the last of them. They
    /// are on the disk after the next [`TextIndex::commit`]; call that after some thousand changes or a quarter of a second,
    /// since what waits is held in memory.
    ///
    /// # Errors
    /// When tantivy's writer fails. The changes are visible then, and the next commit tries again.
    pub fn apply(&self, changes: &[TextChange], seq: u64) -> Result<(), TextError> {
        self.whole()?;
        let mut analyzer = lock(&self.analyzer);
        let operations = operations(&mut analyzer, changes);
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let State { loaded, overlay, collections } = &mut *state;
            let mut queue = lock(&self.queue);
            for operation in operations {
                let id = match &operation {
                    Operation::Put(pending) => {
                        collections.ordinal(pending.attributes.collection);
                        overlay.put(Arc::clone(pending));
                        pending.id
                    }
                    Operation::Delete(id) => {
                        overlay.delete(*id);
                        *id
                    }
                };
                if let Some((segment, doc)) =
                    loaded.locate(&self.fields, id).map_err(|source| self.failed(source))?
                {
                    overlay.hide(segment, doc);
                }
                queue.touched.push(id);
                queue.operations.push(operation);
            }
            queue.applied = queue.applied.max(seq);
        }
        drop(analyzer);
        // While a commit runs the operations wait in the queue; the overlay answers for them.
        match self.writer.try_lock() {
            Ok(mut writer) => {
                let done = self.drain(&mut writer);
                self.watched(&mut writer, done)
            }
            Err(_) => Ok(()),
        }
    }

    /// [`TextIndex::apply`] for many changes at once: searches see them only after the next commit, and nothing is held in memory
    /// for them meanwhile. For filling and healing an index.
    ///
    /// # Errors
    /// When tantivy's writer fails.
    pub fn load(&self, changes: &[TextChange], seq: u64) -> Result<(), TextError> {
        self.whole()?;
        let mut analyzer = lock(&self.analyzer);
        for some in changes.chunks(LOADED_TOGETHER) {
            let operations = operations(&mut analyzer, some);
            let mut writer = lock(&self.writer);
            self.ready(&mut writer)?;
            {
                let mut queue = lock(&self.queue);
                queue.operations.extend(operations);
                queue.loaded = true;
            }
            let done = self.drain(&mut writer);
            self.watched(&mut writer, done)?;
        }
        let mut queue = lock(&self.queue);
        queue.applied = queue.applied.max(seq);
        Ok(())
    }

    /// Hands waiting operations to tantivy.
    fn drain(&self, writer: &mut Option<IndexWriter>) -> Result<(), TextError> {
        let Some(writer) = writer else { return Ok(()) };
        let operations = std::mem::take(&mut lock(&self.queue).operations);
        for operation in &operations {
            match operation {
                Operation::Delete(id) => {
                    writer.delete_term(Term::from_field_u64(self.fields.id, *id));
                }
                Operation::Put(pending) => {
                    writer.delete_term(Term::from_field_u64(self.fields.id, pending.id));
                    writer
                        .add_document(self.document(pending))
                        .map_err(|source| self.failed(source))?;
                }
            }
        }
        Ok(())
    }

    fn document(&self, pending: &Pending) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        for field in Field::ALL {
            let text = pending.text(field);
            if !text.is_empty() {
                document.add_text(self.fields.text(field), text);
            }
        }
        let attributes = &pending.attributes;
        document.add_u64(self.fields.id, pending.id);
        document.add_u64(self.fields.collection, u64::from(attributes.collection));
        for tag in &attributes.tags {
            document.add_u64(self.fields.tag, u64::from(*tag));
        }
        document.add_i64(self.fields.at, attributes.at_ms);
        if let Some(end) = attributes.expires_at_ms {
            document.add_i64(self.fields.expires, end);
        }
        document.add_u64(self.fields.words, u64::from(pending.fields.words));
        document
    }

    /// Makes all changes that were applied durable: the engine's files, then the folder itself. Returns the watermark.
    ///
    /// # Errors
    /// When something cannot be written; the last commit stays as it was, and the next one tries again.
    pub fn commit(&self) -> Result<u64, TextError> {
        let mut writer = lock(&self.writer);
        self.ready(&mut writer)?;
        let done = self.commit_with(&mut writer);
        self.watched(&mut writer, done)
    }

    /// An error when changes were lost.
    fn whole(&self) -> Result<(), TextError> {
        if self.lost.load(Ordering::Acquire) {
            return Err(TextError::Broken { path: self.path.clone() });
        }
        Ok(())
    }

    /// A writer, a new one after a write that failed.
    fn ready(&self, slot: &mut Option<IndexWriter>) -> Result<(), TextError> {
        self.whole()?;
        if slot.is_none() {
            *slot = Some(writer(&self.index).map_err(|source| self.failed(source))?);
        }
        Ok(())
    }

    /// After a write that failed tantivy would commit the next ones without what this one lost. So its writer goes, and all that
    /// is not committed is queued again from the overlay.
    fn watched<T>(
        &self,
        slot: &mut Option<IndexWriter>,
        result: Result<T, TextError>,
    ) -> Result<T, TextError> {
        if matches!(result, Err(TextError::Engine { .. } | TextError::Files { .. })) {
            *slot = None;
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let mut queue = lock(&self.queue);
            let ids: BTreeSet<u64> = queue.touched.iter().copied().collect();
            queue.operations = ids
                .into_iter()
                .map(|id| state.overlay.pending(id).map_or(Operation::Delete(id), Operation::Put))
                .collect();
            if queue.loaded {
                self.lost.store(true, Ordering::Release);
            }
        }
        result
    }

    fn commit_with(&self, slot: &mut Option<IndexWriter>) -> Result<u64, TextError> {
        let (seq, taken) = {
            let queue = lock(&self.queue);
            (queue.applied, queue.touched.len())
        };
        self.drain(slot)?;
        let Some(writer) = slot.as_mut() else { return Ok(self.watermark()) };
        let mut prepared = writer.prepare_commit().map_err(|source| self.failed(source))?;
        prepared.set_payload(&seq.to_string());
        prepared.commit().map_err(|source| self.failed(source))?;
        let folder = std::fs::File::open(&self.path).map_err(|source| files(&self.path, source))?;
        folder.sync_all().map_err(|source| files(&self.path, source))?;
        lock(&self.queue).loaded = false;
        self.committed.store(seq, Ordering::Release);
        self.reload(taken)?;
        Ok(seq)
    }

    /// Shows the last commit to searches; of what waited, the first `taken` changes are in it.
    fn reload(&self, taken: usize) -> Result<(), TextError> {
        self.reader.reload().map_err(|source| self.failed(source))?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut queue = lock(&self.queue);
        let State { loaded, overlay, collections } = &mut *state;
        let fresh = Loaded::read(&self.reader, Some(loaded), collections)
            .map_err(|source| self.failed(source))?;
        let taken = taken.min(queue.touched.len());
        queue.touched.drain(..taken);
        let waiting: BTreeSet<u64> = queue.touched.iter().copied().collect();
        let mut next = Overlay::new(fresh.segments.len());
        for id in &waiting {
            if let Some((segment, doc)) =
                fresh.locate(&self.fields, *id).map_err(|source| self.failed(source))?
            {
                next.hide(segment, doc);
            }
        }
        for pending in overlay.drain().into_iter().filter(|pending| waiting.contains(&pending.id)) {
            next.put(pending);
        }
        *overlay = next;
        *loaded = Arc::new(fresh);
        Ok(())
    }

    /// The best passages for a question.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, query: &TextQuery) -> Result<TextFound, TextError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let view = View {
            fields: &self.fields,
            loaded: &state.loaded,
            overlay: &state.overlay,
            collections: &state.collections,
        };
        search::search(&view, query).map_err(|source| self.failed(source))
    }

    /// The sequence number that the last commit holds everything up to.
    pub fn watermark(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Commits, then rewrites every segment that holds deleted passages and removes the old files, and indexes that were put
    /// aside. Afterwards no file holds a term of a deleted passage.
    ///
    /// # Errors
    /// When something cannot be written, or when old files are still being read after two seconds.
    pub fn compact(&self) -> Result<(), TextError> {
        let mut slot = lock(&self.writer);
        self.ready(&mut slot)?;
        let done = self.compact_with(&mut slot);
        self.watched(&mut slot, done)
    }

    fn compact_with(&self, slot: &mut Option<IndexWriter>) -> Result<(), TextError> {
        self.commit_with(slot)?;
        if let Some(writer) = slot.take() {
            writer.wait_merging_threads().map_err(|source| self.failed(source))?;
        }
        let mut fresh = writer(&self.index).map_err(|source| self.failed(source))?;
        fresh.set_merge_policy(Box::new(NoMergePolicy));
        let metas = self.index.searchable_segment_metas().map_err(|source| self.failed(source))?;
        for meta in metas.iter().filter(|meta| meta.has_deletes()) {
            fresh.merge(&[meta.id()]).wait().map_err(|source| self.failed(source))?;
        }
        drop(metas);
        self.reload(0)?;
        fresh.set_merge_policy(merge_policy());
        let files_left = self.remove_old(&fresh);
        *slot = Some(fresh);
        self.drain(slot)?;
        for aside in aside_names(&self.path) {
            if aside.exists() {
                std::fs::remove_dir_all(&aside).map_err(|source| files(&aside, source))?;
            }
        }
        let folder = std::fs::File::open(&self.path).map_err(|source| files(&self.path, source))?;
        folder.sync_all().map_err(|source| files(&self.path, source))?;
        match files_left? {
            0 => Ok(()),
            files => Err(TextError::InUse { files }),
        }
    }

    /// Removes files of segments that are no longer part of the index; says how many are left.
    fn remove_old(&self, writer: &IndexWriter) -> Result<usize, TextError> {
        let mut left = 0;
        for _ in 0..TRIES {
            writer.garbage_collect_files().wait().map_err(|source| self.failed(source))?;
            let metas =
                self.index.searchable_segment_metas().map_err(|source| self.failed(source))?;
            let live: BTreeSet<String> = metas.iter().map(|meta| meta.id().uuid_string()).collect();
            left = self
                .index
                .directory()
                .list_managed_files()
                .into_iter()
                .filter(|file| self.path.join(file).exists())
                .filter_map(|file| Some(file.to_str()?.split('.').next()?.to_owned()))
                .filter(|stem| stem != "meta" && !live.contains(stem))
                .count();
            if left == 0 {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(left)
    }

    /// Reads every file and compares it with its checksum; names the damaged ones.
    ///
    /// # Errors
    /// When a file cannot be read at all.
    pub fn verify(&self) -> Result<Vec<PathBuf>, TextError> {
        let damaged = self.index.validate_checksum().map_err(|source| self.failed(source))?;
        let mut damaged: Vec<PathBuf> = damaged.into_iter().collect();
        damaged.sort();
        Ok(damaged)
    }

    /// Every passage that a search can find, in the order of the ids: for a comparison with the database.
    pub fn ids(&self) -> Vec<ChunkId> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let State { loaded, overlay, .. } = &*state;
        let mut ids: Vec<ChunkId> = overlay.ids().map(ChunkId).collect();
        for (segment, hidden) in loaded.segments.iter().zip(&overlay.hidden) {
            let live = (0..segment.reader.max_doc())
                .filter(|doc| !segment.reader.is_deleted(*doc) && !hidden.contains(doc));
            ids.extend(live.map(|doc| ChunkId(segment.id(doc))));
        }
        ids.sort_unstable();
        ids
    }

    /// Figures about the index.
    pub fn stats(&self) -> TextStats {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let view = View {
            fields: &self.fields,
            loaded: &state.loaded,
            overlay: &state.overlay,
            collections: &state.collections,
        };
        let volumes = search::volumes(&view);
        let segments = &state.loaded.segments;
        TextStats {
            passages: volumes.iter().map(|volume| volume.passages).sum(),
            words: volumes.iter().map(|volume| volume.words).sum(),
            waiting: lock(&self.queue).touched.len() as u64,
            deleted: segments
                .iter()
                .map(|segment| u64::from(segment.reader.num_deleted_docs()))
                .sum(),
            segments: segments.len() as u64,
            bytes: bytes(&self.path),
        }
    }

    fn failed(&self, source: TantivyError) -> TextError {
        TextError::Engine { path: self.path.clone(), source }
    }
}

fn operations(analyzer: &mut Analyzer, changes: &[TextChange]) -> Vec<Operation> {
    changes
        .iter()
        .map(|change| match change {
            TextChange::Put { id, attributes, title, text, kind, language } => {
                Operation::Put(Arc::new(Pending {
                    id: id.0,
                    attributes: attributes.clone(),
                    kind: *kind,
                    fields: analyzer.fields(title, text, *kind, *language),
                }))
            }
            TextChange::Delete(id) => Operation::Delete(id.0),
        })
        .collect()
}

fn writer(index: &Index) -> tantivy::Result<IndexWriter> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(WRITER_BYTES)
        .build();
    let mut writer = index.writer_with_options(options.clone());
    for _ in 0..TRIES {
        let Err(TantivyError::LockFailure(LockError::LockBusy, _)) = writer else { break };
        std::thread::sleep(PAUSE);
        writer = index.writer_with_options(options.clone());
    }
    let writer = writer?;
    writer.set_merge_policy(merge_policy());
    Ok(writer)
}

fn merge_policy() -> Box<LogMergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DELETED_SHARE);
    Box::new(policy)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn files(path: &Path, source: std::io::Error) -> TextError {
    TextError::Files { path: path.to_owned(), source }
}

/// Names for damaged indexes beside the folder, in order.
fn aside_names(path: &Path) -> impl Iterator<Item = PathBuf> + use<'_> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    (1..=MAX_ASIDE).map(move |number| path.with_file_name(format!("{name}.damaged-{number}")))
}

/// Damaged indexes that are kept beside each other; then the first one makes room.
const MAX_ASIDE: u32 = 9;

fn free_name(path: &Path) -> PathBuf {
    let mut names = aside_names(path);
    names.find(|name| !name.exists()).unwrap_or_else(|| {
        let first = path.with_file_name(format!(
            "{}.damaged-1",
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        ));
        let _ = std::fs::remove_dir_all(&first);
        first
    })
}

fn bytes(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}
