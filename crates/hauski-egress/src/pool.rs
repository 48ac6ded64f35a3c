//! Connections that wait for the next request to the same origin under the same policy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1::SendRequest;
use policy::egress::PolicyId;
use policy::{Allowed, Origin};
use tokio::task::JoinHandle;

use crate::request::BodyError;

/// Connections kept for one origin, and in all.
const MAX_PER_ORIGIN: usize = 32;
const MAX_IDLE: usize = 256;
/// How long one is kept. Servers close theirs after about a minute.
const IDLE: Duration = Duration::from_secs(30);

/// What a connection may be reused for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    origin: Origin,
    policy: PolicyId,
}

impl Key {
    pub(crate) fn of(allowed: &Allowed) -> Self {
        Self { origin: allowed.origin().clone(), policy: allowed.policy() }
    }
}

/// A connection and the task that drives it; dropping it ends both at once.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<UnsyncBoxBody<Bytes, BodyError>>,
    /// The address that was checked and dialled.
    pub(crate) peer: IpAddr,
    pub(crate) _driver: Driver,
}

pub(crate) struct Driver(pub(crate) JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connections that wait, by what they may be reused for.
#[derive(Default)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    policy: Option<PolicyId>,
    idle: HashMap<Key, Vec<(Instant, Connection)>>,
}

impl Pool {
    /// From now on only connections of this policy are kept; all others are closed.
    pub(crate) fn only(&self, policy: PolicyId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.policy = Some(policy);
        inner.idle.retain(|key, _| key.policy == policy);
    }

    /// The connection that was used last.
    pub(crate) fn take(&self, key: &Key) -> Option<Connection> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = inner.idle.get_mut(key)?;
        while let Some((since, connection)) = waiting.pop() {
            if since.elapsed() < IDLE && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        inner.idle.remove(key);
        None
    }

    pub(crate) fn put(&self, key: Key, connection: Connection) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.policy != Some(key.policy) {
            return;
        }
        for waiting in inner.idle.values_mut() {
            waiting.retain(|(since, kept)| since.elapsed() < IDLE && !kept.sender.is_closed());
        }
        inner.idle.retain(|_, waiting| !waiting.is_empty());
        let total: usize = inner.idle.values().map(Vec::len).sum();
        let waiting = inner.idle.entry(key).or_default();
        if total < MAX_IDLE && waiting.len() < MAX_PER_ORIGIN {
            waiting.push((Instant::now(), connection));
        }
    }

    /// How many connections wait.
    pub(crate) fn idle(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).idle.values().map(Vec::len).sum()
    }
}

/// Gives a connection back once its answer has been read to the end.
pub(crate) struct Return {
    pub(crate) pool: Arc<Pool>,
    pub(crate) key: Key,
    pub(crate) connection: Connection,
}

impl Return {
    pub(crate) fn give_back(mut self) {
        // hyper closes a connection that the other side does not want to keep, shortly after the body's end.
        let ready = self.connection.sender.is_ready();
        if ready {
            return self.pool.put(self.key, self.connection);
        }
        tokio::spawn(async move {
            let wait = self.connection.sender.ready();
            if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(1), wait).await {
                self.pool.put(self.key, self.connection);
            }
        });
    }
}
