//! The keys in memory: what every request asks. No database on this path.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::now_ms;
use super::pepper::Pepper;
use super::rate::{Meter, Rate};
use super::scopes::{Scope, Scopes};
use super::token::Token;
use crate::store::keys::{KeyRow, Usage};

/// A key as it is now.
pub(crate) struct LiveKey {
    /// The row of the store, as it was read last.
    pub(crate) row: KeyRow,
    /// What it may do.
    pub(crate) scopes: Scopes,
    counts: Arc<Counts>,
    ended: CancellationToken,
}

/// What survives when the rows are read again. A key and its successor share it: a rotation doubles no budget.
struct Counts {
    requests: AtomicI64,
    tokens: Mutex<Tokens>,
    last_used_ms: AtomicI64,
    unsaved_requests: AtomicI64,
    unsaved_tokens: AtomicI64,
    used: AtomicBool,
    meter: Meter,
}

#[derive(Clone, Copy, Default)]
struct Tokens {
    used: i64,
    /// Set aside for requests that are at work.
    reserved: i64,
}

/// Tokens set aside for one request. What was not used is given back.
pub(crate) struct Reserved {
    counts: Arc<Counts>,
    tokens: i64,
}

impl Reserved {
    /// How many they are.
    pub(crate) fn tokens(&self) -> u64 {
        u64::try_from(self.tokens).unwrap_or_default()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.counts.tokens().reserved -= self.tokens;
    }
}

impl Counts {
    fn of(row: &KeyRow) -> Self {
        Self {
            requests: AtomicI64::new(row.used_requests),
            tokens: Mutex::new(Tokens { used: row.used_tokens, reserved: 0 }),
            last_used_ms: AtomicI64::new(row.last_used_ms.unwrap_or_default()),
            unsaved_requests: AtomicI64::new(0),
            unsaved_tokens: AtomicI64::new(0),
            used: AtomicBool::new(false),
            meter: Meter::new(),
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    /// Its tokens are used up, or the rest is too little for this request.
    NoTokensLeft,
    /// Requests at work hold the rest of its tokens.
    TokensReserved,
}

impl LiveKey {
    fn new(row: KeyRow, counts: Arc<Counts>, before: Option<&Self>) -> Self {
        let ended = before.map_or_else(CancellationToken::new, |before| before.ended.clone());
        if row.revoked_ms.is_some() {
            ended.cancel();
        }
        let scopes = Scopes::stored(&row.scopes);
        Self { row, scopes, counts, ended }
    }

    /// Whether it works at this time.
    pub(crate) fn is_active(&self, now_ms: i64) -> bool {
        // Once revoked it stays so, whatever a row says that was read before.
        let is_revoked = self.row.revoked_ms.is_some() || self.ended.is_cancelled();
        !is_revoked && self.row.expires_ms.is_none_or(|end| now_ms < end)
    }

    /// Whether it may do this.
    pub(crate) fn has(&self, scope: &Scope) -> bool {
        self.scopes.allow(scope)
    }

    /// Cancelled when the key is revoked.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
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

    /// Tokens that it has not used; `None` when there is no bound.
    fn tokens_left(&self) -> Option<u64> {
        let left = self.row.max_tokens? - self.counts.tokens().used;
        Some(u64::try_from(left).unwrap_or_default())
    }

    /// Sets tokens aside, as many of `most` as there are, and refuses less than `least`. Many requests at once get
    /// no more together than one after the other.
    pub(crate) fn reserve(&self, least: u64, most: u64) -> Result<Option<Reserved>, Refusal> {
        let Some(limit) = self.row.max_tokens else { return Ok(None) };
        let signed = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let mut tokens = self.counts.tokens();
        let unused = limit.saturating_sub(tokens.used);
        let free = unused.saturating_sub(tokens.reserved);
        if free < signed(least) {
            let waits = unused >= signed(least);
            return Err(if waits { Refusal::TokensReserved } else { Refusal::NoTokensLeft });
        }
        let granted = free.min(signed(most));
        tokens.reserved += granted;
        drop(tokens);
        Ok(Some(Reserved { counts: Arc::clone(&self.counts), tokens: granted }))
    }

    /// Counts tokens that were used.
    pub(crate) fn charge_tokens(&self, tokens: u64) {
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX / 4);
        self.counts.tokens().used += tokens;
        self.counts.unsaved_tokens.fetch_add(tokens, Ordering::AcqRel);
        self.counts.used.store(true, Ordering::Release);
    }

    /// The row with the counts as they are now.
    pub(crate) fn current(&self) -> KeyRow {
        let last_used_ms = self.counts.last_used_ms.load(Ordering::Acquire);
        KeyRow {
            used_requests: self.counts.requests.load(Ordering::Acquire),
            used_tokens: self.counts.tokens().used,
            last_used_ms: (last_used_ms > 0).then_some(last_used_ms),
            ..self.row.clone()
        }
    }
}

impl Counts {
    fn take_unsaved(&self) -> Option<Usage> {
        self.used.swap(false, Ordering::AcqRel).then(|| Usage {
            ids: Vec::new(),
            requests: self.unsaved_requests.swap(0, Ordering::AcqRel),
            tokens: self.unsaved_tokens.swap(0, Ordering::AcqRel),
            last_used_ms: self.last_used_ms.load(Ordering::Acquire),
        })
    }

