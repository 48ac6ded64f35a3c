//! One side of a connection: requests that go out, requests that come in, and the loop that reads.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::hauski::protocol::{
    Ack, Cancel, Chunk, Id, Message, Meta, Progress, RpcError, code,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::{Call, CallOrigin};
use super::error::{CallError, CallErrorKind};
use super::incoming::{Board, Incoming};
use super::link::{Frame, MAX_FDS, Outbox, PushError, ReadError, Reader};
use super::slot::Slot;

/// Values that one message may hold: members, elements, objects and arrays.
const MAX_VALUES: usize = 256 << 10;
/// Bytes of a message after which others come first.
const LARGE: usize = 64 << 10;

/// Which words the other side uses for the same things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The plugin protocol.
    Plugin,
    /// The Model Context Protocol.
    Mcp,
}

/// What a side does with requests and notifications that come. Both must return at once.
pub(crate) trait Service: Send + Sync {
    /// A request; whoever takes it answers it.
    fn request(&self, incoming: Incoming);
    /// A notification that is none of the protocol's own.
    fn notification(&self, method: &str, params: Value);
    /// Something odd that does not end the connection.
    fn oddity(&self, what: &str);
}

/// A request that goes out.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a str,
    pub(crate) params: Value,
    pub(crate) meta: Meta,
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) deadline: Duration,
    /// Calls of plugins to plugins that led here.
    pub(crate) depth: u32,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointEnd {
    /// The other side closed it.
    Closed,
    /// The other side broke the protocol.
    Protocol(String),
}

/// One side of a connection.
pub(crate) struct Endpoint {
    dialect: Dialect,
    outbox: Outbox,
    max_message: usize,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
    pub(super) board: Board,
    /// Answers that came for requests nobody waits for any more.
    late: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    calls: HashMap<u64, (Arc<Slot>, CallOrigin)>,
    closed: bool,
}

impl Endpoint {
    /// One side of a connection; [`Endpoint::read`] and the outbox have to run beside it.
    pub(crate) fn new(outbox: Outbox, dialect: Dialect, max_message: usize) -> Arc<Self> {
        Arc::new(Self {
            dialect,
            outbox,
            max_message,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            board: Board::default(),
            late: AtomicU64::new(0),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writing side.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Requests that wait for an answer.
    pub(crate) fn inflight(&self) -> usize {
        self.waiting().calls.len()
    }

    /// Requests that came and have no answer yet.
    pub(crate) fn open_requests(&self) -> usize {
        self.board.len()
    }

    /// Sends a request.
    pub(crate) fn call(self: &Arc<Self>, outgoing: Outgoing<'_>) -> Call {
        let slot = Slot::new();
        let deadline = instant_after(outgoing.deadline);
        self.send(&slot, outgoing, deadline);
        Call::new(slot, deadline, None)
    }

    /// Sends a request whose answer goes to `slot`; failures too.
    pub(crate) fn send(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        outgoing: Outgoing<'_>,
        deadline: Instant,
    ) {
        if let Err(error) = self.try_send(slot, outgoing, deadline) {
            slot.finish(Err(error), Vec::new());
        }
    }

    fn try_send(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        outgoing: Outgoing<'_>,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Outgoing { method, mut params, mut meta, fds, depth, .. } = outgoing;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if self.dialect == Dialect::Mcp && method == "tools/call" {
            params["_meta"] = json!({ "progressToken": id });
        }
        meta.fds = count_fds(&fds)?;
        let message = Message {
            id: Some(Id::Number(id)),
            method: Some(method.to_owned()),
            params: Some(params),
            meta: (self.dialect == Dialect::Plugin && meta != Meta::default()).then_some(meta),
            ..empty()
        };
        let frame = self.frame(&message, fds)?;
        {
            let mut waiting = self.waiting();
            if waiting.closed {
                return Err(CallError::new(CallErrorKind::Crashed, "the plugin has ended"));
            }
            let origin = CallOrigin { deadline, depth };
            waiting.calls.insert(id, (Arc::clone(slot), origin));
        }
        if !slot.attach(self, id) {
            self.waiting().calls.remove(&id);
            return Ok(());
        }
        if let Err(error) = self.outbox.push(frame) {
            self.waiting().calls.remove(&id);
            return Err(error.into());
        }
        if slot.is_over() {
            self.send_cancel(id);
        }
        Ok(())
    }

    fn frame(&self, message: &Message, fds: Vec<OwnedFd>) -> Result<Frame, CallError> {
        let json = serde_json::to_vec(message).map_err(|error| {
            CallError::new(CallErrorKind::Protocol, format!("a message is not JSON: {error}"))
        })?;
        let frame = Frame::new(json, fds);
        if frame.len() > self.max_message {
            let message =
                format!("the message has {} bytes, {} are allowed", frame.len(), self.max_message);
            return Err(CallError::new(CallErrorKind::TooLarge, message));
        }
        Ok(frame)
    }

    /// Sends a notification.
    pub(crate) fn notify(&self, method: &str, params: Value) -> Result<(), CallError> {
        let message = Message { method: Some(method.to_owned()), params: Some(params), ..empty() };
        Ok(self.outbox.push(self.frame(&message, Vec::new())?)?)
    }

    /// Answers a request that came.
    pub(super) fn respond(&self, id: &Id, result: Result<Value, RpcError>, fds: Vec<OwnedFd>) {
        let answered = count_fds(&fds).and_then(|count| {
            let (result, error) = match result {
                Ok(value) => (Some(value), None),
                Err(error) => (None, Some(error)),
            };
            let meta = (count > 0).then(|| Meta { fds: count, ..Meta::default() });
            self.frame(&Message { id: Some(id.clone()), result, error, meta, ..empty() }, fds)
        });
        let frame = answered.or_else(|error| {
            let error = Some(error.to_rpc());
            self.frame(&Message { id: Some(id.clone()), error, ..empty() }, Vec::new())
        });
        // An answer that finds the queue full belongs to a side that has stopped reading: the connection ends.
        if let Ok(frame) = frame
            && self.outbox.push(frame) == Err(PushError::Full)
        {
            self.outbox.close();
        }
    }

    /// Tells the other side that everything up to and with `seq` has been taken.
    pub(super) fn acknowledge(&self, id: u64, seq: u64) {
        let _ = self.notify("$/ack", json!(Ack { id, seq }));
    }

    /// Nobody waits for the answer any more.
    pub(super) fn cancel(&self, id: u64) {
        if self.waiting().calls.remove(&id).is_some() {
            self.send_cancel(id);
        }
    }

    fn send_cancel(&self, id: u64) {
        let _ = match self.dialect {
            Dialect::Plugin => self.notify("$/cancel", json!(Cancel { id })),
            Dialect::Mcp => self.notify("notifications/cancelled", json!({ "requestId": id })),
        };
    }

    /// Where a question of the other side comes from: the deadline is that of the request it names, or of the deepest
    /// one; the depth is always that of the deepest, so that naming another one leads around no bound.
    pub(crate) fn origin(&self, id: Option<u64>) -> Option<CallOrigin> {
        let waiting = self.waiting();
        let deepest = waiting.calls.values().map(|(_, origin)| origin).max_by_key(|o| o.depth)?;
        let named = id.and_then(|id| waiting.calls.get(&id)).map(|(_, origin)| origin);
        Some(CallOrigin { deadline: named.unwrap_or(deepest).deadline, depth: deepest.depth })
    }

    /// Ends requests whose deadline has passed and whose callers do not look.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        let over: Vec<_> = {
            let mut waiting = self.waiting();
            waiting.calls.extract_if(|_, (_, origin)| origin.deadline <= now).collect()
        };
        for (id, (slot, _)) in over {
            self.send_cancel(id);
            let error = CallError::new(CallErrorKind::TimedOut, "the deadline has passed");
            slot.abandon(Some(&error));
        }
    }

