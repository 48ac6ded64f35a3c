//! The task that owns the state of one plugin.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::hauski::plugin::{Plugin, RestartPolicy};
use contracts::hauski::plugin_status::PluginState;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::backoff::{Backoff, chance};
use super::instance::{End, Instance};
use super::start::start;
use super::stop::{drain, stop};
use super::unit::Unit;

/// What somebody wants of a plugin.
pub(crate) enum Order {
    /// Run.
    Start(Reply),
    /// Do not run.
    Stop(Reply),
    /// Run afresh.
    Restart(Reply),
    /// Run afresh without a failed call; with another entry of the manifest where one is given.
    Reload(Option<Box<Plugin>>, Reply),
    /// Do not run any more; the task ends.
    End(Reply),
}

/// Told when an order is carried out, or why it cannot be.
pub(crate) type Reply = oneshot::Sender<Result<(), String>>;

/// The task that owns the state of one plugin.
pub(crate) struct Keeper {
    unit: Arc<Unit>,
    orders: mpsc::UnboundedReceiver<Order>,
    backoff: Backoff,
    started_before: bool,
}

/// What the task does next.
enum Phase {
    /// It is down until somebody says something.
    Down,
    /// It is started now; somebody may wait for it.
    Starting(String, Option<Reply>),
    /// It runs.
    Up(Arc<Instance>),
    /// It is started again at that time.
    Waiting(Instant, String),
    /// The task ends.
    Over,
}

impl Keeper {
    pub(crate) fn new(unit: &Arc<Unit>, orders: mpsc::UnboundedReceiver<Order>) -> Self {
        Self { unit: Arc::clone(unit), orders, backoff: Backoff::default(), started_before: false }
    }

    /// Runs until the plugin is taken away.
    pub(crate) async fn run(mut self) {
        let spec = self.unit.spec();
        let mut phase = if spec.enabled && spec.autostart {
            Phase::Starting("the daemon starts it".to_owned(), None)
        } else {
            Phase::Down
        };
        loop {
            phase = match phase {
                Phase::Down => self.down().await,
                Phase::Starting(cause, reply) => self.starting(&cause, reply).await,
                Phase::Up(instance) => self.up(instance).await,
                Phase::Waiting(until, cause) => self.waiting(until, &cause).await,
                Phase::Over => return,
            };
        }
    }

    async fn down(&mut self) -> Phase {
        match self.orders.recv().await {
            Some(Order::Start(reply)) => self.start_again("somebody started it", reply),
            Some(Order::Restart(reply)) => self.start_again("somebody restarted it", reply),
            Some(Order::Reload(spec, reply)) => {
                if let Some(spec) = spec {
                    self.take_spec(*spec);
                }
                let _ = reply.send(Ok(()));
                Phase::Down
            }
            Some(Order::Stop(reply)) => {
                if !matches!(self.unit.state(), PluginState::Stopped | PluginState::Disabled) {
                    self.unit.enter(PluginState::Stopped, "somebody stopped it", None);
                }
                let _ = reply.send(Ok(()));
                Phase::Down
            }
            Some(Order::End(reply)) => over(reply),
            None => Phase::Over,
        }
    }

    /// Takes another entry of the manifest for a plugin that is down.
    fn take_spec(&mut self, spec: Plugin) {
        let enabled = spec.enabled;
        self.unit.set_spec(spec);
        match (enabled, self.unit.state()) {
            (false, PluginState::Disabled) => {}
            (false, _) => self.unit.enter(PluginState::Disabled, "its manifest says so", None),
            (true, PluginState::Disabled) => {
                self.unit.enter(PluginState::Stopped, "its manifest allows it again", None);
            }
            (true, _) => {}
        }
    }

    fn start_again(&mut self, cause: &str, reply: Reply) -> Phase {
        if !self.unit.spec().enabled {
            let _ = reply.send(Err("its manifest says that it may not be started".to_owned()));
            return Phase::Down;
        }
        self.backoff.reset();
        Phase::Starting(cause.to_owned(), Some(reply))
    }

