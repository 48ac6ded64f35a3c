//! Why a file is not in the index.

use repolens::classify::is_secret_file;
use repolens::model::{File, Kind as FileKind, SkipReason, Tag};

use super::files::TreeKind;
use crate::chunk::Kind;

/// A reason; every file and every entry of a source that gives no document is counted under one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// An ignore file names it.
    Ignored,
    /// A folder that tools fill, such as `node_modules`; counted once for all that is in it.
    Tooling,
    /// The repository's own `.git`.
    GitFolder,
    /// A link; never followed.
    Symlink,
    /// Another repository inside this one.
    Submodule,
    /// A pipe, socket or device.
    Special,
    /// Not text in any encoding that is known.
    Binary,
    /// Stands for a file that lies elsewhere (git LFS).
    LfsPointer,
    /// Cannot be read.
    Unreadable,
    /// Changed while it was read, more often than it was tried again.
    Changed,
    /// A file of secrets such as `.env`.
    SecretFile,
    /// Its name holds a secret.
    SecretName,
    /// Nothing but blanks.
    Blank,
    /// A list of pinned dependencies.
    Lockfile,
    /// Says that a program made it.
    Generated,
    /// A copy of somebody else's work.
    Vendored,
    /// Code for machines, without line ends.
    Minified,
    /// No JSON lines of turns, in a folder of conversations.
    NoConversation,
}

impl Skip {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Tooling => "tooling",
            Self::GitFolder => "git-folder",
            Self::Symlink => "symlink",
            Self::Submodule => "submodule",
            Self::Special => "special",
            Self::Binary => "binary",
            Self::LfsPointer => "lfs-pointer",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed-while-read",
            Self::SecretFile => "secret-file",
            Self::SecretName => "secret-name",
            Self::Blank => "blank",
            Self::Lockfile => "lockfile",
            Self::Generated => "generated",
            Self::Vendored => "vendored",
            Self::Minified => "minified",
            Self::NoConversation => "no-conversation",
        }
    }
}

/// What the walk of a repository left out.
pub(super) fn of_entry(reason: SkipReason) -> Skip {
    match reason {
        SkipReason::Ignored | SkipReason::OwnOutput => Skip::Ignored,
        SkipReason::Tooling => Skip::Tooling,
        SkipReason::GitFolder => Skip::GitFolder,
    }
}

/// Folders of copies of somebody else's work.
const VENDORED: [&str; 9] = [
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "bower_components",
    "jspm_packages",
    "Pods",
    "Carthage",
];

/// Folders in which Obsidian keeps its own things.
const VAULT_TOOLING: [&str; 2] = [".obsidian/", ".trash/"];

/// Why a file is left out that nobody has read yet.
pub(super) fn before_reading(file: &File, tree: TreeKind) -> Option<Skip> {
    match file.kind {
        FileKind::Unread => {}
        FileKind::Symlink { .. } => return Some(Skip::Symlink),
        FileKind::Submodule => return Some(Skip::Submodule),
        FileKind::Special => return Some(Skip::Special),
        FileKind::Withheld => return Some(Skip::SecretName),
        FileKind::Unreadable { .. } => return Some(Skip::Unreadable),
        _ => return Some(Skip::Binary),
    }
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let folders = &file.path[..file.path.len() - name.len()];
    if tree == TreeKind::Vault && VAULT_TOOLING.iter().any(|own| folders.starts_with(own)) {
        Some(Skip::Tooling)
    } else if tree == TreeKind::Conversations
        && !(name.ends_with(".jsonl") || name.ends_with(".ndjson"))
    {
        Some(Skip::NoConversation)
    } else if is_secret_file(&file.path) {
        Some(Skip::SecretFile)
    } else if file.tags.contains(&Tag::Lockfile) {
        Some(Skip::Lockfile)
    } else if folders.split('/').any(|folder| VENDORED.contains(&folder)) {
        Some(Skip::Vendored)
    } else if name.contains(".min.") {
        Some(Skip::Minified)
    } else if name.ends_with(".map") || name.contains(".generated.") || name.contains(".g.") {
        Some(Skip::Generated)
    } else {
        None
    }
}

/// A file says within so many bytes that a program made it.
const SAID_WITHIN: usize = 800;
/// Code with longer lines than this on the average is none that people read, in bytes.
const MINIFIED_LINE: usize = 300;
/// Shorter files are never taken for minified, in bytes.
const MINIFIED_LEAST: usize = 4096;

/// Why a text is left out.
pub(super) fn after_reading(text: &str, kind: Kind) -> Option<Skip> {
    if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
        return Some(Skip::Blank);
    }
    if kind != Kind::Code {
        return None;
    }
    let head = text[..text.floor_char_boundary(SAID_WITHIN.min(text.len()))].to_ascii_lowercase();
    let hands_off = ["do not edit", "don't edit", "do not modify", "do not change"];
    let is_generated = head.contains("@generated")
        || (head.contains("generated") && hands_off.iter().any(|words| head.contains(words)));
    if is_generated {
        return Some(Skip::Generated);
    }
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
    (text.len() >= MINIFIED_LEAST && text.len() / lines > MINIFIED_LINE).then_some(Skip::Minified)
}
