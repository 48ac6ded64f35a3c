//! What export and import agree on: names of entries, lines of facts, errors.

use std::io;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::cas::{CasError, Digest};
use crate::facts::Table;
use crate::home::HomeError;
use crate::store::StoreError;

/// Longest line of a fact.
pub(super) const MAX_FACT_BYTES: usize = 16 << 20;

/// Why a pack cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The pack's file cannot be read or written.
    #[error("{} cannot be used as a pack", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no gzipped tar, or it is cut off.
    #[error("the pack is damaged")]
    Damaged(#[source] io::Error),
    /// It is a tar, but not a pack.
    #[error("this is no memory pack: {reason}")]
    NotAPack {
        /// Why not.
        reason: String,
    },
    /// A newer version of the program wrote it.
    #[error("the pack is of version `{found}`, this program knows up to `{known}`")]
    Newer {
        /// Its version.
        found: String,
        /// The last version that this program knows.
        known: String,
    },
    /// An entry that no pack has: a link, a path out of the pack, a second entry of one name.
    #[error("entry `{entry}` does not belong into a pack: {reason}")]
    Entry {
        /// Its name.
        entry: String,
        /// Why not.
        reason: &'static str,
    },
    /// A fact that cannot be one.
    #[error("line {line} of `{file}` is no fact: {reason}")]
    Fact {
        /// The entry.
        file: String,
        /// From 1.
        line: u64,
        /// Why not.
        reason: String,
    },
    /// The content of an entry is not what the manifest or its name says.
    #[error("`{entry}` is damaged: its content is not what the pack says")]
    Mismatch {
        /// Its name.
        entry: String,
    },
    /// It grows beyond the limits when it is unpacked.
    #[error("the pack unpacks to more than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PackError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "check the path and its rights",
            Self::Damaged(_) | Self::Mismatch { .. } => {
                "nothing was imported; copy the pack again or export it again"
            }
            Self::NotAPack { .. } => "packs are written by `wgx memory export`",
            Self::Newer { .. } => "nothing was imported; update wgx",
            Self::Entry { .. } | Self::Fact { .. } => {
                "nothing was imported; do not trust this pack's origin, or export it again"
            }
            Self::TooLarge { .. } => "nothing was imported; raise the limit if you trust the pack",
            Self::Store(error) => error.hint(),
        }
    }
}

impl From<CasError> for PackError {
    fn from(error: CasError) -> Self {
        Self::Store(error.into())
    }
}

impl From<HomeError> for PackError {
    fn from(error: HomeError) -> Self {
        Self::Store(error.into())
    }
}

/// The entry of a table.
pub(super) fn facts_entry(table: &Table) -> String {
    format!("facts/{}.jsonl", table.name)
}

/// The entry of an object.
pub(super) fn object_entry(digest: &Digest) -> String {
    let name = digest.as_str();
    format!("cas/{}/{}/{name}", &name[..2], &name[2..4])
}

/// The object that an entry of this name holds.
pub(super) fn object_of_entry(entry: &str) -> Option<Digest> {
    let digest = Digest::parse(entry.rsplit('/').next()?).ok()?;
    (object_entry(&digest) == entry).then_some(digest)
}

/// A fact as a line: the columns in order, without spaces.
pub(super) fn line(table: &Table, fact: &Map<String, Value>) -> String {
    let mut ordered = Map::new();
    for (name, _) in table.columns {
        ordered.insert((*name).to_owned(), fact.get(*name).cloned().unwrap_or(Value::Null));
    }
    Value::Object(ordered).to_string()
}
