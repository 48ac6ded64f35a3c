//! What every request can reach: settings, policies, metrics and the end of the daemon.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::policies::Policies;
use crate::settings::Settings;

/// Shared by all requests; cloning is cheap.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// The parts.
pub(crate) struct Inner {
    /// How this daemon was started.
    pub(crate) settings: Settings,
    /// The policies in force; a request loads them once and keeps what it got.
    pub(crate) policies: ArcSwap<Policies>,
    /// Counters and histograms.
    pub(crate) metrics: Metrics,
    /// When the process began to serve.
    pub(crate) started: Instant,
    /// Cancelled when no new work is taken; what runs may finish.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the time to finish is over.
    pub(crate) ended: CancellationToken,
    ready: AtomicBool,
}

impl AppState {
    /// Puts the parts together.
    pub(crate) fn new(settings: Settings, policies: Policies) -> Self {
        Self(Arc::new(Inner {
            settings,
            policies: ArcSwap::from_pointee(policies),
            metrics: Metrics::new(),
            started: Instant::now(),
            draining: CancellationToken::new(),
            ended: CancellationToken::new(),
            ready: AtomicBool::new(false),
        }))
    }
}

impl Inner {
    /// Whether requests are taken.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.draining.is_cancelled()
    }

    /// From now on requests are taken.
    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
