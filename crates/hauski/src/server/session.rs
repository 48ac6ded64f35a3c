//! The owner's browser: a ticket that works once, a session cookie, and a token against forged requests.
//!
//! All of it lives in memory: when the daemon ends, every session has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use crate::keys::now_ms;
use crate::keys::token::random;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "hauski_session";
/// Header in which a page sends the token against forged requests.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// Milliseconds that a ticket can be used: long enough to read what stands around the link.
pub(crate) const TICKET_MS: i64 = 300_000;
/// Milliseconds that a session lasts: twelve hours.
pub(crate) const SESSION_MS: i64 = 12 * 3_600_000;
/// Tickets and sessions at once; the oldest ends for a new one.
const MOST: usize = 64;

/// A browser that is logged in.
pub(crate) struct Session {
    /// For logs; says nothing about the cookie.
    pub(crate) id: String,
    /// What its pages send with every change.
    pub(crate) csrf: String,
    /// When it ends.
    pub(crate) expires_ms: i64,
    /// Cancelled when it ends before.
    pub(crate) ended: CancellationToken,
}

/// Found by hash, so that no comparison tells anything about a secret.
type ByHash<T> = HashMap<[u8; 32], T>;

/// Tickets and sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    tickets: Mutex<ByHash<i64>>,
    sessions: Mutex<ByHash<Arc<Session>>>,
}

impl Sessions {
    /// A ticket that works once within [`TICKET_MS`].
    pub(crate) fn ticket(&self) -> Result<String, getrandom::Error> {
        let ticket = random(43)?;
        let mut tickets = lock(&self.tickets);
        make_room(&mut tickets, |expires_ms| *expires_ms);
        tickets.insert(hash(&ticket), now_ms() + TICKET_MS);
        Ok(ticket)
    }

    /// Takes a ticket for a session that is still to be let in; the text is the value of its cookie.
    pub(crate) fn redeem(&self, ticket: &str) -> Option<(String, Arc<Session>)> {
        let expires_ms = lock(&self.tickets).remove(&hash(ticket))?;
        if expires_ms <= now_ms() {
            return None;
        }
        let cookie = random(43).ok()?;
        let session = Arc::new(Session {
            id: random(8).ok()?,
            csrf: random(43).ok()?,
            expires_ms: now_ms() + SESSION_MS,
            ended: CancellationToken::new(),
        });
        Some((cookie, session))
    }

    /// Lets a session in. Where there are too many, the oldest one ends.
    pub(crate) fn admit(&self, cookie: &str, session: Arc<Session>) {
        let mut sessions = lock(&self.sessions);
        for ended in make_room(&mut sessions, |session| session.expires_ms) {
            ended.ended.cancel();
        }
        sessions.insert(hash(cookie), session);
    }

    /// The session of a cookie.
    pub(crate) fn find(&self, cookie: &str) -> Option<Arc<Session>> {
        let session = lock(&self.sessions).get(&hash(cookie)).cloned()?;
        (session.expires_ms > now_ms()).then_some(session)
    }

    /// Ends a session and what it has running.
    pub(crate) fn leave(&self, id: &str) {
        lock(&self.sessions).retain(|_, session| {
            let stays = session.id != id;
            if !stays {
                session.ended.cancel();
            }
            stays
        });
    }
}

impl Session {
    /// Whether a page sent the right token.
    pub(crate) fn is_csrf(&self, token: &str) -> bool {
        self.csrf.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics while it holds a lock; the data are whole either way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets what is over, and the oldest where there are too many: those are returned.
fn make_room<T>(map: &mut ByHash<T>, expires_ms: impl Fn(&T) -> i64) -> Vec<T> {
    let now = now_ms();
    map.retain(|_, entry| expires_ms(entry) > now);
    let mut ended = Vec::new();
    while map.len() >= MOST {
        let oldest = map.iter().min_by_key(|(_, entry)| expires_ms(entry)).map(|(key, _)| *key);
        let Some(oldest) = oldest else { break };
        ended.extend(map.remove(&oldest));
    }
    ended
}
