//! The one registry of metrics; `docs/metrics.md` lists what it holds and a test compares both.

mod house;
pub(crate) mod observability;

use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::state::Inner;

/// Upper bounds of the latency histograms in seconds; the budgets of `limits.yaml` lie on bounds.
const SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 0.4, 1.0, 2.5, 10.0, 60.0, 600.0];

/// Labels of a request. The path is the route's pattern, never what the client wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    /// `GET`, `POST` …; `other` for methods that no route has.
    pub(crate) method: &'static str,
    /// Pattern of the route, or `unmatched`.
    pub(crate) path: String,
    /// Status code.
    pub(crate) status: u16,
}

/// Labels of a duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteLabels {
    /// As in [`RequestLabels`].
    pub(crate) method: &'static str,
    /// As in [`RequestLabels`].
    pub(crate) path: String,
}

/// Labels of what engines did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EngineLabels {
    /// `chat`, `embed` …
    pub(crate) capability: &'static str,
}

/// Labels of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TokenLabels {
    /// As in [`EngineLabels`].
    pub(crate) capability: &'static str,
    /// `prompt` or `completion`.
    pub(crate) kind: &'static str,
}

/// Counters and histograms of the daemon.
pub(crate) struct Metrics {
    tokens: Family<TokenLabels, Counter>,
    house: house::House,
    first_chunks: Family<EngineLabels, Histogram, fn() -> Histogram>,
    engine_times: Family<EngineLabels, Histogram, fn() -> Histogram>,
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pinned_items: Gauge,
    unpinned_items: Gauge,
    expired_items: Counter,
    evicted_items: Counter,
    forgotten_items: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
}

/// A request that is at work; its clones are the same request.
#[derive(Clone)]
pub(crate) struct InFlight(#[expect(dead_code, reason = "only its end matters")] Arc<Counted>);

struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// An empty registry with all families of the daemon.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let durations = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        let (in_flight, connections) = (Gauge::default(), Gauge::default());
        registry.register(
            "build",
            "Version of the program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests at work", in_flight.clone());
        registry.register("http_connections", "Open connections", connections.clone());
        let (pinned_items, unpinned_items) = (Gauge::default(), Gauge::default());
        registry.register("memory_items_pinned", "Items kept for good", pinned_items.clone());
        registry.register("memory_items_unpinned", "Items that may end", unpinned_items.clone());
        let (expired_items, evicted_items, forgotten_items) =
            (Counter::default(), Counter::default(), Counter::default());
        registry.register(
            "memory_evictions_expired",
            "Items that had ended and were collected",
            expired_items.clone(),
        );
        registry.register(
            "memory_evictions_full",
            "Items that went because their layer was full",
            evicted_items.clone(),
        );
        registry.register(
            "memory_evictions_manual",
            "Items that somebody evicted or forgot",
            forgotten_items.clone(),
        );
        let tokens = Family::default();
        let first_chunks = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        let engine_times = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        registry.register("engine_tokens", "Tokens read and written", tokens.clone());
        registry.register(
            "engine_first_chunk_seconds",
            "Time from a request to the first piece of its answer",
            first_chunks.clone(),
        );
        registry.register(
            "engine_duration_seconds",
            "Time from a request to the last piece of its answer",
            engine_times.clone(),
        );
        let house = house::House::default();
        registry.register_collector(Box::new(house.clone()));
        Self {
            tokens,
            house,
            first_chunks,
            engine_times,
            registry,
            requests,
            durations,
            in_flight,
            pinned_items,
            unpinned_items,
            expired_items,
            evicted_items,
            forgotten_items,
            connections,
        }
    }

    /// A registry in which every family holds something: pages leave out those that hold nothing.
    pub(crate) fn with_examples() -> Self {
        let metrics = Self::new();
        let labels = RequestLabels { method: "GET", path: "/health".to_owned(), status: 200 };
        metrics.observe(&labels, Duration::ZERO);
        metrics.tokens("chat", 0, 0);
        metrics.first_chunk("chat", Duration::ZERO);
        metrics.engine_time("chat", Duration::ZERO);
        metrics.house.example();
        metrics
    }

    /// From now on pages show what this daemon is at the moment, its plugins above all.
    pub(crate) fn of(&self, daemon: Weak<Inner>) {
        self.house.is(daemon);
    }

    /// Counts a request that is at work, until what comes back is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(Arc::new(Counted(self.in_flight.clone())))
    }

    /// Counts an answered request.
    pub(crate) fn observe(&self, labels: &RequestLabels, duration: Duration) {
        let route = RouteLabels { method: labels.method, path: labels.path.clone() };
        self.requests.get_or_create(labels).inc();
        self.durations.get_or_create(&route).observe(duration.as_secs_f64());
    }

    /// How many items the memory shows.
    pub(crate) fn memory_items(&self, pinned: u64, unpinned: u64) {
        self.pinned_items.set(i64::try_from(pinned).unwrap_or(i64::MAX));
        self.unpinned_items.set(i64::try_from(unpinned).unwrap_or(i64::MAX));
    }

    /// Counts items that were collected.
    pub(crate) fn memory_evictions(&self, expired: u64, full: u64) {
        self.expired_items.inc_by(expired);
        self.evicted_items.inc_by(full);
    }

    /// Counts items that somebody let go.
    pub(crate) fn memory_forgotten(&self, items: u64) {
        self.forgotten_items.inc_by(items);
    }

    /// Counts tokens of a request.
    pub(crate) fn tokens(&self, capability: &'static str, prompt: u64, completion: u64) {
        for (kind, count) in [("prompt", prompt), ("completion", completion)] {
            self.tokens.get_or_create(&TokenLabels { capability, kind }).inc_by(count);
        }
    }

    /// Notes how long the first piece of an answer took.
    pub(crate) fn first_chunk(&self, capability: &'static str, time: Duration) {
        let labels = EngineLabels { capability };
        self.first_chunks.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Notes how long an answer took.
    pub(crate) fn engine_time(&self, capability: &'static str, time: Duration) {
        let labels = EngineLabels { capability };
        self.engine_times.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Everything in the text format of OpenMetrics.
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
