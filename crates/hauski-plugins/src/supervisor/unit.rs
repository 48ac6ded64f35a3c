//! One plugin as the host knows it, whether it runs or not.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use contracts::hauski::plugin::Plugin;
use contracts::hauski::plugin_status::{
    HostEvent, LogStream, PluginFailure, PluginRoute, PluginState, PluginStatus,
};
use jiff::Timestamp;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::durations::{CallDurations, Durations};
use super::instance::{HostCall, Instance, Offered};
use super::run::Order;
use crate::host::HostInner;
use crate::logs::LogBook;
use crate::protocol::{Call, CallError, CallErrorKind, Slot};
use crate::sandbox::{Init, Paths};

/// Lines of standard error that are kept with a failure.
const STDERR_LINES: usize = 50;

/// Questions of one plugin to the daemon itself that are worked on at once.
const HOUSE_PLACES: usize = 16;

/// What a unit needs of its host.
pub(crate) struct UnitOptions {
    pub(crate) host: Weak<HostInner>,
    pub(crate) paths: Paths,
    pub(crate) init: Init,
    pub(crate) events: broadcast::Sender<HostEvent>,
    pub(crate) book: Arc<LogBook>,
}

/// One plugin as the host knows it, whether it runs or not.
pub(crate) struct Unit {
    pub(crate) name: Arc<str>,
    pub(crate) options: UnitOptions,
    spec: RwLock<Arc<Plugin>>,
    current: RwLock<Option<Arc<Instance>>>,
    shown: Mutex<Shown>,
    state: watch::Sender<PluginState>,
    orders: mpsc::UnboundedSender<Order>,
    waiting: AtomicU32,
    at_work: AtomicU32,
    calls: AtomicU64,
    failures: AtomicU64,
    overloaded: AtomicU64,
    /// Typical time of a call in microseconds.
    typical_us: AtomicU64,
    durations: Durations,
    pub(super) restarts: AtomicU64,
    /// The first line of log of the last start.
    pub(super) log_from: AtomicU64,
    pub(crate) events_dropped: AtomicU64,
    /// Questions to the daemon itself that may be worked on at once.
    pub(crate) house_places: Arc<Semaphore>,
}

struct Shown {
    cause: String,
    since: Timestamp,
    next_try: Option<Instant>,
    last_error: Option<PluginFailure>,
    offered: Offered,
}

