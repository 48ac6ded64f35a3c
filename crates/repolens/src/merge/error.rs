//! Why there is no merge.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::delta::DeltaError;
use crate::scan::ScanError;

/// Why there is no merge. Nothing was written then.
#[derive(Debug, Error)]
pub enum MergeError {
    /// A root cannot be scanned.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// There is nothing to compare with.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// The options contradict each other.
    #[error("{0}")]
    Options(String),
    /// The folder for the merge cannot be written to.
    #[error("cannot write to `{}`: {source}", path.display())]
    Write {
        /// The folder, or the file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two merges of one call would have one name.
    #[error("two merges would both be called `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// The own check of the structure failed; nothing was written.
    #[error("the merge would break its own rules, so nothing was written: {what}")]
    Structure {
        /// The first fault.
        what: String,
    },
}
