//! What every request can reach: settings, policies, metrics and the end of the daemon.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use hauski_egress::Egress;
use hauski_index::Index;
use hauski_plugins::Host;
use policy::Policies;
use redact::Redactor;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::keys::Keys;
use crate::mcp::Endpoint;
use crate::memories::Memories;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::plugins::apikeys::ApiKeys;
use crate::server::denials::Denials;
use crate::server::error::{ApiError, Code};
use crate::server::failures::Failures;
use crate::server::room::Room;
use crate::server::session::Sessions;
use crate::settings::Settings;
use crate::store::Store;
use crate::studio::jobs::Jobs;
use crate::trace::Tracer;

/// WebSockets at once.
const SOCKETS: usize = 128;

/// Shared by all requests; cloning is cheap.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// The parts.
pub(crate) struct Inner {
    /// How this daemon was started.
    pub(crate) settings: Settings,
    /// The policies in force; a request loads them once and keeps what it got.
    pub(crate) policies: ArcSwap<Policies>,
    /// What may change while the daemon runs.
    pub(crate) options: ArcSwap<Options>,
    /// API keys.
    pub(crate) keys: Keys,
    /// Browsers that are logged in.
    pub(crate) sessions: Sessions,
    /// Addresses that sent wrong keys.
    pub(crate) failures: Failures,
    /// Who was refused lately.
    pub(crate) denials: Denials,
    /// Where traces go, if anywhere.
    pub(crate) tracer: Option<Tracer>,
    /// Room for requests.
    pub(crate) room: Room,
    /// The database of the daemon.
    pub(crate) store: Arc<Store>,
    /// What is recorded.
    pub(crate) audit: audit::Log,
    /// What can be searched, or why it cannot be.
    pub(crate) index: Result<Index, String>,
    /// The plugins.
    pub(crate) host: Host,
    /// The only way to the outside.
    pub(crate) egress: Egress,
    /// Looks for secrets in what would leave the house.
    pub(crate) redactor: Redactor,
    /// Where it listens, for a browser.
    pub(crate) url: String,
    /// What is remembered.
    pub(crate) memories: Memories,
    /// Counters and histograms.
    pub(crate) metrics: Metrics,
    /// The door for agents, made when the first one comes.
    pub(crate) mcp: OnceLock<Endpoint>,
    /// Tasks that somebody started on a page.
    pub(crate) jobs: Jobs,
    /// Changes that are being made; the daemon does not end before them.
    pub(crate) changes: TaskTracker,
    /// WebSockets that may be open at once.
    pub(crate) sockets: Arc<Semaphore>,
    /// Held by whoever stores or reads settings and puts them in force, so that the last one wins.
    pub(crate) settling: Mutex<()>,
    /// When the process began to serve.
    pub(crate) started: Instant,
    /// Cancelled when no new work is taken; what runs may finish.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the time to finish is over.
    pub(crate) ended: CancellationToken,
    ready: AtomicBool,
}

/// What a daemon is put together of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) options: Options,
    pub(crate) policies: Policies,
    pub(crate) store: Arc<Store>,
    pub(crate) keys: Keys,
    pub(crate) audit: audit::Log,
    pub(crate) index: Result<Index, String>,
    pub(crate) host: Host,
    pub(crate) egress: Egress,
    pub(crate) redactor: Redactor,
    pub(crate) url: String,
}

impl AppState {
    /// Puts the parts together.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { settings, options, policies, store, keys, audit, index, host, .. } = parts;
        let (egress, redactor, url) = (parts.egress, parts.redactor, parts.url);
        let collector = options.otlp_endpoint.as_deref();
        let tracer = collector.map(|endpoint| Tracer::start(endpoint, egress.clone()));
        let state = Self(Arc::new(Inner {
            settings,
            options: ArcSwap::from_pointee(options),
            audit,
            index,
            host,
            egress,
            redactor,
            url,
            keys,
            sessions: Sessions::default(),
            failures: Failures::default(),
            denials: Denials::default(),
            tracer,
            room: Room::new(policies.limits.request.max_concurrent),
            store,
            policies: ArcSwap::from_pointee(policies),
            memories: Memories::default(),
            metrics: Metrics::new(),
            mcp: OnceLock::new(),
            changes: TaskTracker::new(),
            jobs: Jobs::default(),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
            settling: Mutex::new(()),
            started: Instant::now(),
            draining: CancellationToken::new(),
            ended: CancellationToken::new(),
            ready: AtomicBool::new(false),
        }));
        state.metrics.of(state.downgrade());
        state.host.set_house(Arc::new(ApiKeys(state.downgrade())));
        state
    }
}

impl AppState {
    /// The state to which a part leads back.
    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// The same without keeping it alive.
    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }
}

impl Inner {
    /// Whether requests are taken.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.draining.is_cancelled()
    }

    /// The index, or why it does not answer.
    pub(crate) fn index(&self) -> Result<&Index, ApiError> {
        self.index.as_ref().map_err(|_| {
            let message = "The index cannot be opened; `hauski index status` and the log say why.";
            ApiError::new(Code::CapabilityUnavailable, message)
        })
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