impl Unit {
    pub(crate) fn new(
        spec: Plugin,
        options: UnitOptions,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Arc<Self> {
        let state = if spec.enabled { PluginState::Stopped } else { PluginState::Disabled };
        let cause = if spec.enabled { "it was not started yet" } else { "its manifest says so" };
        Arc::new(Self {
            name: spec.name.as_str().into(),
            options,
            spec: RwLock::new(Arc::new(spec)),
            current: RwLock::new(None),
            shown: Mutex::new(Shown {
                cause: cause.to_owned(),
                since: Timestamp::now(),
                next_try: None,
                last_error: None,
                offered: Offered::default(),
            }),
            state: watch::Sender::new(state),
            orders,
            waiting: AtomicU32::new(0),
            at_work: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            overloaded: AtomicU64::new(0),
            typical_us: AtomicU64::new(0),
            durations: Durations::default(),
            restarts: AtomicU64::new(0),
            log_from: AtomicU64::new(0),
            events_dropped: AtomicU64::new(0),
            house_places: Arc::new(Semaphore::new(HOUSE_PLACES)),
        })
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its entry in the manifest.
    pub(crate) fn spec(&self) -> Arc<Plugin> {
        Arc::clone(&self.spec.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_spec(&self, spec: Plugin) {
        self.options.book.set_limit(spec.limits.log_lines_per_s);
        *self.spec.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(spec);
    }

    /// The instance that gets calls.
    pub(crate) fn current(&self) -> Option<Arc<Instance>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes which instance gets calls, and returns the one before.
    pub(super) fn switch(&self, to: Option<Arc<Instance>>) -> Option<Arc<Instance>> {
        if let Some(instance) = &to {
            self.offers(instance.offered());
        }
        std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), to)
    }

    pub(crate) fn state(&self) -> PluginState {
        *self.state.borrow()
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<PluginState> {
        self.state.subscribe()
    }

    /// Enters a state and tells everybody why.
    pub(super) fn enter(&self, to: PluginState, cause: &str, next_try: Option<Instant>) {
        let now = Timestamp::now();
        let from = self.state();
        {
            let mut shown = self.shown();
            cause.clone_into(&mut shown.cause);
            shown.since = now;
            shown.next_try = next_try;
        }
        self.state.send_replace(to);
        let level = match to {
            PluginState::Unhealthy | PluginState::Failed | PluginState::Backoff => {
                contracts::hauski::protocol::Level::Error
            }
            _ => contracts::hauski::protocol::Level::Info,
        };
        let word = state_word(to);
        self.options.book.host(level, &format!("{word}: {cause}"));
        // Nobody may be listening.
        let _ = self.options.events.send(HostEvent::State {
            at: format!("{now:.3}"),
            plugin: self.name.to_string(),
            from,
            to,
            cause: cause.to_owned(),
        });
    }

    /// Changes the reason shown for the present state.
    pub(super) fn explain(&self, cause: &str) {
        cause.clone_into(&mut self.shown().cause);
    }

    /// What it can be asked for has changed, or is known for the first time.
    pub(super) fn offers(&self, offered: Offered) {
        let mut shown = self.shown();
        if shown.offered == offered {
            return;
        }
        shown.offered = offered.clone();
        drop(shown);
        let _ = self.options.events.send(HostEvent::Capabilities {
            at: format!("{:.3}", Timestamp::now()),
            plugin: self.name.to_string(),
            capabilities: offered.capabilities,
        });
    }

    /// What it offers now, or offered when it last ran.
    pub(crate) fn last_offered(&self) -> Offered {
        self.shown().offered.clone()
    }

    /// Keeps a failure for those who ask.
    pub(super) fn failed(&self, cause: &str) {
        let from = self.log_from.load(Ordering::Relaxed);
        let stderr = self.options.book.tail_of(LogStream::Stderr, from, STDERR_LINES);
        let at = format!("{:.3}", Timestamp::now());
        self.shown().last_error = Some(PluginFailure { at, cause: cause.to_owned(), stderr });
    }

    /// How it is.
    pub(crate) fn status(&self) -> PluginStatus {
        let spec = self.spec();
        let instance = self.current();
        let state = self.state();
        let shown = self.shown();
        let pid = instance.as_ref().map(|instance| instance.process.pid());
        let usage = pid.and_then(super::usage::of_tree);
        let declared = || spec.capabilities.clone();
        let known = &shown.offered.capabilities;
        let next_try = shown.next_try.filter(|_| state == PluginState::Backoff);
        let next_try_ms =
            next_try.map(|at| u64::try_from((at - Instant::now()).as_millis()).unwrap_or(u64::MAX));
        PluginStatus {
            name: self.name.to_string(),
            version: spec.version.clone(),
            description: spec.description.clone(),
            kind: spec.kind,
            state,
            cause: shown.cause.clone(),
            since: format!("{:.3}", shown.since),
            pid,
            cpu_ms: usage.map(|(cpu, _)| cpu),
            memory_bytes: usage.map(|(_, memory)| memory),
            queue: self.waiting.load(Ordering::Relaxed),
            inflight: self.at_work.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            overloaded: self.overloaded.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            next_try_ms,
            last_error: shown.last_error.clone(),
            capabilities: if known.is_empty() { declared() } else { known.clone() },
            models: instance.map_or_else(Vec::new, |instance| instance.models.clone()),
            routes: routes(&spec),
            log_lines_dropped: self.options.book.dropped(),
            events_dropped: self.events_dropped.load(Ordering::Relaxed),
        }
    }

    /// Why it cannot answer now.
    pub(crate) fn unavailable(&self) -> CallError {
        let state = self.state();
        let shown = self.shown();
        let retry_after_ms = match state {
            PluginState::Backoff => shown
                .next_try
                .map(|at| u64::try_from((at - Instant::now()).as_millis()).unwrap_or(u64::MAX)),
            PluginState::Starting | PluginState::Unhealthy => Some(1_000),
            _ => None,
        };
        let message = format!("plugin {} is {}", self.name, state_word(state));
        CallError::new(CallErrorKind::Unavailable { retry_after_ms }, message).of(&self.name)
    }

    /// Gives an order and waits until it is carried out.
    pub(crate) async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Order,
    ) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let over = || "it was taken away".to_owned();
        self.orders.send(order(reply)).map_err(|_| over())?;
        answer.await.unwrap_or_else(|_| Err(over()))
    }

    /// Ends the plugin without waiting for it.
    pub(crate) fn end(&self) {
        // A task that is gone has ended it already.
        let _ = self.orders.send(Order::End(oneshot::channel().0));
    }

    /// Calls that wait and work.
    pub(crate) fn load(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed) + self.at_work.load(Ordering::Relaxed)
    }

