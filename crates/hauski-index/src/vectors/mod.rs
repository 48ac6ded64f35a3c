//! Stores of vectors: what is near a query, by cosine, among millions, with filters.
//!
//! [`VectorStore`] is the whole surface; [`open`] gives the engine that the options name. A store is derived data: it
//! tells by [`VectorStore::watermark`] how far it has followed the truth, and [`VectorStore::damage`] what was lost.

mod flat;
mod hnsw;
mod kernel;
mod quantize;
mod rows;
mod unit;

use std::path::{Path, PathBuf};

use crate::{Attributes, ChunkId, Filter};

/// A passage's vector and what searches may ask of the passage.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRecord {
    /// The passage.
    pub id: ChunkId,
    /// Any length but zero: it is scaled to one. As many finite numbers as the store has dimensions.
    pub vector: Vec<f32>,
    /// What filters look at.
    pub attributes: Attributes,
}

/// A hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The passage.
    pub id: ChunkId,
    /// The cosine of its vector and the query, -1 to 1.
    pub score: f32,
}

/// How thorough a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As quick as the engine can be; recall is measured in docs/index-vectors.md.
    #[default]
    Auto,
    /// Every vector is looked at: the same hits as comparing all of them one by one, by every engine.
    Exact,
}

/// Which engine looks for neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Graphs beyond two million vectors where the filter lets much through, scans otherwise.
    #[default]
    Auto,
    /// Always scans.
    Flat,
    /// Graphs over sealed segments as soon as they are built, whatever the size.
    Hnsw,
}

/// What a store is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorOptions {
    /// Numbers in a vector, 1 to 8192.
    pub dims: usize,
    /// Name of the model that makes the vectors. A store of another model is refused.
    pub model: String,
    /// Its revision, compared likewise.
    pub revision: String,
    /// Which engine looks for neighbours.
    pub engine: Engine,
    /// Whether the vectors are kept on the disk at full precision (four bytes a number) beside the compressed form
    /// (one byte). Without them scores are good to about 0.001 and nearly equal neighbours may change places.
    pub keep_exact: bool,
    /// Rows after which the log becomes a sealed segment, 1 to 1,048,576; 65,536 unless set.
    pub seal_rows: usize,
}

impl VectorOptions {
    /// The defaults for a model: engine by size, full precision kept, segments of 65,536 rows.
    pub fn new(dims: usize, model: &str, revision: &str) -> Self {
        Self {
            dims,
            model: model.to_owned(),
            revision: revision.to_owned(),
            engine: Engine::Auto,
            keep_exact: true,
            seal_rows: 1 << 16,
        }
    }
}

/// A store of vectors. All methods may be called from any thread; searches run beside one writer and never wait for
/// a disk. Calls block: an asynchronous caller uses a thread of its own.
pub trait VectorStore: Send + Sync {
    /// Puts vectors in, replacing those of the same id. All of them or, after an error or a crash, none.
    ///
    /// `seq` is the number of the change in the truth: a record is ignored when the store knows its id from a later
    /// change, or from a deletion at or after it. So a replay changes nothing and brings back nothing.
    ///
    /// # Errors
    ///
    /// A vector has other dimensions, no direction, or numbers that are not finite; the disk fails.
    fn upsert(&self, records: &[VectorRecord], seq: u64) -> Result<(), VectorError>;

    /// Takes vectors out. They are invisible at once and gone from the disk after [`compact`](Self::compact). Ids that are
    /// not there are remembered too: a later replay does not bring them.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn delete(&self, ids: &[ChunkId], seq: u64) -> Result<(), VectorError>;

    /// The `k` nearest passages that the filter admits, best first, equal scores by id; fewer when there are not so many.
    ///
    /// # Errors
    ///
    /// The query has other dimensions, no direction, or numbers that are not finite; the disk fails.
    fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: &Filter,
        mode: Mode,
    ) -> Result<Vec<Scored>, VectorError>;

    /// The highest `seq` that this store has followed; everything after it is to be replayed after opening. What was
    /// not [flushed](Self::flush) may be missing after a loss of power, and the watermark is then lower.
    fn watermark(&self) -> u64;

    /// Returns when everything written so far survives a loss of power.
    ///
    /// # Errors
    ///
    /// The disk fails; after that the store takes no more writes until it is opened again.
    fn flush(&self) -> Result<(), VectorError>;

    /// Rewrites what holds deleted or replaced vectors, so that their bytes are in no file any more.
    ///
    /// # Errors
    ///
    /// The disk fails; the store is then as before.
    fn compact(&self) -> Result<Compaction, VectorError>;

    /// Counts and sizes.
    ///
    /// # Errors
    ///
    /// A file cannot be asked for its size.
    fn stats(&self) -> Result<VectorStats, VectorError>;

    /// What could not be read since the store was opened, and which ids have to be put in again.
    fn damage(&self) -> Damage;

    /// Compares every sealed byte with its checksum, quarantines what differs, and returns [`damage`](Self::damage).
    ///
    /// # Errors
    ///
    /// The disk fails in another way than by wrong bytes.
    fn verify(&self) -> Result<Damage, VectorError>;
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Files of segments and logs that were replaced.
    pub files_rewritten: usize,
    /// Vectors whose bytes are gone.
    pub vectors_removed: u64,
    /// Size of all files after it minus before, negative when room was gained.
    pub bytes_changed: i64,
}

