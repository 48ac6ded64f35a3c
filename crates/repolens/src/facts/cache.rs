//! The cache of facts: from the state of a file to its hash, and from a hash to what is known of the
//! content.
//!
//! A state (size, times, inode) stands for a hash only when the file was last changed clearly before
//! it was read: whoever changes a file while it is read, or within the resolution of the clock after
//! it, is found out by reading again. The change time cannot be set by hand, so a restored
//! modification time deceives nobody.
//!
//! The cache belongs to one build of the program. What another build masked or counted is not trusted.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use super::file::{self, Reader, Writer};
use crate::model::{Encoding, Kind, Stamp};

/// Contents that are remembered; those of the oldest runs go first.
const CONTENTS_MAX: usize = 100_000;

/// States of one root that are remembered.
const STATES_MAX: usize = 1_000_000;

/// Roots whose states are remembered; the ones written longest ago go first.
const ROOTS_MAX: usize = 64;

/// A file changed less than this before it was read may change again without a new time, in
/// nanoseconds. Two seconds is the coarsest clock of a file system in use.
const RACY_NS: i64 = 2_000_000_000;

/// Runs are counted so that what no run needs any more can be forgotten.
type Run = u32;

/// What is known of a content, whatever it is called and wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// What the bytes are: text, encoded text, binary, or a pointer to a large file.
    pub kind: Kind,
    /// Tokens of the whole text as a merge shows it, secrets masked.
    pub tokens: Option<u64>,
    /// Whether the text holds no secret; nothing when that was not looked for.
    pub clean: Option<bool>,
}

#[derive(Debug)]
struct Content {
    known: Known,
    /// The last run that asked for it.
    used: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
struct State {
    size: u64,
    stamp: Stamp,
    sha256: [u8; 32],
}

type PathKey = [u8; 16];

/// What runs saw in one working copy.
#[derive(Debug)]
struct Root {
    path: PathBuf,
    states: HashMap<PathKey, State>,
    changed: bool,
}

/// The facts of earlier runs. What cannot be read is empty, what cannot be written is not kept: a
/// cache is never a reason to fail.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    build: [u8; 32],
    run: Run,
    contents: HashMap<[u8; 32], Content>,
    roots: Vec<Root>,
    learned: bool,
}

impl Cache {
    /// The cache in `folder`, for these roots. Nothing is written before [`Cache::save`].
    pub fn open(folder: &Path, build: [u8; 32], roots: &[&Path]) -> Self {
        let mut cache = Self { folder: Some(folder.to_owned()), build, ..Self::none() };
        if let Some((run, contents)) = read_contents(&folder.join("contents"), &build) {
            cache.run = run;
            cache.contents = contents;
        }
        cache.run = cache.run.wrapping_add(1);
        for root in roots {
            let states = read_states(&folder.join(root_name(root)), &build).unwrap_or_default();
            cache.roots.push(Root { path: (*root).to_owned(), states, changed: false });
        }
        cache
    }

    /// Knows nothing and keeps nothing.
    pub fn none() -> Self {
        Self {
            folder: None,
            build: [0; 32],
            run: 0,
            contents: HashMap::new(),
            roots: Vec::new(),
            learned: false,
        }
    }

    /// Whether anything is kept at all.
    pub fn is_on(&self) -> bool {
        self.folder.is_some()
    }

    /// The number of a root, for [`Cache::by_state`] and [`Cache::see`].
    pub fn root(&self, path: &Path) -> Option<usize> {
        self.roots.iter().position(|root| root.path == path)
    }

    /// What is known of the file of this path and state, without reading it.
    pub fn by_state(&self, root: usize, path: &[u8], size: u64, stamp: Stamp) -> Option<&Known> {
        let state = self.roots.get(root)?.states.get(&path_key(path))?;
        let same = state.size == size && state.stamp == stamp;
        same.then(|| self.by_content(&state.sha256)).flatten()
    }