    /// Asks it: at once where a place is free, after others where the queue has room.
    pub(crate) fn call(self: &Arc<Self>, call: HostCall, deadline: Instant) -> Call {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let slot = Slot::new();
        let handle = Call::new(Arc::clone(&slot), deadline, Some(Arc::clone(&self.name)));
        let Some(instance) = self.current() else {
            self.failures.fetch_add(1, Ordering::Relaxed);
            slot.finish(Err(self.unavailable()), Vec::new());
            return handle;
        };
        let nobody_waits = self.waiting.load(Ordering::Relaxed) == 0;
        if nobody_waits && let Ok(place) = Arc::clone(&instance.places).try_acquire_owned() {
            self.begin(&slot, place);
            instance.send(&slot, call, deadline);
            return handle;
        }
        let limits = &self.spec().limits;
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= limits.queue {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.overloaded.fetch_add(1, Ordering::Relaxed);
            self.failures.fetch_add(1, Ordering::Relaxed);
            let retry_after_ms = self.retry_after_ms(limits.queue, limits.inflight);
            let message = format!("plugin {} has {} calls waiting", self.name, limits.queue);
            let kind = CallErrorKind::Overloaded { retry_after_ms };
            slot.finish(Err(CallError::new(kind, message)), Vec::new());
            return handle;
        }
        let unit = Arc::clone(self);
        tokio::spawn(async move {
            unit.wait_for_place(&slot, call, deadline).await;
            unit.waiting.fetch_sub(1, Ordering::Relaxed);
        });
        handle
    }

    async fn wait_for_place(self: &Arc<Self>, slot: &Arc<Slot>, call: HostCall, deadline: Instant) {
        loop {
            let Some(instance) = self.current() else {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return slot.finish(Err(self.unavailable()), Vec::new());
            };
            let places = Arc::clone(&instance.places);
            let place = tokio::select! {
                place = places.acquire_owned() => place,
                () = slot.over() => return,
                () = tokio::time::sleep_until(deadline) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    let message = "the deadline has passed while the call waited for a place";
                    let error = CallError::new(CallErrorKind::TimedOut, message);
                    return slot.finish(Err(error), Vec::new());
                }
            };
            if let Ok(place) = place {
                self.begin(slot, place);
                return instance.send(slot, call, deadline);
            }
            // The instance takes no more calls: the next one does, or nobody. Its switch may be on its way.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Counts a call and gives its place back when it is over.
    fn begin(self: &Arc<Self>, slot: &Arc<Slot>, place: tokio::sync::OwnedSemaphorePermit) {
        let unit = Arc::clone(self);
        let began = Instant::now();
        self.at_work.fetch_add(1, Ordering::Relaxed);
        slot.at_end(Box::new(move |error, answered| {
            unit.at_work.fetch_sub(1, Ordering::Relaxed);
            drop(place);
            if error.is_some() {
                unit.failures.fetch_add(1, Ordering::Relaxed);
            } else if answered {
                unit.note_duration(began.elapsed());
            }
        }));
    }

    /// How long its answered calls took.
    pub(crate) fn durations(&self) -> CallDurations {
        self.durations.shown()
    }

    fn note_duration(&self, took: std::time::Duration) {
        self.durations.note(took);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let before = self.typical_us.load(Ordering::Relaxed);
        let now = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.typical_us.store(now, Ordering::Relaxed);
    }

    /// When the queue will probably have room.
    fn retry_after_ms(&self, queue: u32, inflight: u32) -> u64 {
        let typical = self.typical_us.load(Ordering::Relaxed) / 1_000;
        let rounds = u64::from(queue) / u64::from(inflight.max(1)) + 1;
        typical.saturating_mul(rounds).clamp(50, 30_000)
    }
}

fn routes(spec: &Plugin) -> Vec<PluginRoute> {
    let own = |route: &contracts::hauski::plugin::Route| PluginRoute {
        prefix: format!("/plugins/{}{}", spec.name, route.path),
        scope: route.scope.clone().unwrap_or_else(|| format!("plugin:{}", spec.name)),
    };
    spec.routes.iter().map(own).collect()
}

fn state_word(state: PluginState) -> &'static str {
    match state {
        PluginState::Stopped => "stopped",
        PluginState::Starting => "starting",
        PluginState::Running => "running",
        PluginState::Unhealthy => "unhealthy",
        PluginState::Backoff => "waiting to be started again",
        PluginState::Failed => "failed",
        PluginState::Stopping => "stopping",
        PluginState::Disabled => "disabled",
    }
}
