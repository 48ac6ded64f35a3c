//! From repositories, folders, vaults, runs, logs and conversations to documents.
//!
//! A pass compares a source with what is [`Known`] of it and says what to put and what to remove. Nothing of a source is
//! executed, no link is followed, nothing outside the root is opened; secrets are masked before anything leaves this
//! module; what is left out is counted with its reason.

mod document;
mod files;
mod made;
mod read;
mod runs;
mod skip;
mod stored;
mod text;
pub mod vault;
mod watch;

pub use document::{Change, Document, Known, Seen, SourceRef, Trust, Unknown};
pub use files::{IngestError, Pass, PassOptions, Progress, Report, Sink, Tree, TreeKind, pass};
pub(crate) use made::passages;
pub use made::{NewText, document};
pub use runs::{LOGS, RUNS, RunsError, runs};
pub use skip::Skip;
pub use stored::KnownDocuments;
pub(crate) use stored::passage_kind;
pub use text::{Citation, check};
pub use watch::{Wake, Watch, WatchMode, WatchOptions};