    /// What is known of the content with this SHA-256.
    pub fn by_content(&self, sha256: &[u8; 32]) -> Option<&Known> {
        let content = self.contents.get(sha256)?;
        content.used.store(self.run, Ordering::Relaxed);
        Some(&content.known)
    }

    /// Takes what a run learned of contents.
    pub fn learn(&mut self, learned: impl IntoIterator<Item = Known>) {
        for known in learned {
            if let Some(old) = self.contents.get_mut(&known.sha256) {
                // What this run did not look for stays known.
                let tokens = known.tokens.or(old.known.tokens);
                let known = Known { tokens, clean: known.clean.or(old.known.clean), ..known };
                self.learned |= old.known != known;
                old.known = known;
                *old.used.get_mut() = self.run;
                continue;
            }
            let used = AtomicU32::new(self.run);
            self.contents.insert(known.sha256, Content { known, used });
            self.learned = true;
        }
    }

    /// Takes the files of a root whose state was not known. `files` is how many the root has now:
    /// when most of what is remembered is gone, all of it is forgotten.
    pub fn see(&mut self, root: usize, files: usize, seen: impl IntoIterator<Item = Seen>) {
        let Some(root) = self.roots.get_mut(root) else { return };
        for seen in seen {
            let state = State { size: seen.size, stamp: seen.stamp, sha256: seen.sha256 };
            if !seen.is_racy() {
                root.states.insert(seen.path, state);
                root.changed = true;
            }
        }
        if root.states.len() > STATES_MAX.min(2 * files + 1000) {
            root.states.clear();
            root.changed = true;
        }
    }

    /// Writes what was learned; each file at once or not at all, for nobody else to read.
    pub fn save(mut self) -> io::Result<()> {
        let Some(folder) = self.folder.take() else { return Ok(()) };
        if !self.learned && !self.roots.iter().any(|root| root.changed) {
            return Ok(());
        }
        file::make_folder(&folder)?;
        if self.learned {
            self.forget();
            let mut out = Writer::new(&self.build);
            out.u32(self.run);
            out.u64(self.contents.len() as u64);
            for content in self.contents.values() {
                write_known(&mut out, &content.known);
                out.u32(content.used.load(Ordering::Relaxed));
            }
            out.save(&folder.join("contents"))?;
        }
        for root in self.roots.iter().filter(|root| root.changed) {
            let mut out = Writer::new(&self.build);
            out.u64(root.states.len() as u64);
            for (key, state) in &root.states {
                out.bytes(key);
                out.u64(state.size);
                out.u64(state.stamp.mtime_ns.cast_unsigned());
                out.u64(state.stamp.ctime_ns.cast_unsigned());
                out.u64(state.stamp.inode);
                out.bytes(&state.sha256);
            }
            out.save(&folder.join(root_name(&root.path)))?;
        }
        file::keep_newest(&folder, "root-", ROOTS_MAX)
    }

    /// Drops the contents that were not used for longest.
    fn forget(&mut self) {
        if self.contents.len() <= CONTENTS_MAX {
            return;
        }
        let age = |content: &Content| self.run.wrapping_sub(content.used.load(Ordering::Relaxed));
        let mut ages: Vec<Run> = self.contents.values().map(age).collect();
        ages.sort_unstable();
        let oldest = ages[CONTENTS_MAX];
        let run = self.run;
        self.contents.retain(|_, content| run.wrapping_sub(*content.used.get_mut()) < oldest);
    }
}

/// A file that a run saw.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    path: PathKey,
    size: u64,
    stamp: Stamp,
    sha256: [u8; 32],
    read_ns: i64,
}

impl Seen {
    /// A file of this path below its root. `read_ns` is the time before it was read, in nanoseconds
    /// since 1970.
    pub fn new(path: &[u8], size: u64, stamp: Stamp, sha256: [u8; 32], read_ns: i64) -> Self {
        Self { path: path_key(path), size, stamp, sha256, read_ns }
    }

    /// The hash of what was read.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Whether it may have changed since without showing it.
    fn is_racy(&self) -> bool {
        let changed = self.stamp.mtime_ns.max(self.stamp.ctime_ns);
        changed.saturating_add(RACY_NS) > self.read_ns
    }
}