    async fn starting(&mut self, cause: &str, reply: Option<Reply>) -> Phase {
        self.unit.enter(PluginState::Starting, cause, None);
        if std::mem::replace(&mut self.started_before, true) {
            self.unit.restarts.fetch_add(1, Ordering::Relaxed);
        }
        let unit = Arc::clone(&self.unit);
        let spec = unit.spec();
        let begun = async {
            wait_for_others(&unit, &spec).await;
            start(&unit, &spec).await
        };
        let mut replies: Vec<Reply> = reply.into_iter().collect();
        tokio::pin!(begun);
        loop {
            tokio::select! {
                started = &mut begun => {
                    let answer = started.as_ref().map(drop).map_err(Clone::clone);
                    for reply in replies {
                        let _ = reply.send(answer.clone());
                    }
                    return match started {
                        Ok(instance) => {
                            self.unit.switch(Some(Arc::clone(&instance)));
                            self.unit.enter(PluginState::Running, "it answers", None);
                            Phase::Up(instance)
                        }
                        Err(cause) => self.after_failure(&cause, RestartPolicy::OnFailure),
                    };
                }
                order = self.orders.recv() => {
                    let (phase, answer) = match order {
                        Some(Order::Start(reply)) => {
                            replies.push(reply);
                            continue;
                        }
                        Some(Order::Stop(reply)) => {
                            let _ = reply.send(Ok(()));
                            self.unit.enter(PluginState::Stopped, "somebody stopped it", None);
                            (Phase::Down, "somebody stopped it while it started")
                        }
                        Some(Order::Restart(reply)) => {
                            let cause = "somebody restarted it".to_owned();
                            (Phase::Starting(cause, Some(reply)), "somebody restarted it")
                        }
                        Some(Order::Reload(spec, reply)) => {
                            if let Some(spec) = spec {
                                self.unit.set_spec(*spec);
                            }
                            let cause = "somebody reloaded it".to_owned();
                            (Phase::Starting(cause, Some(reply)), "somebody reloaded it")
                        }
                        Some(Order::End(reply)) => (over(reply), "the host ends"),
                        None => (Phase::Over, "the host ends"),
                    };
                    for reply in replies {
                        let _ = reply.send(Err(answer.to_owned()));
                    }
                    return phase;
                }
            }
        }
    }

    async fn up(&mut self, instance: Arc<Instance>) -> Phase {
        let spec = self.unit.spec();
        let mut misses = 0;
        let interval = Duration::from_millis(spec.health.interval_ms);
        let timeout = Duration::from_millis(spec.health.timeout_ms);
        loop {
            let look = async {
                tokio::time::sleep(interval).await;
                instance.endpoint.expire();
                self.unit.options.book.tick();
                instance.ping(timeout).await
            };
            tokio::select! {
                end = instance.ended() => return self.after_end(&instance, end).await,
                order = self.orders.recv() => {
                    match self.order_while_up(&instance, order).await {
                        Some(phase) => return phase,
                        None => continue,
                    }
                }
                pinged = look => match pinged {
                    Ok(()) => misses = 0,
                    Err(error) => {
                        misses += 1;
                        let text = format!("ping {misses} of {} missed: {error}", spec.health.failures);
                        self.unit.options.book.host(contracts::hauski::protocol::Level::Warn, &text);
                    }
                },
            }
            if misses >= spec.health.failures {
                return self.after_silence(&instance, misses).await;
            }
        }
    }

    /// Nothing when the instance stays.
    async fn order_while_up(
        &mut self,
        instance: &Arc<Instance>,
        order: Option<Order>,
    ) -> Option<Phase> {
        match order {
            Some(Order::Start(reply)) => {
                let _ = reply.send(Ok(()));
                None
            }
            Some(Order::Stop(reply)) => {
                self.stop_now(instance, "somebody stopped it").await;
                self.unit.enter(PluginState::Stopped, "somebody stopped it", None);
                let _ = reply.send(Ok(()));
                Some(Phase::Down)
            }
            Some(Order::Restart(reply)) => {
                self.stop_now(instance, "somebody restarted it").await;
                self.backoff.reset();
                Some(Phase::Starting("somebody restarted it".to_owned(), Some(reply)))
            }
            Some(Order::Reload(spec, reply)) => {
                let reloaded = self.reload(instance, spec).await;
                let answer = reloaded.as_ref().map(drop).map_err(Clone::clone);
                let _ = reply.send(answer);
                match reloaded {
                    Ok(Some(next)) => Some(Phase::Up(next)),
                    Ok(None) => Some(Phase::Down),
                    Err(_) => None,
                }
            }
            Some(Order::End(reply)) => {
                self.stop_now(instance, "the host ends").await;
                self.unit.enter(PluginState::Stopped, "the host ends", None);
                Some(over(reply))
            }
            None => {
                self.stop_now(instance, "the host ends").await;
                Some(Phase::Over)
            }
        }
    }

    async fn stop_now(&self, instance: &Arc<Instance>, cause: &str) {
        self.unit.enter(PluginState::Stopping, cause, None);
        self.unit.switch(None);
        let grace = Duration::from_millis(self.unit.spec().stop.grace_ms);
        instance.start_draining();
        // Calls at work may end in peace, within the same grace.
        let _ = tokio::time::timeout(grace, drain(instance)).await;
        stop(instance, grace).await;
        instance.logs_read().await;
    }

