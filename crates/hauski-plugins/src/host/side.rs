//! What the host does with the questions and notifications of a plugin.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use contracts::hauski::plugin::Kind;
use contracts::hauski::protocol::{self as wire, Event, Level, Log, Meta, RpcError, code};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallOptions, Target, WeakHost, mcp};
use crate::protocol::{
    CallError, CallErrorKind, CallEvent, Endpoint, Incoming, Service, method_not_found,
};
use crate::supervisor::{Instance, Unit, topic_fits};

/// Plugins may ask plugins, which may ask plugins: so often and no further.
const MAX_DEPTH: u32 = 8;
/// Questions of one plugin that may be open at once.
const MAX_OPEN: usize = 256;
/// An event goes to many; what is larger belongs into a file or a call.
const MAX_EVENT_BYTES: usize = 64 << 10;
/// Where a plugin names no deadline.
const DEFAULT_DEADLINE_MS: u64 = 30_000;

/// The host as one plugin sees it.
pub(crate) struct HostSide {
    unit: Weak<Unit>,
    endpoint: Weak<Endpoint>,
    instance: Arc<OnceLock<Weak<Instance>>>,
    kind: Kind,
}

impl HostSide {
    pub(crate) fn new(
        unit: &Arc<Unit>,
        endpoint: &Arc<Endpoint>,
        instance: &Arc<OnceLock<Weak<Instance>>>,
        kind: Kind,
    ) -> Self {
        Self {
            unit: Arc::downgrade(unit),
            endpoint: Arc::downgrade(endpoint),
            instance: Arc::clone(instance),
            kind,
        }
    }

    fn answer(&self, incoming: Incoming) {
        let (Some(unit), Some(endpoint)) = (self.unit.upgrade(), self.endpoint.upgrade()) else {
            return;
        };
        if endpoint.open_requests() > MAX_OPEN {
            let kind = CallErrorKind::Overloaded { retry_after_ms: 1_000 };
            let message = format!("more than {MAX_OPEN} questions are open");
            return fail(incoming, kind, &message);
        }
        let host = Weak::clone(&unit.options.host);
        match incoming.method.as_str() {
            "call" => call(&host, &unit, &endpoint, incoming),
            "publish" => publish(&host, &unit, incoming),
            "subscribe" => self.subscribe(&unit, incoming),
            _ => refuse(incoming),
        }
    }

    fn subscribe(&self, unit: &Unit, incoming: Incoming) {
        let Some((incoming, asked)) = params::<wire::Subscribe>(incoming) else { return };
        let allowed = &unit.spec().events.subscribe;
        let stranger = asked.topics.iter().find(|topic| !allows(allowed, topic));
        if let Some(topic) = stranger {
            let message = format!("the manifest does not let it hear {topic:?}");
            return fail(incoming, CallErrorKind::Forbidden, &message);
        }
        let Some(instance) = self.instance.get().and_then(Weak::upgrade) else {
            let kind = CallErrorKind::Unavailable { retry_after_ms: Some(100) };
            return fail(incoming, kind, "subscribe comes after the answer to initialize");
        };
        instance.subscribe(asked.topics);
        incoming.respond(Ok(json!({})));
    }
}

impl Service for HostSide {
    fn request(&self, incoming: Incoming) {
        if self.kind == Kind::Mcp {
            return mcp::answer(incoming);
        }
        self.answer(incoming);
    }

    fn notification(&self, method: &str, params: Value) {
        let Some(unit) = self.unit.upgrade() else { return };
        if self.kind == Kind::Mcp {
            let instance = self.instance.get().and_then(Weak::upgrade);
            return mcp::notification(&unit, instance, method, &params);
        }
        match method {
            "log" => match Log::deserialize(params) {
                Ok(log) => unit.options.book.message(log.level, &log.message, log.fields),
                Err(error) => self.oddity(&format!("a log message does not fit: {error}")),
            },
            other => self.oddity(&format!("there is no notification {other:?}")),
        }
    }

    fn oddity(&self, what: &str) {
        if let Some(unit) = self.unit.upgrade() {
            unit.options.book.message(Level::Warn, what, serde_json::Map::new());
        }
    }
}

/// Reads the parameters of a question, or answers that they do not fit.
fn params<T: for<'de> Deserialize<'de>>(mut incoming: Incoming) -> Option<(Incoming, T)> {
    match serde_json::from_value(std::mem::take(&mut incoming.params)) {
        Ok(params) => Some((incoming, params)),
        Err(error) => {
            let message = format!("{}: {error}", incoming.method);
            fail(incoming, CallErrorKind::Plugin(code::INVALID_PARAMS), &message);
            None
        }
    }
}

