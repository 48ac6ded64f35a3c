//! The memory behind every verb: SQLite for facts, a content-addressed store for logs and artefacts.
//!
//! Facts are written once and never changed; a deletion is a fact too. Everything works on a
//! current-thread runtime, with one connection and no pool. Nothing is stored before it was masked.

mod artefact;
mod cas;
mod check;
mod env;
mod evidence;
mod facts;
mod home;
mod items;
mod load;
mod log;
mod log_text;
mod meaning;
mod pack;
mod policy_event;
mod preference;
mod references;
mod repo;
mod retention;
mod run;
mod stats;
mod store;
mod task_stats;
mod tombstone;
mod trust;

pub use artefact::{ArtefactGaps, open_regular};
pub use cas::{Cas, CasError, Digest, ObjectEntry, ObjectWriter, Removed, StoredObject};
pub use check::Checked;
pub use env::{Environment, EnvironmentChange};
pub use evidence::{Evidence, EvidenceSummary, NewEvidence};
pub use home::{Home, HomeError};
pub use items::{
    DEFAULT_IMPORTANCE, DEFAULT_NAMESPACE, Decision, ForgottenItems, Item, ItemCounts, ItemFilter,
    ItemHit, ItemPage, ItemSelection, Layer, LayerCount, LayerRules, MAX_VALUE_BYTES, NewItem,
    Proposal, Remembered, Rules, Ttl,
};
pub use log::{LogSummary, LogWriter, StoredLog, failure_signature, plain_text};
pub use log_text::{LogHit, LogSearch};
pub use pack::{ExportOptions, Exported, ImportLimits, Imported, PackError};
pub use policy_event::{NewPolicyEvent, RuleCount};
pub use references::{KnownSeed, SecretRef, SeedSnapshot};
pub use repo::{KnownRepo, RepoIdentity, RepoRecord, normalise_origin, repo_key};
pub use retention::{Collected, GRACE, Retention};
pub use run::{Artefact, Outcome, Run, RunDetail, RunFilter, RunFinish, RunStart, StartedRun};
pub use stats::Stats;
pub use store::{Access, Store, StoreError};
pub use task_stats::{Precedent, SITTING_MS, Successor, TaskStats, WINDOW_RUNS};
pub use tombstone::{Forget, Forgotten};
pub use trust::TrustRecord;