    /// Ends everything that waits.
    pub(crate) fn close(&self, why: &CallError) {
        let calls = {
            let mut waiting = self.waiting();
            waiting.closed = true;
            std::mem::take(&mut waiting.calls)
        };
        for (slot, _) in calls.into_values() {
            slot.finish(Err(why.clone()), Vec::new());
        }
        self.board.cancel_all();
        self.outbox.close();
    }

    /// Reads until the connection ends, and returns why it did.
    pub(crate) async fn read(
        self: &Arc<Self>,
        mut reader: Reader,
        service: &dyn Service,
    ) -> EndpointEnd {
        loop {
            let line = match reader.next().await {
                Ok(line) => line,
                Err(ReadError::Closed) => return EndpointEnd::Closed,
                Err(ReadError::Io(_)) => return EndpointEnd::Closed,
                Err(error) => return EndpointEnd::Protocol(error.to_string()),
            };
            if line.is_empty() {
                continue;
            }
            let size = line.len();
            if let Err(what) = few_enough(line) {
                return EndpointEnd::Protocol(what);
            }
            let message = match parse(line) {
                Ok(message) => message,
                Err(what) => return EndpointEnd::Protocol(what),
            };
            let count = message.meta.as_ref().map_or(0, |meta| meta.fds);
            let fds = match reader.take_fds(count) {
                Ok(fds) => fds,
                Err(error) => return EndpointEnd::Protocol(error.to_string()),
            };
            if let Err(what) = self.take(message, size, fds, service) {
                return EndpointEnd::Protocol(what);
            }
            if size > LARGE {
                // Whoever sends much must not keep the others waiting.
                tokio::task::yield_now().await;
            }
        }
    }

    fn take(
        self: &Arc<Self>,
        message: Message,
        size: usize,
        fds: Vec<OwnedFd>,
        service: &dyn Service,
    ) -> Result<(), String> {
        match (&message.id, &message.method) {
            (Some(_), None) => self.take_answer(message, fds, service),
            (Some(id), Some(method)) => {
                let what = format!("two open requests have the same id (method {method:?})");
                let incoming = Incoming::enter(self, id.clone(), message, fds).ok_or(what)?;
                service.request(incoming);
                Ok(())
            }
            (None, Some(_)) => self.take_notification(message, size, service),
            (None, None) => match message.error {
                // JSON-RPC answers so to what it could not read.
                Some(error) => {
                    Err(format!("the plugin could not read a message: {}", error.message))
                }
                None => Err("a message has neither id nor method".to_owned()),
            },
        }
    }