fn fail(incoming: Incoming, kind: CallErrorKind, message: &str) {
    incoming.respond(Err(CallError::new(kind, message).to_rpc()));
}

fn allows(patterns: &[String], topic: &str) -> bool {
    patterns.iter().any(|pattern| pattern == topic || topic_fits(pattern, topic))
}

fn publish(host: &WeakHost, unit: &Unit, incoming: Incoming) {
    let Some((incoming, event)) = params::<Event>(incoming) else { return };
    if !allows(&unit.spec().events.publish, &event.topic) {
        let message = format!("the manifest does not let it publish {:?}", event.topic);
        return fail(incoming, CallErrorKind::Forbidden, &message);
    }
    let size = event.topic.len() + event.data.to_string().len();
    if size > MAX_EVENT_BYTES {
        let message = format!("the event has {size} bytes, {MAX_EVENT_BYTES} are allowed");
        return fail(incoming, CallErrorKind::TooLarge, &message);
    }
    if let Some(host) = host.upgrade() {
        host.published(&unit.name, event);
    }
    incoming.respond(Ok(json!({})));
}

/// One plugin asks another. The deadline of the request it works on bounds the question.
fn call(host: &WeakHost, unit: &Arc<Unit>, endpoint: &Arc<Endpoint>, incoming: Incoming) {
    let Some((mut incoming, asked)) = params::<wire::Call>(incoming) else { return };
    if !unit.spec().calls.contains(&asked.capability) {
        let message = format!("the manifest does not let it call {:?}", asked.capability);
        return fail(incoming, CallErrorKind::Forbidden, &message);
    }
    let Some(host) = host.upgrade() else { return };
    let origin = endpoint.origin(incoming.meta.parent);
    let depth = origin.as_ref().map_or(1, |origin| origin.depth + 1);
    if depth > MAX_DEPTH {
        let message = format!("plugins have called plugins more than {MAX_DEPTH} times in a row");
        return fail(incoming, CallErrorKind::Forbidden, &message);
    }
    let asked_for = Duration::from_millis(asked.deadline_ms.unwrap_or(DEFAULT_DEADLINE_MS));
    let deadline = origin.map_or(asked_for, |origin| {
        asked_for.min(origin.deadline.saturating_duration_since(tokio::time::Instant::now()))
    });
    if let Some(house) = host.house(&asked.capability) {
        let Ok(place) = Arc::clone(&unit.house_places).try_acquire_owned() else {
            let kind = CallErrorKind::Overloaded { retry_after_ms: 1_000 };
            return fail(incoming, kind, "too many of its questions to the daemon are open");
        };
        let answer = house.call(&unit.name, &asked.capability, asked.params);
        drop(host);
        // What the daemon has begun it brings to its end; a deadline or `$/cancel` only takes the answer away.
        let working = tokio::spawn(async move {
            let answer = answer.await;
            drop(place);
            answer
        });
        tokio::spawn(async move {
            let cancelled = incoming.cancelled();
            let answer = tokio::select! {
                answer = tokio::time::timeout(deadline, working) => answer,
                () = cancelled => return,
            };
            let error = |kind, what| Err(CallError::new(kind, what).to_rpc());
            incoming.respond(match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => error(CallErrorKind::Crashed, "the daemon could not do this"),
                Err(_) => error(CallErrorKind::TimedOut, "time is over"),
            });
        });
        return;
    }
    let options = CallOptions { deadline, fds: std::mem::take(&mut incoming.fds) };
    let meta = Meta { from: Some(unit.name.to_string()), ..Meta::default() };
    let target = Target::capability(&asked.capability);
    let mut call = host.call(&target, asked.params, options, meta, depth);
    drop(host);
    tokio::spawn(async move {
        let cancelled = incoming.cancelled();
        tokio::pin!(cancelled);
        loop {
            let event = tokio::select! {
                event = call.next() => event,
                () = &mut cancelled => return,
            };
            match event {
                Some(CallEvent::Chunk(data)) => {
                    if incoming.chunk(data).await.is_err() {
                        return;
                    }
                }
                Some(CallEvent::Progress(data)) => {
                    if incoming.progress(&data).is_err() {
                        return;
                    }
                }
                Some(CallEvent::Done(result)) => {
                    incoming.reply_with(call.take_fds());
                    return incoming.respond(result.map_err(|error| error.to_rpc()));
                }
                None => return,
            }
        }
    });
}

/// For a side that has nothing to offer.
pub(super) fn refuse(incoming: Incoming) {
    let error: RpcError = method_not_found(&incoming.method);
    incoming.respond(Err(error));
}
