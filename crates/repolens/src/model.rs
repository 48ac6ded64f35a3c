//! What a scan knows of repositories and their files, before anything is rendered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything one merge is made of, in the order of the merge.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The repositories, sorted by name; names are unique (a second `tools` is `tools-2`).
    pub repos: Vec<Repo>,
}

/// One working copy.
#[derive(Debug, Clone)]
pub struct Repo {
    /// The folder's name: `<root>` of the anchors.
    pub name: String,
    /// Where it lies. Never written into a merge: the same tree gives the same bytes everywhere.
    pub root: PathBuf,
    /// First paragraphs of `README.md` and `docs/intro.md`, where they have one; see [`Repo::purpose`].
    pub purposes: Vec<(&'static str, String)>,
    /// Its files, sorted by the bytes of their paths.
    pub files: Vec<File>,
    /// What the walk left out, sorted by path; a folder that was not entered is one entry.
    pub skipped: Vec<Skipped>,
    /// The folders that the walk entered, as on disk, relative to the root (which is the empty one). Sorted.
    pub folders: Vec<PathBuf>,
    /// How many files the filters of the selection took out of the merge, by reason.
    pub filtered: BTreeMap<FilterReason, u64>,
    /// Secrets that were masked in names and in targets of links.
    pub masked_names: u64,
    /// What has to be said about the scan itself, such as an ignore file that was too large.
    pub notes: Vec<String>,
}

impl Repo {
    /// Whether a file of this path is listed.
    pub fn lists(&self, path: &str) -> bool {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).is_ok()
    }

    /// What the repository says it is for: the paragraph of the first document that is listed. What a
    /// filter, a pool or an ignore file leaves out says nothing.
    pub fn purpose(&self) -> Option<&str> {
        let found = self.purposes.iter().find(|(path, _)| self.lists(path));
        found.map(|(_, paragraph)| paragraph.as_str())
    }
}

/// One file of a working copy, whether or not its content stands in the merge.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with `/`. Names that are not UTF-8 have `%XX` for every foreign byte
    /// and for `%` itself; [`File::escaped`] says so.
    pub path: String,
    /// Whether [`File::path`] is an escaped form of a name that is not UTF-8.
    pub escaped: bool,
    /// Bytes on disk.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// Its one category.
    pub category: Category,
    /// Its tags, in the order of [`Tag`].
    pub tags: Vec<Tag>,
    /// Whether its content stands in the merge, and if not why.
    pub inclusion: Inclusion,
    /// What the file system said of it; tells whether it changed.
    pub stamp: Stamp,
}

impl File {
    /// The bytes of its path below the root, as the file system has them.
    pub fn raw_path(&self) -> Cow<'_, [u8]> {
        if self.escaped {
            Cow::Owned(unescape(self.path.as_bytes()))
        } else {
            Cow::Borrowed(self.path.as_bytes())
        }
    }
}

/// `%XX` back to the byte it stands for.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if *first == b'%' => {
                raw.push(byte);
                rest = &tail[2..];
            }
            _ => {
                raw.push(*first);
                rest = tail;
            }
        }
    }
    raw
}

/// The state of a file as the file system tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Stamp {
    /// Last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or metadata, in nanoseconds since 1970; cannot be set by hand.
    pub ctime_ns: i64,
    /// Number of the file within its device.
    pub inode: u64,
}

/// What a directory entry is. Only [`Kind::Text`] can be merged with content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file that nobody has looked into yet; reading it tells what it is.
    Unread,
    /// UTF-8 text, a byte order mark allowed.
    Text,
    /// Text in an encoding that can be turned into UTF-8 and back without loss.
    Encoded(Encoding),
    /// Holds NUL bytes or is no text in any declared encoding.
    Binary,
    /// A symbolic link; never followed.
    Symlink {
        /// What it points to, as it stands in the link.
        target: String,
    },
    /// The root of another repository inside this one.
    Submodule,
    /// Stands for a large file that lies elsewhere (git LFS).
    LfsPointer,
    /// A pipe, socket or device.
    Special,
    /// A file whose name holds a secret: named by its masked path, never read.
    Withheld,
    /// Could not be read; the reason in words, without paths outside the root.
    Unreadable {
        /// For people.
        reason: String,
    },
}

/// Encodings that survive the way into a merge and back, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// ISO 8859-1: every byte is the character of the same number.
    Latin1,
    /// UTF-16, little endian, with a byte order mark.
    Utf16Le,
    /// UTF-16, big endian, with a byte order mark.
    Utf16Be,
}

/// What the walk did not enter or list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Relative to the root, with `/`; a folder ends with `/`.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why something is not listed in the manifest at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// An ignore file names it.
    Ignored,
    /// A folder that tools fill and nobody reads, such as `node_modules`.
    Tooling,
    /// The repository's own `.git`.
    GitFolder,
    /// An earlier merge, in the folder that this one is written to.
    OwnOutput,
}

/// Why the selection took a file out of the merge, manifest included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterReason {
    /// Its path does not contain the path filter.
    PathFilter,
    /// Its name ends with none of the extensions.
    Extension,
    /// The pool does not list it, or blocks the repository.
    Pool,
    /// Only code was asked for.
    CodeOnly,
}

/// The six categories of the specification; no other may arise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Program code.
    Source,
    /// Documentation.
    Doc,
    /// Configuration.
    Config,
    /// Tests.
    Test,
    /// Interfaces that others rely on.
    Contract,
    /// Whatever is not clearly one of the others.
    Other,
}

/// The eight tags of the specification; no other may arise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// Written for an AI, or the README.
    AiContext,
    /// What to do when.
    Runbook,
    /// Pinned dependencies.
    Lockfile,
    /// A script that people start.
    Script,
    /// A pipeline of continuous integration.
    Ci,
    /// A record of an architectural decision.
    Adr,
    /// Lines of exported data.
    Feed,
    /// A profile of wgx.
    WgxProfile,
}

/// Whether a file's content stands in the merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inclusion {
    /// All of it.
    Full,
    /// Its first bytes, up to a character's border.
    Truncated {
        /// Bytes of the file that stand in the merge.
        kept: u64,
    },
    /// Facts only.
    MetaOnly(Reason),
}

/// Why a file's content does not stand in the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The profile shows such files as facts only.
    Profile,
    /// Not text.
    Binary,
    /// A link.
    Symlink,
    /// Another repository.
    Submodule,
    /// The content lies elsewhere.
    LfsPointer,
    /// A pipe, socket or device.
    Special,
    /// Cannot be read.
    Unreadable,
    /// A file of secrets such as `.env`: named, never shown.
    SecretFile,
    /// Its name holds a secret, which is masked.
    SecretName,
    /// Larger than what is read of one file (see `facts`), and no `max_file_bytes` cuts it.
    TooLarge,
    /// Changed while the merge was made, more often than it was tried again.
    Changed,
}