/// What tells one build of the running program from another: its file's length, times and inode.
pub fn build_id() -> [u8; 32] {
    let state = || -> io::Result<[u8; 32]> {
        use std::os::unix::fs::MetadataExt as _;
        let meta = fs::metadata(std::env::current_exe()?)?;
        let changed = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let words = [meta.len(), meta.ino(), changed.as_nanos() as u64];
        let mut hash = Sha256::new();
        hash.update(concat!("repolens facts 1 ", env!("CARGO_PKG_VERSION")));
        for word in words {
            hash.update(word.to_le_bytes());
        }
        Ok(hash.finalize().into())
    };
    // A build that cannot be told trusts nobody, not even itself: the time is never the same again.
    state().unwrap_or_else(|_| {
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        Sha256::digest(now.to_le_bytes()).into()
    })
}

fn path_key(path: &[u8]) -> PathKey {
    let digest = Sha256::digest(path);
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

fn root_name(root: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut name = "root-".to_owned();
    for byte in path_key(root.as_os_str().as_bytes()) {
        write!(name, "{byte:02x}").expect("writing to a string cannot fail");
    }
    name
}

fn read_contents(path: &Path, build: &[u8; 32]) -> Option<(Run, HashMap<[u8; 32], Content>)> {
    let bytes = file::load(path)?;
    let mut reader = Reader::new(&bytes, build)?;
    let run = reader.u32()?;
    let count = usize::try_from(reader.u64()?).ok().filter(|count| *count <= 2 * CONTENTS_MAX)?;
    let mut contents = HashMap::with_capacity(count);
    for _ in 0..count {
        let known = read_known(&mut reader)?;
        contents.insert(known.sha256, Content { known, used: AtomicU32::new(reader.u32()?) });
    }
    Some((run, contents))
}

fn read_states(path: &Path, build: &[u8; 32]) -> Option<HashMap<PathKey, State>> {
    let bytes = file::load(path)?;
    let mut reader = Reader::new(&bytes, build)?;
    let count = usize::try_from(reader.u64()?).ok().filter(|count| *count <= STATES_MAX)?;
    let mut states = HashMap::with_capacity(count);
    for _ in 0..count {
        let key = reader.array()?;
        let size = reader.u64()?;
        let stamp = Stamp {
            mtime_ns: reader.u64()?.cast_signed(),
            ctime_ns: reader.u64()?.cast_signed(),
            inode: reader.u64()?,
        };
        states.insert(key, State { size, stamp, sha256: reader.array()? });
    }
    Some(states)
}

fn write_known(out: &mut Writer, known: &Known) {
    out.bytes(&known.sha256);
    out.bytes(&known.md5);
    let kind = match known.kind {
        Kind::Text => 1,
        Kind::Encoded(Encoding::Latin1) => 2,
        Kind::Encoded(Encoding::Utf16Le) => 3,
        Kind::Encoded(Encoding::Utf16Be) => 4,
        Kind::LfsPointer => 5,
        _ => 0,
    };
    let clean = match known.clean {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    };
    out.bytes(&[kind, clean]);
    out.u64(known.tokens.map_or(u64::MAX, |tokens| tokens));
}

fn read_known(reader: &mut Reader<'_>) -> Option<Known> {
    let sha256 = reader.array()?;
    let md5 = reader.array()?;
    let [kind, clean] = reader.array()?;
    let kind = match kind {
        0 => Kind::Binary,
        1 => Kind::Text,
        2 => Kind::Encoded(Encoding::Latin1),
        3 => Kind::Encoded(Encoding::Utf16Le),
        4 => Kind::Encoded(Encoding::Utf16Be),
        5 => Kind::LfsPointer,
        _ => return None,
    };
    let clean = match clean {
        0 => None,
        1 => Some(false),
        2 => Some(true),
        _ => return None,
    };
    let tokens = Some(reader.u64()?).filter(|tokens| *tokens != u64::MAX);
    Some(Known { md5, sha256, kind, tokens, clean })
}
