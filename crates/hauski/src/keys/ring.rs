//! The keys in memory: what every request asks. No database on this path.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::now_ms;
use super::pepper::Pepper;
use super::rate::{Meter, Rate};
use super::token::Token;
use crate::store::keys::{KeyRow, Usage};

/// A key as it is now.
pub(crate) struct LiveKey {
    /// The row of the store, as it was read last.
    pub(crate) row: KeyRow,
    scopes: Vec<String>,
    counts: Arc<Counts>,
}

/// What survives when the rows are read again.
struct Counts {
    requests: AtomicI64,
    tokens: AtomicI64,
    last_used_ms: AtomicI64,
    unsaved_requests: AtomicI64,
    unsaved_tokens: AtomicI64,
    used: AtomicBool,
    meter: Meter,
    ended: CancellationToken,
}

/// Why a key may not make this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too fast; in so many seconds there is room again.
    TooFast {
        /// Whole seconds, at least 1.
        retry_after_s: u64,
    },
    /// Its requests are used up.
    NoRequestsLeft,
    /// Its tokens are used up.
    NoTokensLeft,
}

impl LiveKey {
    fn new(row: KeyRow, before: Option<&Self>) -> Self {
        let counts = before.map_or_else(
            || {
                Arc::new(Counts {
                    requests: AtomicI64::new(row.used_requests),
                    tokens: AtomicI64::new(row.used_tokens),
                    last_used_ms: AtomicI64::new(row.last_used_ms.unwrap_or_default()),
                    unsaved_requests: AtomicI64::new(0),
                    unsaved_tokens: AtomicI64::new(0),
                    used: AtomicBool::new(false),
                    meter: Meter::new(),
                    ended: CancellationToken::new(),
                })
            },
            |before| before.counts.clone(),
        );
        if row.revoked_ms.is_some() {
            counts.ended.cancel();
        }
        let scopes = row.scopes.split(',').map(str::to_owned).collect();
        Self { row, scopes, counts }
    }

    /// Whether it works at this time.
    pub(crate) fn is_active(&self, now_ms: i64) -> bool {
        self.row.revoked_ms.is_none() && self.row.expires_ms.is_none_or(|end| now_ms < end)
    }

    /// Whether it may do this.
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope || own == "admin")
    }

    /// Cancelled when the key is revoked.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.counts.ended
    }

    /// Counts a request, or says why it may not be made.
    pub(crate) fn take_request(&self) -> Result<(), Refusal> {
        let counts = &self.counts;
        if self.tokens_left() == Some(0) {
            return Err(Refusal::NoTokensLeft);
        }
        if let Some(per_minute) = self.row.per_minute {
            let rate = Rate { per_minute: u32::try_from(per_minute).unwrap_or(u32::MAX) };
            counts.meter.take(rate).map_err(|wait| Refusal::TooFast {
                retry_after_s: wait.as_secs_f64().ceil().max(1.0) as u64,
            })?;
        }
        let limit = self.row.max_requests.unwrap_or(i64::MAX);
        let below = |used: i64| (used < limit).then(|| used + 1);
        let taken = counts.requests.try_update(Ordering::AcqRel, Ordering::Acquire, below);
        taken.map_err(|_| Refusal::NoRequestsLeft)?;
        counts.unsaved_requests.fetch_add(1, Ordering::AcqRel);
        counts.last_used_ms.store(now_ms(), Ordering::Release);
        counts.used.store(true, Ordering::Release);
        Ok(())
    }

    /// Tokens that it may still use; `None` when there is no bound.
    pub(crate) fn tokens_left(&self) -> Option<u64> {
        let left = self.row.max_tokens? - self.counts.tokens.load(Ordering::Acquire);
        Some(u64::try_from(left).unwrap_or_default())
    }

    /// Counts tokens that were used.
    pub(crate) fn charge_tokens(&self, tokens: u64) {
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX / 4);
        self.counts.tokens.fetch_add(tokens, Ordering::AcqRel);
        self.counts.unsaved_tokens.fetch_add(tokens, Ordering::AcqRel);
        self.counts.used.store(true, Ordering::Release);
    }

    /// The row with the counts as they are now.
    pub(crate) fn current(&self) -> KeyRow {
        let last_used_ms = self.counts.last_used_ms.load(Ordering::Acquire);
        KeyRow {
            used_requests: self.counts.requests.load(Ordering::Acquire),
            used_tokens: self.counts.tokens.load(Ordering::Acquire),
            last_used_ms: (last_used_ms > 0).then_some(last_used_ms),
            ..self.row.clone()
        }
    }

    fn take_unsaved(&self) -> Option<Usage> {
        let counts = &self.counts;
        counts.used.swap(false, Ordering::AcqRel).then(|| Usage {
            id: self.row.id.clone(),
            requests: counts.unsaved_requests.swap(0, Ordering::AcqRel),
            tokens: counts.unsaved_tokens.swap(0, Ordering::AcqRel),
            last_used_ms: counts.last_used_ms.load(Ordering::Acquire),
        })
    }

    fn give_back(&self, usage: &Usage) {
        self.counts.unsaved_requests.fetch_add(usage.requests, Ordering::AcqRel);
        self.counts.unsaved_tokens.fetch_add(usage.tokens, Ordering::AcqRel);
        self.counts.used.store(true, Ordering::Release);
    }
}

