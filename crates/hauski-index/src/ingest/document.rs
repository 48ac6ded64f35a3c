//! What comes out of a source: documents to keep, and ids of those that are gone.

use crate::chunk::Chunk;

/// A document, cut into passages.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `repo:<name>`, `folder:<name>`, `runs`, `logs`, `conversations`, `memory`.
    pub collection: String,
    /// Its id in the collection: the path of a file, the id of a run. Secrets in it are masked.
    pub doc_id: String,
    /// Where it comes from.
    pub source: SourceRef,
    /// For people: the first heading, the command of a run; empty where nothing is better than the path.
    pub title: String,
    /// The path below the root of its collection, or the id where there is none.
    pub path: String,
    /// When it was made or changed last, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Names and values, ascending, each pair once: `lang`, `kind`, `category`, `tag`, `link` …
    pub tags: Vec<(String, String)>,
    /// SHA-256 of its text as it was cut, secrets masked.
    pub hash: [u8; 32],
    /// Its passages, in order.
    pub chunks: Vec<Chunk>,
    /// The file that it was cut from, as it was then; nothing for what is no file.
    pub file: Option<Seen>,
    /// Secrets that were masked.
    pub masked: u64,
    /// Bytes behind the largest window that is read, in no passage.
    pub left_out_bytes: u64,
    /// The document of the same collection whose text this was under another path; it goes in the same pass. Its
    /// passages keep their vectors, since no path is embedded.
    pub moved_from: Option<String>,
}

/// Where a document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRef {
    /// `repo`, `folder`, `vault`, `run`, `log`, `conversation`, `memory`, or what a client of the API says.
    pub origin: String,
    /// What the origin calls it.
    pub id: String,
    /// How far it is to be believed.
    pub trust: Trust,
}

/// How far a source is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Foreign text.
    Low,
    /// Somebody's work that the person took in, such as a cloned repository.
    Medium,
    /// Said or made by the person.
    High,
}

/// A file as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Bytes on disk.
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or metadata, in nanoseconds since 1970; cannot be set by hand.
    pub ctime_ns: i64,
    /// Its number in the file system.
    pub inode: u64,
    /// Shortly before it was read, in nanoseconds since 1970: a file changed at about that time may have changed again.
    pub read_ns: i64,
    /// [`Document::hash`] of what was read.
    pub hash: [u8; 32],
    /// [`crate::chunk::CHUNKER_VERSION`] then.
    pub chunker: u32,
}

/// A file changed less than this before it was read may have changed again without a new time, in nanoseconds: two
/// seconds are the coarsest clock of a file system in use.
const RACY_NS: i64 = 2_000_000_000;

impl Seen {
    /// Whether a file that looks like this now can be taken for unchanged without reading it.
    #[must_use]
    pub fn vouches_for(&self, now: &Self) -> bool {
        let changed = self.mtime_ns.max(self.ctime_ns);
        let is_settled = changed.saturating_add(RACY_NS) <= self.read_ns;
        let state = |seen: &Self| (seen.size, seen.mtime_ns, seen.ctime_ns, seen.inode);
        is_settled && self.chunker == now.chunker && state(self) == state(now)
    }
}

/// What a pass found.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A document that is new or has changed; it replaces the one of the same collection and id.
    Put(Box<Document>),
    /// A document whose file was read again and says the same: only what is known of the file is new.
    Touch {
        /// Its collection.
        collection: String,
        /// Its id.
        doc_id: String,
        /// The file now.
        seen: Seen,
    },
    /// A document that is gone.
    Remove {
        /// Its collection.
        collection: String,
        /// Its id.
        doc_id: String,
    },
}

/// What the truth knows of earlier passes. It is asked from many threads.
pub trait Known: Sync {
    /// The file that a document was cut from. Nothing where there is no such document, or none from a file.
    fn file(&self, collection: &str, doc_id: &str) -> Option<Seen>;

    /// [`Document::hash`] of a document, whether or not it comes from a file.
    fn hash(&self, collection: &str, doc_id: &str) -> Option<[u8; 32]>;

    /// The ids of all documents of a collection.
    fn doc_ids(&self, collection: &str) -> Vec<String>;
}

/// Knows nothing: everything is new.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl Known for Unknown {
    fn file(&self, _: &str, _: &str) -> Option<Seen> {
        None
    }

    fn hash(&self, _: &str, _: &str) -> Option<[u8; 32]> {
        None
    }

    fn doc_ids(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}
