//! Counts keys that do not work, by address, so that trying many costs the one who tries.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::keys::rate::{Meter, Rate};

/// Wrong keys a minute from one address.
const RATE: Rate = Rate { per_minute: 600 };
/// Addresses that are remembered; when there are more, one begins anew.
const MOST: usize = 4_096;

/// The addresses that sent wrong keys.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Meter>>);

impl Failures {
    /// Counts one, or says how long this address has to wait.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if meters.len() >= MOST && !meters.contains_key(&network) {
            // Any one: whoever has very many addresses gains one count of one of them.
            let one = meters.keys().next().copied();
            one.and_then(|one| meters.remove(&one));
        }
        meters.entry(network).or_insert_with(Meter::new).take(RATE)
    }
}

/// What one party has: an address of version 4, or the 64 bits of a network of version 6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_of_one_network_count_as_one_and_push_nobody_out() {
        let failures = Failures::default();
        let tries = |host: u16| {
            failures.count(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, host)))
        };
        assert!((0..600).all(|host| tries(host).is_ok()));
        assert!(tries(600).is_err());
        for n in 0..(MOST as u32 / 2) {
            // One try each: they are let in, and the network above stays known.
            assert!(failures.count(IpAddr::from(n.to_be_bytes())).is_ok());
        }
        assert!(tries(601).is_err());
    }
}
