//! Append-only JSON lines: hash chain, checkpoints signed with Ed25519, verify and prove.
//!
//! [`Log`] is the only writer of a folder; one thread of it writes, signs and syncs. [`verify()`] reads
//! such a folder and trusts nothing in it but what a key signed. The format stands in `docs/audit.md`.

mod anchor;
mod checkpoint;
mod event;
mod key;
mod line;
mod log;
mod merkle;
mod note;
mod prove;
mod queue;
mod read;
mod recover;
mod scan;
mod segment;
mod verify;
mod writer;

pub use contracts::hauski::audit::{Finding, Line, Outcome, Proof, Verdict, VerifyReport};
pub use event::{Durability, Event, EventError};
pub use key::{KeyError, VerifierKey};
pub use log::{AppendError, Log, OpenError, Options, Receipt, Status, Written};
pub use prove::{ProofError, ProveError, check_proof, prove};
pub use read::{Exported, Filter, export, tail};
pub use verify::{VerifyError, VerifyOptions, verify};