    /// Starts a second instance, switches, and lets the first one finish beside it. Nothing when the new entry
    /// says that the plugin may not run.
    async fn reload(
        &mut self,
        old: &Arc<Instance>,
        spec: Option<Box<Plugin>>,
    ) -> Result<Option<Arc<Instance>>, String> {
        let spec = spec.map_or_else(|| self.unit.spec(), |spec| Arc::new(*spec));
        if !spec.enabled {
            self.stop_now(old, "its manifest says so").await;
            self.unit.set_spec((*spec).clone());
            self.unit.enter(PluginState::Disabled, "its manifest says so", None);
            return Ok(None);
        }
        let host = contracts::hauski::protocol::Level::Info;
        self.unit.options.book.host(host, "reload: a second process starts beside the first");
        let new = match start(&self.unit, &spec).await {
            Ok(new) => new,
            Err(cause) => {
                let text = format!("reload failed, the old process stays: {cause}");
                let level = contracts::hauski::protocol::Level::Error;
                self.unit.options.book.host(level, &text);
                self.unit.failed(&text);
                return Err(text);
            }
        };
        self.unit.set_spec((*spec).clone());
        self.unit.switch(Some(Arc::clone(&new)));
        self.unit.enter(PluginState::Running, "it was reloaded", None);
        let grace = Duration::from_millis(spec.stop.grace_ms);
        let old = Arc::clone(old);
        tokio::spawn(async move {
            drain(&old).await;
            stop(&old, grace).await;
        });
        Ok(Some(new))
    }

    async fn after_end(&mut self, instance: &Arc<Instance>, end: End) -> Phase {
        self.unit.switch(None);
        instance.start_draining();
        instance.logs_read().await;
        let policy = self.unit.spec().restart.policy;
        if end.success && policy != RestartPolicy::Always {
            let cause = format!("{} by itself", end.cause);
            self.unit.enter(PluginState::Stopped, &cause, None);
            return Phase::Down;
        }
        self.after_failure(&end.cause, policy)
    }

    async fn after_silence(&mut self, instance: &Arc<Instance>, misses: u32) -> Phase {
        let cause = format!("it did not answer {misses} pings in a row");
        self.unit.enter(PluginState::Unhealthy, &cause, None);
        self.unit.switch(None);
        instance.start_draining();
        let gone = crate::CallError::new(crate::CallErrorKind::Crashed, &*cause);
        instance.endpoint.close(&gone);
        instance.process.kill();
        let _ = tokio::time::timeout(Duration::from_secs(6), instance.process.ended()).await;
        instance.logs_read().await;
        let policy = self.unit.spec().restart.policy;
        self.after_failure(&cause, policy)
    }

    fn after_failure(&mut self, cause: &str, policy: RestartPolicy) -> Phase {
        self.unit.failed(cause);
        let rules = self.unit.spec().restart.clone();
        if policy == RestartPolicy::Never || rules.policy == RestartPolicy::Never {
            self.unit.enter(PluginState::Failed, cause, None);
            return Phase::Down;
        }
        match self.backoff.failed(std::time::Instant::now(), &rules, chance()) {
            Some(wait) => Phase::Waiting(Instant::now() + wait, cause.to_owned()),
            None => {
                let times = rules.max.saturating_add(1);
                let cause = format!("{cause}; failure {times} within {} s", rules.window_s);
                self.unit.enter(PluginState::Failed, &cause, None);
                Phase::Down
            }
        }
    }

    async fn waiting(&mut self, until: Instant, cause: &str) -> Phase {
        self.unit.enter(PluginState::Backoff, cause, Some(until));
        let order = tokio::select! {
            () = tokio::time::sleep_until(until) => {
                return Phase::Starting(format!("again after: {cause}"), None);
            }
            order = self.orders.recv() => order,
        };
        match order {
            Some(Order::Start(reply)) => self.start_again("somebody started it", reply),
            Some(Order::Restart(reply)) => self.start_again("somebody restarted it", reply),
            Some(Order::Reload(spec, reply)) => {
                if let Some(spec) = spec {
                    self.unit.set_spec(*spec);
                }
                if !self.unit.spec().enabled {
                    self.unit.enter(PluginState::Disabled, "its manifest says so", None);
                    let _ = reply.send(Ok(()));
                    return Phase::Down;
                }
                self.start_again("somebody reloaded it", reply)
            }
            Some(Order::Stop(reply)) => {
                self.unit.enter(PluginState::Stopped, "somebody stopped it", None);
                let _ = reply.send(Ok(()));
                Phase::Down
            }
            Some(Order::End(reply)) => over(reply),
            None => Phase::Over,
        }
    }
}

fn over(reply: Reply) -> Phase {
    let _ = reply.send(Ok(()));
    Phase::Over
}

/// Waits until every plugin named in `after` runs.
async fn wait_for_others(unit: &Arc<Unit>, spec: &Plugin) {
    for name in &spec.after {
        let Some(other) = unit.options.host.upgrade().and_then(|host| host.unit(name)) else {
            continue;
        };
        let mut state = other.watch_state();
        if *state.borrow() != PluginState::Running {
            unit.explain(&format!("it waits for {name}"));
        }
        // A plugin that is taken away leaves nobody to wait for.
        let _ = state.wait_for(|state| *state == PluginState::Running).await;
    }
}
