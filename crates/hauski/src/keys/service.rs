//! What can be done with keys, in a daemon and on the command line without one.

use std::path::Path;
use std::sync::Arc;

use contracts::hauski::keys::{Create, Key, Rotate, State};
use jiff::Timestamp;

use super::now_ms;
use super::pepper::Pepper;
use super::ring::{LiveKey, Ring};
use super::scopes::Scopes;
use super::token::{self, Token};
use crate::store::keys::KeyRow;
use crate::store::{Store, StoreError};

/// Longest time that an old key stays good beside its successor: 90 days.
const MAX_OVERLAP_S: u64 = 90 * 86_400;

/// The keys of a home.
pub(crate) struct Keys {
    store: Arc<Store>,
    ring: Ring,
    reading: tokio::sync::Mutex<()>,
}

/// A key that is checked and not stored yet.
pub(crate) struct NewKey {
    token: Token,
    row: KeyRow,
    /// Which key it takes the place of, and when that one ends at the latest.
    replaces: Option<(String, i64)>,
}

impl NewKey {
    /// As it will be.
    pub(crate) fn key(&self) -> Key {
        shown(&self.row)
    }
}

/// Why something cannot be done with a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pepper cannot be read or made.
    #[error("cannot use the file pepper")]
    Pepper(#[source] std::io::Error),
    /// There are keys, but not the pepper they were hashed with.
    #[error("the file pepper is gone, so none of the {keys} stored keys can be checked")]
    PepperGone {
        /// How many keys there are.
        keys: usize,
    },
    /// No randomness.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A value makes no sense.
    #[error("{what}")]
    Invalid {
        /// Which field.
        param: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// There is no such key.
    #[error("there is no key `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The key works no more.
    #[error("the key `{id}` works no more")]
    Ended {
        /// Which one.
        id: String,
    },
}

impl Keys {
    /// The keys of a home.
    pub(crate) async fn open(home: &Path, store: Arc<Store>) -> Result<Self, KeyError> {
        let rows = store.keys().await?;
        let pepper = match Pepper::read(home).map_err(KeyError::Pepper)? {
            Some(pepper) => pepper,
            None if rows.is_empty() => Pepper::make(home).map_err(KeyError::Pepper)?,
            None => return Err(KeyError::PepperGone { keys: rows.len() }),
        };
        let ring = Ring::new(pepper);
        ring.replace(rows);
        Ok(Self { store, ring, reading: tokio::sync::Mutex::new(()) })
    }

    /// The key that a client sent, if it is one that works.
    pub(crate) fn verify(&self, text: &str) -> Option<Arc<LiveKey>> {
        self.ring.verify(&Token::parse(text)?)
    }

    /// Whether any key works.
    pub(crate) fn has_active(&self) -> bool {
        self.ring.has_active()
    }

    /// Every key, oldest first.
    pub(crate) fn list(&self) -> Vec<Key> {
        self.ring.rows().iter().map(shown).collect()
    }

    /// One key; one that another process has just made is found too.
    pub(crate) async fn find(&self, id: &str) -> Result<Key, KeyError> {
        if self.ring.get(id).is_none() {
            self.reload().await?;
        }
        self.one(id)
    }

    /// Whether this one made the key.
    pub(crate) fn is_made_by(&self, id: &str, maker: &str) -> bool {
        self.ring.get(id).is_some_and(|key| key.row.maker.as_deref() == Some(maker))
    }

    /// A key that is still to be added: whatever is wrong with the wish is said before anything is stored.
    pub(crate) fn plan(&self, wish: &Create, maker: &str) -> Result<NewKey, KeyError> {
        let scopes = Scopes::read(&wish.scopes)
            .map_err(|what| KeyError::Invalid { param: "scopes", what })?;
        let token = Token::generate().map_err(KeyError::Random)?;
        let row = KeyRow {
            name: name(&wish.name)?,
            scopes: scopes.to_stored(),
            expires_ms: wish.expires.as_deref().map(expiry).transpose()?,
            max_requests: wish.max_requests.map(|n| count("max_requests", n)).transpose()?,
            max_tokens: wish.max_tokens.map(|n| count("max_tokens", n)).transpose()?,
            per_minute: wish.per_minute.map(rate).transpose()?,
            maker: Some(maker.to_owned()),
            ..self.row(&token)
        };
        Ok(NewKey { token, row, replaces: None })
    }

    /// A key with the rights of another, which stays good for a while.
    pub(crate) async fn plan_successor(&self, id: &str, wish: &Rotate) -> Result<NewKey, KeyError> {
        let overlap_s = wish.overlap_s.unwrap_or(86_400);
        if overlap_s > MAX_OVERLAP_S {
            let what = format!("overlap_s is more than 90 days: {overlap_s}");
            return Err(KeyError::Invalid { param: "overlap_s", what });
        }
        self.find(id).await?;
        let old = self.ring.get(id).ok_or_else(|| KeyError::Unknown { id: id.to_owned() })?;
        let now = now_ms();
        if !old.is_active(now) {
            return Err(KeyError::Ended { id: id.to_owned() });
        }
        // What it has used stands in its row, so that its successor begins with the same.
        self.save_usage().await?;
        let token = Token::generate().map_err(KeyError::Random)?;
        let before = old.current();
        let row = self.row(&token);
        // Budgets and what was used of them go over to the new key.
        let row = KeyRow { id: row.id, env: row.env, mac: row.mac, created_ms: now, ..before };
        let ends_ms = now.saturating_add_unsigned(overlap_s.saturating_mul(1_000));
        Ok(NewKey { token, row, replaces: Some((id.to_owned(), ends_ms)) })
    }

    /// Adds a key; the text is its secret, for the only time.
    pub(crate) async fn add(&self, new: NewKey) -> Result<(String, Key), KeyError> {
        let replaces = new.replaces.as_ref().map(|(id, ends_ms)| (id.as_str(), *ends_ms));
        self.store.add_key(&new.row, replaces).await?;
        self.reload().await?;
        Ok((new.token.reveal().to_owned(), shown(&new.row)))
    }

    /// Ends a key at once, and what it has running.
    pub(crate) async fn revoke(&self, id: &str) -> Result<Key, KeyError> {
        if !self.store.revoke_key(id, now_ms()).await? {
            return Err(KeyError::Unknown { id: id.to_owned() });
        }
        self.reload().await?;
        self.one(id)
    }

    /// Reads all keys again, after they have changed here or by another process.
    pub(crate) async fn reload(&self) -> Result<(), KeyError> {
        // Read and put in force by one at a time: what was read first must not count last.
        let _one = self.reading.lock().await;
        self.ring.replace(self.store.keys().await?);
        Ok(())
    }

    /// Writes what keys have used.
    pub(crate) async fn save_usage(&self) -> Result<(), KeyError> {
        let usages = self.ring.take_unsaved();
        if usages.is_empty() {
            return Ok(());
        }
        let saved = self.store.add_usage(&usages).await;
        saved.inspect_err(|_| self.ring.give_back(&usages)).map_err(Into::into)
    }

    fn row(&self, token: &Token) -> KeyRow {
        KeyRow {
            id: token.id().to_owned(),
            env: token::ENV.to_owned(),
            name: String::new(),
            mac: self.ring.mac(token),
            scopes: String::new(),
            created_ms: now_ms(),
            expires_ms: None,
            revoked_ms: None,
            replaced_by: None,
            max_requests: None,
            max_tokens: None,
            per_minute: None,
            used_requests: 0,
            used_tokens: 0,
            last_used_ms: None,
            maker: None,
        }
    }

    fn one(&self, id: &str) -> Result<Key, KeyError> {
        let key = self.ring.get(id).ok_or_else(|| KeyError::Unknown { id: id.to_owned() })?;
        Ok(shown(&key.current()))
    }
}

fn name(name: &str) -> Result<String, KeyError> {
    let name = name.trim();
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        let what = "name is longer than 100 characters or has control characters".to_owned();
        return Err(KeyError::Invalid { param: "name", what });
    }
    Ok(name.to_owned())
}