    fn take_answer(
        &self,
        message: Message,
        fds: Vec<OwnedFd>,
        service: &dyn Service,
    ) -> Result<(), String> {
        let result = match (message.result, message.error) {
            (_, Some(error)) => Err(CallError::from_rpc(error)),
            (result, None) => Ok(result.unwrap_or(Value::Null)),
        };
        let Some(Id::Number(id)) = message.id else {
            return Err("an answer has an id that was never used".to_owned());
        };
        if id == 0 || id >= self.next.load(Ordering::Relaxed) {
            return Err(format!("an answer has the id {id}, which was never used"));
        }
        let call = self.waiting().calls.remove(&id);
        match call {
            Some((slot, _)) => slot.finish(result, fds),
            None => {
                if self.late.fetch_add(1, Ordering::Relaxed) == 0 {
                    service.oddity("an answer came for a request that nobody waits for any more");
                }
            }
        }
        Ok(())
    }

    fn take_notification(
        &self,
        message: Message,
        size: usize,
        service: &dyn Service,
    ) -> Result<(), String> {
        let method = message.method.unwrap_or_default();
        let params = message.params.unwrap_or(Value::Null);
        match (self.dialect, method.as_str()) {
            (Dialect::Plugin, "$/chunk") => {
                let Chunk { id, seq, data } = read_params(&method, params)?;
                self.for_call(id, |slot| slot.chunk(seq, data, size));
            }
            (Dialect::Plugin, "$/progress") => {
                let Progress { id, data } = read_params(&method, params)?;
                self.for_call(id, |slot| {
                    slot.progress(data, size);
                    Ok(())
                });
            }
            (Dialect::Plugin, "$/ack") => {
                let Ack { id, seq } = read_params(&method, params)?;
                self.board.acknowledge(&Id::Number(id), seq);
            }
            (Dialect::Plugin, "$/cancel") => {
                let Cancel { id } = read_params(&method, params)?;
                self.board.cancel(&Id::Number(id));
            }
            (Dialect::Mcp, "notifications/progress") => {
                let id = params.get("progressToken").and_then(Value::as_u64).unwrap_or(0);
                self.for_call(id, |slot| {
                    slot.progress(params, size);
                    Ok(())
                });
            }
            _ => service.notification(&method, params),
        }
        Ok(())
    }

    /// Gives something to a call that waits; what breaks the protocol ends the call.
    fn for_call(&self, id: u64, act: impl FnOnce(&Slot) -> Result<(), String>) {
        let slot = self.waiting().calls.get(&id).map(|(slot, _)| Arc::clone(slot));
        let Some(slot) = slot else {
            return;
        };
        if let Err(what) = act(&slot) {
            slot.abandon(Some(&CallError::new(CallErrorKind::Protocol, what)));
        }
    }
}

/// Whether a message has few enough values: each takes many times its text in memory, so bytes alone are no bound.
fn few_enough(line: &[u8]) -> Result<(), String> {
    if line.len() <= MAX_VALUES {
        return Ok(());
    }
    // Most large messages are one long text: few signs of values anywhere, and nothing more to look at.
    if memchr::memchr3_iter(b',', b'[', b'{', line).count() < MAX_VALUES {
        return Ok(());
    }
    let (mut values, mut in_text, mut escaped) = (1_usize, false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES {
        return Err(format!("a message holds {values} values, {MAX_VALUES} are allowed"));
    }
    Ok(())
}

/// The time after a duration; far away where it cannot be told.
pub(crate) fn instant_after(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(366 * 24 * 3_600);
    Instant::now() + duration.min(FAR)
}

fn count_fds(fds: &[OwnedFd]) -> Result<u32, CallError> {
    match u32::try_from(fds.len()) {
        Ok(count) if fds.len() <= MAX_FDS => Ok(count),
        _ => {
            let message = format!("a message carries at most {MAX_FDS} file descriptors");
            Err(CallError::new(CallErrorKind::TooLarge, message))
        }
    }
}

fn empty() -> Message {
    Message {
        jsonrpc: "2.0".to_owned(),
        id: None,
        method: None,
        params: None,
        result: None,
        error: None,
        meta: None,
    }
}

fn parse(line: &[u8]) -> Result<Message, String> {
    let message: Message = serde_json::from_slice(line)
        .map_err(|error| format!("a line is not a message of JSON-RPC: {error}"))?;
    if message.jsonrpc != "2.0" {
        return Err("a message does not say jsonrpc 2.0".to_owned());
    }
    Ok(message)
}

fn read_params<T: for<'de> Deserialize<'de>>(method: &str, params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| format!("{method}: {error}"))
}

/// The answer to a request whose method nobody knows.
pub(crate) fn method_not_found(method: &str) -> RpcError {
    let message = format!("there is no method {method:?}");
    RpcError { code: code::METHOD_NOT_FOUND, message, data: None }
}
