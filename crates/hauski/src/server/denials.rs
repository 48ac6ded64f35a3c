//! Refusals in the audit log. The first ones of a caller are on the disk before their answers, a line each; what comes
//! faster is counted, and a line a second says how many there were, so that a flood costs neither disk nor time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use audit::{Event, Outcome};

use super::error::Code;
use crate::keys::rate::{Meter, Rate};
use crate::record;
use crate::state::AppState;

/// Refusals a minute that have a line each: of one caller, from one address, with one code.
const RATE: Rate = Rate { per_minute: 120 };
/// Callers that are told apart; all others together are one more.
const MOST: usize = 1_024;

/// Who was refused why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    actor: String,
    address: Option<IpAddr>,
    code: &'static str,
}

struct Kept {
    meter: Meter,
    /// Refused since the last line.
    counted: u64,
    /// The first of them, as an example.
    example: Option<(String, String)>,
    /// Flushes without any, after which it is forgotten.
    quiet: u32,
}

/// One refusal.
pub(crate) struct Denial {
    /// As the audit log names the caller.
    pub(crate) actor: String,
    /// Method and pattern of the route.
    pub(crate) target: String,
    /// Why.
    pub(crate) code: Code,
    /// Where the caller sits; `None` on this machine's socket.
    pub(crate) address: Option<IpAddr>,
    /// Id of the request.
    pub(crate) request: String,
}

/// Who was refused lately.
#[derive(Default)]
pub(crate) struct Denials {
    kept: Mutex<HashMap<Subject, Kept>>,
    coalesced: AtomicU64,
}

impl Denials {
    /// Refusals that stand in a line together with others.
    pub(crate) fn coalesced(&self) -> u64 {
        self.coalesced.load(Ordering::Relaxed)
    }

    /// Whether the refusal gets a line of its own; otherwise it is counted.
    fn is_alone(&self, denial: &Denial) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let code = denial.code.as_str();
        let mut subject = Subject { actor: denial.actor.clone(), address: denial.address, code };
        if kept.len() >= MOST && !kept.contains_key(&subject) {
            subject = Subject { actor: "many".to_owned(), address: None, code };
        }
        let entry = kept.entry(subject).or_insert_with(|| Kept {
            meter: Meter::new(),
            counted: 0,
            example: None,
            quiet: 0,
        });
        entry.quiet = 0;
        if entry.meter.take(RATE).is_ok() {
            return true;
        }
        entry.counted += 1;
        entry.example.get_or_insert_with(|| (denial.target.clone(), denial.request.clone()));
        self.coalesced.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// What was counted since the last time, as events.
    fn take(&self) -> Vec<Event> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = Vec::new();
        kept.retain(|subject, entry| {
            if let Some((target, request)) = entry.example.take() {
                let count = std::mem::take(&mut entry.counted);
                let denial = (target, request.as_str(), subject.address);
                events.push(event(&subject.actor, denial, subject.code).with("count", count));
                return true;
            }
            entry.quiet += 1;
            // Two minutes: longer than the meter remembers.
            entry.quiet < 120
        });
        events
    }
}

/// Records a refusal: on the disk now, or within a second among others.
pub(crate) async fn record(state: &AppState, denial: Denial) {
    if state.denials.is_alone(&denial) {
        let told = (denial.target, denial.request.as_str(), denial.address);
        let written =
            record::durable(state, event(&denial.actor, told, denial.code.as_str())).await;
        // The answer is a refusal either way; the log says why it is not recorded.
        drop(written);
    }
}

/// Writes what was counted; once a second, and at the end.
pub(crate) async fn flush(state: &AppState) {
    for event in state.denials.take() {
        // What could not be written is counted by the audit log itself.
        drop(record::durable(state, event).await);
    }
}

fn event(
    actor: &str,
    (target, request, address): (String, &str, Option<IpAddr>),
    code: &str,
) -> Event {
    let address = address.map_or_else(|| "local".to_owned(), |it| it.to_string());
    let event = Event::new(actor, "access.deny", target).outcome(Outcome::Denied);
    event.with("code", code).with("request", request).with("address", address)
}
