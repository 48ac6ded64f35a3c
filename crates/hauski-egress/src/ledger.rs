//! Every decision is told before anything follows from it, counted, and kept for a while.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Decisions that are kept for `/admin/egress`.
const KEPT: usize = 256;

/// One decision about one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: SystemTime,
    /// On whose behalf: `system`, `key:<id>`, `plugin:<name>`.
    pub actor: String,
    /// Scheme, host and port; `-` where nothing was understood.
    pub target: String,
    /// How it went.
    pub outcome: Outcome,
    /// `listed`, or the code of the refusal.
    pub reason: &'static str,
    /// The address that will be dialled, or that was refused; none before one was resolved.
    pub address: Option<IpAddr>,
    /// Redirects followed before it.
    pub redirects: u32,
}

/// How a decision went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may be dialled.
    Allowed,
    /// It is refused.
    Denied,
}

/// The decision could not be recorded.
#[derive(Debug, thiserror::Error)]
#[error("the record of decisions is not available")]
pub struct Unobserved(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What [`Observe::decided`] gives back.
pub type Observed<'a> = Pin<Box<dyn Future<Output = Result<(), Unobserved>> + Send + 'a>>;

/// Is told each decision, for the audit.
pub trait Observe: Send + Sync {
    /// Records a decision. Nothing is dialled before it is done.
    ///
    /// # Errors
    /// When it could not be recorded; then nothing is dialled at all.
    fn decided<'a>(&'a self, decided: &'a Decided) -> Observed<'a>;
}

/// Counts by reason.
pub type Counts = BTreeMap<&'static str, u64>;

/// The last decisions and the counts of all.
#[derive(Clone, Default)]
pub struct Ledger {
    inner: Arc<Mutex<Inner>>,
    observer: Option<Arc<dyn Observe>>,
}

#[derive(Default)]
struct Inner {
    recent: VecDeque<Decided>,
    counts: Counts,
    total: u64,
}

impl Ledger {
    /// A ledger that also tells each decision to `observer`.
    pub fn new(observer: Option<Arc<dyn Observe>>) -> Self {
        Self { inner: Arc::default(), observer }
    }

    /// The last decisions, newest first, and how many older ones are not kept.
    pub fn recent(&self) -> (Vec<Decided>, u64) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = inner.recent.len() as u64;
        (inner.recent.iter().rev().cloned().collect(), inner.total - kept)
    }

    /// How many decisions there were, by reason.
    pub fn counts(&self) -> Counts {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }

    pub(crate) async fn record(&self, decided: Decided) -> Result<(), Unobserved> {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.total += 1;
            *inner.counts.entry(decided.reason).or_default() += 1;
            if inner.recent.len() == KEPT {
                inner.recent.pop_front();
            }
            inner.recent.push_back(decided.clone());
        }
        match &self.observer {
            Some(observer) => observer.decided(&decided).await,
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ledger").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