fn expiry(text: &str) -> Result<i64, KeyError> {
    let invalid = |what: String| KeyError::Invalid { param: "expires", what };
    let end: Timestamp =
        text.parse().map_err(|_| invalid(format!("expires is no time after RFC 3339: {text}")))?;
    if end <= Timestamp::now() {
        return Err(invalid(format!("expires has passed already: {text}")));
    }
    Ok(end.as_millisecond())
}

fn count(param: &'static str, count: u64) -> Result<i64, KeyError> {
    let what = || format!("{param} is out of range: {count}");
    i64::try_from(count).map_err(|_| KeyError::Invalid { param, what: what() })
}

fn rate(per_minute: u32) -> Result<i64, KeyError> {
    if per_minute == 0 {
        let what = "per_minute must be at least 1".to_owned();
        return Err(KeyError::Invalid { param: "per_minute", what });
    }
    Ok(i64::from(per_minute))
}

/// A row as it may be shown.
fn shown(row: &KeyRow) -> Key {
    let positive = |n: i64| u64::try_from(n).unwrap_or_default();
    let is_over = row.expires_ms.is_some_and(|end| end <= now_ms());
    let state = match (row.revoked_ms, is_over) {
        (Some(_), _) => State::Revoked,
        (None, true) => State::Expired,
        (None, false) => State::Active,
    };
    Key {
        id: row.id.clone(),
        name: row.name.clone(),
        masked: token::masked(&row.env, &row.id),
        scopes: row.scopes.split(',').map(str::to_owned).collect(),
        state,
        created: time(row.created_ms),
        expires: row.expires_ms.map(time),
        revoked: row.revoked_ms.map(time),
        replaced_by: row.replaced_by.clone(),
        max_requests: row.max_requests.map(positive),
        max_tokens: row.max_tokens.map(positive),
        per_minute: row.per_minute.and_then(|n| u32::try_from(n).ok()),
        used_requests: positive(row.used_requests),
        used_tokens: positive(row.used_tokens),
        last_used: row.last_used_ms.map(time),
    }
}

/// RFC 3339 to the second; times outside of what a calendar holds are shown as the number they are.
fn time(ms: i64) -> String {
    let time = Timestamp::from_second(ms.div_euclid(1_000));
    time.map_or_else(|_| ms.to_string(), |time| time.to_string())
}
