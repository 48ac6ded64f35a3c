//! Counts keys that do not work, by address, so that trying many costs the one who tries.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::keys::rate::{Meter, Rate};

/// Wrong keys a minute from one address.
const RATE: Rate = Rate { per_minute: 600 };
/// Addresses that are remembered; when there are more, all begin anew.
const MOST: usize = 4_096;

/// The addresses that sent wrong keys.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Meter>>);

impl Failures {
    /// Counts one, or says how long this address has to wait.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= MOST && !meters.contains_key(&address) {
            meters.clear();
        }
        meters.entry(address).or_insert_with(Meter::new).take(RATE)
    }
}