    fn give_back(&self, usage: &Usage) {
        self.unsaved_requests.fetch_add(usage.requests, Ordering::AcqRel);
        self.unsaved_tokens.fetch_add(usage.tokens, Ordering::AcqRel);
        self.used.store(true, Ordering::Release);
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
        let mut now: HashMap<String, Arc<LiveKey>> = HashMap::with_capacity(rows.len());
        let predecessors: HashMap<String, String> = rows
            .iter()
            .filter_map(|row| Some((row.replaced_by.clone()?, row.id.clone())))
            .collect();
        // Rows come oldest first, so a predecessor has its counts before its successor asks for them.
        for row in rows {
            let (id, known) = (row.id.clone(), before.get(&row.id));
            let predecessor = predecessors.get(&id).and_then(|id| now.get(id));
            let counts = predecessor.or(known).map(|key| Arc::clone(&key.counts));
            let counts = counts.unwrap_or_else(|| Arc::new(Counts::of(&row)));
            now.insert(id, Arc::new(LiveKey::new(row, counts, known.map(AsRef::as_ref))));
        }
        self.keys.store(Arc::new(now));
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

    /// Takes what was used and not written yet, once for all keys that share it.
    pub(crate) fn take_unsaved(&self) -> Vec<Usage> {
        let mut taken: HashMap<*const Counts, Option<Usage>> = HashMap::new();
        for (id, key) in self.keys.load().iter() {
            let usage = taken.entry(Arc::as_ptr(&key.counts));
            if let Some(usage) = usage.or_insert_with(|| key.counts.take_unsaved()) {
                usage.ids.push(id.clone());
            }
        }
        taken.into_values().flatten().collect()
    }

    /// Takes it back when it could not be written.
    pub(crate) fn give_back(&self, usages: &[Usage]) {
        let keys = self.keys.load();
        for usage in usages {
            if let Some(key) = usage.ids.iter().find_map(|id| keys.get(id)) {
                key.counts.give_back(usage);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, max_tokens: Option<i64>) -> KeyRow {
        KeyRow {
            id: id.to_owned(),
            env: "live".to_owned(),
            name: String::new(),
            mac: [0; 32],
            scopes: "chat".to_owned(),
            created_ms: 0,
            expires_ms: None,
            revoked_ms: None,
            replaced_by: None,
            max_requests: None,
            max_tokens,
            per_minute: None,
            used_requests: 0,
            used_tokens: 0,
            last_used_ms: None,
            maker: None,
        }
    }

    fn ring() -> Ring {
        let folder = tempfile::tempdir().unwrap();
        Ring::new(Pepper::make(folder.path()).unwrap())
    }

    #[test]
    fn a_row_that_was_read_before_the_revocation_brings_no_key_back() {
        let ring = ring();
        ring.replace(vec![row("a", None)]);
        ring.replace(vec![KeyRow { revoked_ms: Some(1), ..row("a", None) }]);
        ring.replace(vec![row("a", None)]);
        assert!(!ring.get("a").unwrap().is_active(now_ms()));
        assert!(ring.get("a").unwrap().ended().is_cancelled());
    }

    #[test]
    fn requests_at_once_get_no_more_than_one_after_the_other() {
        let ring = ring();
        ring.replace(vec![row("a", Some(100))]);
        let key = ring.get("a").unwrap();
        let first = key.reserve(10, 80).ok().flatten().unwrap();
        let second = key.reserve(10, 80).ok().flatten().unwrap();
        assert_eq!((first.tokens(), second.tokens()), (80, 20));
        assert_eq!(key.reserve(1, 80).err(), Some(Refusal::TokensReserved));
        key.charge_tokens(30);
        drop((first, second));
        assert_eq!(key.reserve(71, 80).err(), Some(Refusal::NoTokensLeft));
        assert_eq!(key.reserve(1, 80).ok().flatten().unwrap().tokens(), 70);
    }

    #[test]
    fn a_key_and_its_successor_share_one_budget() {
        let ring = ring();
        ring.replace(vec![row("a", Some(100))]);
        let old = KeyRow { replaced_by: Some("b".to_owned()), ..row("a", Some(100)) };
        ring.replace(vec![old, row("b", Some(100))]);
        ring.get("a").unwrap().charge_tokens(90);
        let new = ring.get("b").unwrap();
        assert_eq!(new.reserve(20, 20).err(), Some(Refusal::NoTokensLeft));
        let unsaved = ring.take_unsaved();
        assert_eq!((unsaved.len(), unsaved[0].ids.len(), unsaved[0].tokens), (1, 2, 90));
        // The successor ends by itself.
        ring.replace(vec![row("a", Some(100)), KeyRow { revoked_ms: Some(1), ..row("b", None) }]);
        assert!(ring.get("a").unwrap().is_active(now_ms()));
    }
}