/// Counts and sizes of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorStats {
    /// Vectors that a search can find.
    pub live: u64,
    /// Deleted or replaced vectors whose bytes are still on the disk.
    pub dead: u64,
    /// Deletions that are remembered so that no replay brings their vectors back.
    pub tombstones: u64,
    /// Sealed segments.
    pub segments: usize,
    /// Segments with a finished graph.
    pub graphs: usize,
    /// Size of all files.
    pub disk_bytes: u64,
    /// What a search over everything touches in memory, mapped files included.
    pub hot_bytes: u64,
    /// Mapped and own memory together.
    pub resident_bytes: u64,
    /// The highest change that this store has followed.
    pub watermark: u64,
    /// Which instructions compare vectors here: `avx512`, `avx2` or `scalar`.
    pub kernel: &'static str,
}

/// What a store could not read. Nothing of it is served; the truth puts it in again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes at the end of the log that a crash left half written. No acknowledged and flushed write is among them.
    pub torn_bytes: u64,
    /// Damaged files, moved to `quarantine/`, with what was wrong.
    pub files: Vec<(PathBuf, String)>,
    /// Ids whose vectors lay in damaged files, ascending. [`VectorStore::upsert`] takes them with any `seq`.
    pub lost: Vec<ChunkId>,
    /// Whether even the list of files was damaged: everything has to be put in again.
    pub everything: bool,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// A vector of another size.
    #[error(
        "{what} has {got} numbers and the store {expected}; embed it with the model of the store"
    )]
    Dims {
        /// The query, or the id of the record.
        what: String,
        /// What it has.
        got: usize,
        /// What the store has.
        expected: usize,
    },
    /// Not a number, or infinite.
    #[error(
        "{what} has a number that is not finite at position {at}; it was not stored or searched"
    )]
    NotFinite {
        /// The query, or the id of the record.
        what: String,
        /// Counted from 0.
        at: usize,
    },
    /// No direction, so no cosine.
    #[error("{what} is zero and has no direction; leave passages without content out")]
    Zero {
        /// The query, or the id of the record.
        what: String,
    },
    /// Options that no store can have.
    #[error("{0}")]
    Options(String),
    /// Another process, or another part of this one, has it open.
    #[error("{} is in use by another process; only one may open it at a time", .dir.display())]
    Busy {
        /// The store.
        dir: PathBuf,
    },
    /// The vectors are of another model.
    #[error("{} holds vectors of {found}, not of {asked}; each model has a folder of its own", .dir.display())]
    OtherModel {
        /// The store.
        dir: PathBuf,
        /// Model, revision and dimensions of the store.
        found: String,
        /// Those that were asked for.
        asked: String,
    },
    /// The disk.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried: `read`, `write` …
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A write failed earlier in a way that leaves open what is on the disk.
    #[error("the store takes no more writes after an error ({0}); open it again")]
    Broken(String),
}

impl VectorError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Opens the store in `dir`, or makes it. Half-written ends are cut off, damaged files set aside; see
/// [`VectorStore::damage`].
///
/// # Errors
///
/// Another process has it open, it holds vectors of another model, the options are out of range, or the disk fails.
pub fn open(dir: &Path, options: &VectorOptions) -> Result<Box<dyn VectorStore>, VectorError> {
    if !(1..=8192).contains(&options.dims) {
        let found = options.dims;
        return Err(VectorError::Options(format!("a vector has 1 to 8192 numbers, not {found}")));
    }
    if !(1..=1 << 20).contains(&options.seal_rows) {
        let found = options.seal_rows;
        let text = format!("a segment has 1 to 1048576 rows, not {found}");
        return Err(VectorError::Options(text));
    }
    Ok(Box::new(flat::FlatStore::open(dir, options)?))
}
