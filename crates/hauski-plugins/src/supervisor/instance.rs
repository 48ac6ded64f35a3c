//! One running process of a plugin and the connection to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use contracts::hauski::plugin::Kind;
use contracts::hauski::protocol::{Meta, PluginModel};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::http::HttpFolder;
use super::unit::Unit;
use crate::process::{Exit, Process};
use crate::protocol::{CallError, Endpoint, Outgoing, Slot};

/// One running process of a plugin and the connection to it.
pub(crate) struct Instance {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) process: Process,
    /// Places for calls at work.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) models: Vec<PluginModel>,
    pub(crate) http: Option<Arc<HttpFolder>>,
    pub(super) offered: RwLock<Offered>,
    pub(super) topics: Mutex<Vec<String>>,
    pub(super) draining: AtomicBool,
    pub(super) end: watch::Receiver<Option<End>>,
    pub(super) log_readers: Mutex<Vec<JoinHandle<()>>>,
}

/// What an instance can be asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offered {
    pub(crate) capabilities: Vec<String>,
    /// Descriptions of the tools of a server of kind mcp, as it gave them.
    pub(crate) tools: Vec<Value>,
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) cause: String,
    pub(crate) success: bool,
}

impl Instance {
    /// What it can be asked for now.
    pub(crate) fn offered(&self) -> Offered {
        self.offered.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it can be asked for something.
    pub(crate) fn offers(&self, capability: &str, model: Option<&str>) -> bool {
        let offered = self.offered.read().unwrap_or_else(PoisonError::into_inner);
        offered.capabilities.iter().any(|own| own == capability)
            && model.is_none_or(|model| self.has_model(capability, model))
    }

    fn has_model(&self, capability: &str, model: &str) -> bool {
        let serves =
            |m: &PluginModel| m.id == model && m.capabilities.iter().any(|c| c == capability);
        self.models.iter().any(serves)
    }

    /// Sends a call whose place is taken already.
    pub(crate) fn send(&self, slot: &Arc<Slot>, call: HostCall, deadline: Instant) {
        let HostCall { capability, params, meta, fds, depth } = call;
        let (method, params) = match self.kind {
            Kind::Rpc | Kind::Stdio => (capability, params),
            Kind::Mcp => {
                let prefix = format!("{}.", self.name);
                let tool = capability.strip_prefix(&prefix).unwrap_or(&capability);
                ("tools/call".to_owned(), json!({ "name": tool, "arguments": params }))
            }
        };
        let deadline_ms = deadline.saturating_duration_since(Instant::now()).as_millis();
        let meta = Meta { deadline_ms: u64::try_from(deadline_ms).ok(), ..meta };
        let left = deadline.saturating_duration_since(Instant::now());
        let outgoing = Outgoing { method: &method, params, meta, fds, deadline: left, depth };
        self.endpoint.send(slot, outgoing, deadline);
    }

    /// Asks whether it is well.
    pub(crate) async fn ping(&self, timeout: Duration) -> Result<(), CallError> {
        self.ask("ping", json!({}), timeout).await.map(drop)
    }

    /// Sends a request of the host's own.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        deadline: Duration,
    ) -> Result<Value, CallError> {
        ask(&self.endpoint, method, params, deadline).await
    }

    /// Takes no further calls; those that wait go elsewhere.
    pub(super) fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
        self.places.close();
    }

    /// Waits until it has ended, and returns how.
    pub(super) async fn ended(&self) -> End {
        let mut end = self.end.clone();
        let unseen = End { cause: Exit::Unseen.to_string(), success: false };
        end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone()).unwrap_or(unseen)
    }

    /// Waits until everything it printed has been read, or a moment has passed.
    pub(super) async fn logs_read(&self) {
        let readers =
            std::mem::take(&mut *self.log_readers.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures_util::future::join_all(readers);
        let _ = tokio::time::timeout(Duration::from_millis(300), all).await;
    }

    /// Listens to further topics.
    pub(crate) fn subscribe(&self, topics: Vec<String>) {
        let mut known = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            if !known.contains(&topic) {
                known.push(topic);
            }
        }
    }

    /// Whether it listens to a topic.
    pub(crate) fn hears(&self, topic: &str) -> bool {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.iter().any(|pattern| topic_fits(pattern, topic))
    }
}

/// Sends a request of the host's own over a connection.
pub(crate) async fn ask(
    endpoint: &Arc<Endpoint>,
    method: &str,
    params: Value,
    deadline: Duration,
) -> Result<Value, CallError> {
    let meta = Meta::default();
    let outgoing = Outgoing { method, params, meta, fds: Vec::new(), deadline, depth: 0 };
    endpoint.call(outgoing).result().await
}

/// A call on its way to an instance.
pub(crate) struct HostCall {
    pub(crate) capability: String,
    pub(crate) params: Value,
    pub(crate) meta: Meta,
    pub(crate) fds: Vec<std::os::fd::OwnedFd>,
    pub(crate) depth: u32,
}

/// Whether a topic fits a pattern whose last word may be `*`, which stands for one word.
pub(crate) fn topic_fits(pattern: &str, topic: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(front) => {
            topic.strip_prefix(front).is_some_and(|word| !word.is_empty() && !word.contains('.'))
        }
        None => pattern == topic,
    }
}

/// Changes what an instance offers and tells everybody.
pub(crate) fn offer(unit: &Unit, instance: &Instance, offered: Offered) {
    let mut now = instance.offered.write().unwrap_or_else(PoisonError::into_inner);
    if *now == offered {
        return;
    }
    *now = offered.clone();
    drop(now);
    unit.offers(offered);
}