/// All keys.
pub(crate) struct Ring {
    pepper: Pepper,
    keys: ArcSwap<HashMap<String, Arc<LiveKey>>>,
}

impl Ring {
    /// A ring without keys.
    pub(crate) fn new(pepper: Pepper) -> Self {
        Self { pepper, keys: ArcSwap::default() }
    }

    /// Takes the rows of the store; what keys have used meanwhile stays.
    pub(crate) fn replace(&self, rows: Vec<KeyRow>) {
        let before = self.keys.load();
        let live = |row: KeyRow| {
            let id = row.id.clone();
            let key = LiveKey::new(row, before.get(&id).map(AsRef::as_ref));
            (id, Arc::new(key))
        };
        self.keys.store(Arc::new(rows.into_iter().map(live).collect()));
    }

    /// The key that a client sent, if it is one that works. An unknown id costs what a known one costs.
    pub(crate) fn verify(&self, token: &Token) -> Option<Arc<LiveKey>> {
        let keys = self.keys.load();
        let key = keys.get(token.id());
        let mac = key.map_or([0; 32], |key| key.row.mac);
        let is_right = self.pepper.verify(token.reveal(), &mac);
        key.filter(|key| is_right && key.is_active(now_ms())).cloned()
    }

    /// Whether any key works.
    pub(crate) fn has_active(&self) -> bool {
        let now = now_ms();
        self.keys.load().values().any(|key| key.is_active(now))
    }

    /// A key by its id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<LiveKey>> {
        self.keys.load().get(id).cloned()
    }

    /// Every key with its counts as they are now, oldest first.
    pub(crate) fn rows(&self) -> Vec<KeyRow> {
        let mut rows: Vec<_> = self.keys.load().values().map(|key| key.current()).collect();
        rows.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        rows
    }

    /// The hash of a new key.
    pub(crate) fn mac(&self, token: &Token) -> [u8; 32] {
        self.pepper.mac(token.reveal())
    }

    /// Takes what was used and not written yet.
    pub(crate) fn take_unsaved(&self) -> Vec<Usage> {
        self.keys.load().values().filter_map(|key| key.take_unsaved()).collect()
    }

    /// Takes it back when it could not be written.
    pub(crate) fn give_back(&self, usages: &[Usage]) {
        let keys = self.keys.load();
        for usage in usages {
            if let Some(key) = keys.get(&usage.id) {
                key.give_back(usage);
            }
        }
    }
}
