//! One request as the side that answers it sees it.

use std::collections::HashMap;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use contracts::hauski::protocol::{self as wire, Id, MAX_UNACKNOWLEDGED, Message, Meta, RpcError};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::call::Call;
use super::endpoint::{Endpoint, Outgoing};
use super::error::{CallError, CallErrorKind};
use super::link::PushError;

/// How far a request that came has been served.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    acknowledged: u64,
    cancelled: bool,
}

/// The requests that came and have no answer yet.
#[derive(Default)]
pub(super) struct Board {
    open: Mutex<HashMap<Id, watch::Sender<Served>>>,
}

impl Board {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Id, watch::Sender<Served>>) -> T) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn len(&self) -> usize {
        self.with(|open| open.len())
    }

    /// Enters a request; nothing when its number is in use.
    fn enter(&self, id: Id) -> Option<watch::Receiver<Served>> {
        self.with(|open| {
            let std::collections::hash_map::Entry::Vacant(place) = open.entry(id) else {
                return None;
            };
            let (sender, receiver) = watch::channel(Served::default());
            place.insert(sender);
            Some(receiver)
        })
    }

    pub(super) fn acknowledge(&self, id: &Id, seq: u64) {
        self.with(|open| {
            if let Some(served) = open.get(id) {
                served.send_modify(|s| s.acknowledged = s.acknowledged.max(seq.saturating_add(1)));
            }
        });
    }

    pub(super) fn cancel(&self, id: &Id) {
        self.with(|open| {
            if let Some(served) = open.get(id) {
                served.send_modify(|served| served.cancelled = true);
            }
        });
    }

    pub(super) fn cancel_all(&self) {
        self.with(|open| {
            for served in open.values() {
                served.send_modify(|served| served.cancelled = true);
            }
        });
    }
}

/// A request that came. It is answered once, by [`Incoming::respond`]; dropped unanswered, it says so to the
/// other side.
pub struct Incoming {
    /// What is asked for.
    pub method: String,
    /// Its parameters.
    pub params: Value,
    /// What came beside them.
    pub meta: Meta,
    /// File descriptors that came with it.
    pub fds: Vec<OwnedFd>,
    id: Id,
    endpoint: Weak<Endpoint>,
    served: watch::Receiver<Served>,
    sent: u64,
    reply_fds: Vec<OwnedFd>,
    answered: bool,
}

impl Incoming {
    /// Enters a request of `endpoint`; nothing when its number is in use already.
    pub(super) fn enter(
        endpoint: &Arc<Endpoint>,
        id: Id,
        message: Message,
        fds: Vec<OwnedFd>,
    ) -> Option<Self> {
        let served = endpoint.board.enter(id.clone())?;
        Some(Self {
            method: message.method.unwrap_or_default(),
            params: message.params.unwrap_or(Value::Null),
            meta: message.meta.unwrap_or_default(),
            fds,
            id,
            endpoint: Arc::downgrade(endpoint),
            served,
            sent: 0,
            reply_fds: Vec::new(),
            answered: false,
        })
    }

    /// The connection it came over, for questions back.
    pub fn peer(&self) -> Peer {
        let parent = match self.id {
            Id::Number(id) => Some(id),
            Id::Text(_) => None,
        };
        Peer { endpoint: self.endpoint.clone(), parent }
    }

    /// Ends when the caller has cancelled or the connection has ended.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut served = self.served.clone();
        async move {
            // The sender stands on the board for as long as the request is unanswered.
            let _ = served.wait_for(|served| served.cancelled).await;
        }
    }

    /// Whether the caller has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.served.borrow().cancelled
    }

    /// Sends the next piece of a stream, waiting while 32 are unacknowledged.
    ///
    /// # Errors
    ///
    /// When the caller has cancelled or is gone.
    pub async fn chunk(&mut self, data: Value) -> Result<(), CallError> {
        let sent = self.sent;
        let open = |served: &Served| {
            served.cancelled || sent.saturating_sub(served.acknowledged) < MAX_UNACKNOWLEDGED
        };
        let cancelled = self.served.wait_for(open).await.map_or(true, |served| served.cancelled);
        if cancelled {
            return Err(CallError::new(CallErrorKind::Cancelled, "the caller has cancelled"));
        }
        let seq = self.sent;
        self.sent += 1;
        self.notify("$/chunk", json!({ "id": self.id, "seq": seq, "data": data }))
    }

    /// Says how far the work is.
    ///
    /// # Errors
    ///
    /// When the caller is gone.
    pub fn progress(&self, data: &Value) -> Result<(), CallError> {
        self.notify("$/progress", json!({ "id": self.id, "data": data }))
    }

    fn notify(&self, method: &str, params: Value) -> Result<(), CallError> {
        let endpoint = self.endpoint.upgrade().ok_or_else(gone)?;
        endpoint.notify(method, params).map_err(|_| gone())
    }

    /// File descriptors that go with the answer, in order; at most 16.
    pub fn reply_with(&mut self, fds: Vec<OwnedFd>) {
        self.reply_fds = fds;
    }

    /// Answers.
    pub fn respond(mut self, result: Result<Value, RpcError>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<Value, RpcError>) {
        let fds = std::mem::take(&mut self.reply_fds);
        if std::mem::replace(&mut self.answered, true) {
            return;
        }
        if let Some(endpoint) = self.endpoint.upgrade() {
            endpoint.board.with(|open| open.remove(&self.id));
            endpoint.respond(&self.id, result, fds);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.answer(Err(internal("the request was given up without an answer")));
    }
}

fn gone() -> CallError {
    CallError::new(CallErrorKind::Cancelled, "the connection has ended")
}

fn internal(message: &str) -> RpcError {
    RpcError { code: wire::code::INTERNAL, message: message.to_owned(), data: None }
}

/// The other side of a connection. The plugin asks, publishes and logs through it.
#[derive(Clone)]
pub struct Peer {
    endpoint: Weak<Endpoint>,
    parent: Option<u64>,
}

impl Peer {
    pub(crate) fn new(endpoint: &Arc<Endpoint>) -> Self {
        Self { endpoint: Arc::downgrade(endpoint), parent: None }
    }

    /// Asks another plugin through the host. The manifest must allow it; a call made for a request inherits the
    /// deadline of that request.
    pub fn call(&self, capability: &str, params: &Value, deadline: Duration) -> Call {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let params =
            json!({ "capability": capability, "params": params, "deadline_ms": deadline_ms });
        self.request("call", params, deadline)
    }

    /// Tells all that listen.
    ///
    /// # Errors
    ///
    /// When the manifest does not allow it or the host is gone.
    pub async fn publish(&self, topic: &str, data: &Value) -> Result<(), CallError> {
        let params = json!({ "topic": topic, "data": data });
        self.request("publish", params, Duration::from_secs(10)).result().await.map(drop)
    }

    /// Listens to topics from here on.
    ///
    /// # Errors
    ///
    /// When the manifest does not allow it or the host is gone.
    pub async fn subscribe(&self, topics: &[&str]) -> Result<(), CallError> {
        let params = json!({ "topics": topics });
        self.request("subscribe", params, Duration::from_secs(10)).result().await.map(drop)
    }

    /// Writes a line to the log of the plugin. What cannot be sent is lost: a log must not hold up the work.
    pub fn log(&self, level: wire::Level, message: &str, fields: &serde_json::Map<String, Value>) {
        if let Some(endpoint) = self.endpoint.upgrade() {
            let params = json!({ "level": level, "message": message, "fields": fields });
            let _ = endpoint.notify("log", params);
        }
    }

    fn request(&self, method: &str, params: Value, deadline: Duration) -> Call {
        let Some(endpoint) = self.endpoint.upgrade() else {
            return Call::failed(gone());
        };
        let meta = Meta { parent: self.parent, ..Meta::default() };
        let outgoing = Outgoing { method, params, meta, fds: Vec::new(), deadline, depth: 0 };
        endpoint.call(outgoing)
    }
}

impl From<PushError> for CallError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::new(
                CallErrorKind::Overloaded { retry_after_ms: 1_000 },
                "the plugin does not read what it is sent",
            ),
            PushError::Closed => Self::new(CallErrorKind::Crashed, "the connection has ended"),
        }
    }
}
