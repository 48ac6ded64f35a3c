//! How often something may happen: the generic cell rate algorithm, one number per subject.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the next event would be on time, in nanoseconds since the meter was made.
pub(crate) struct Meter {
    origin: Instant,
    due: AtomicU64,
}

/// So many events a minute; all of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Events a minute; at least 1.
    pub(crate) per_minute: u32,
}

impl Meter {
    /// A meter that has counted nothing.
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), due: AtomicU64::new(0) }
    }

    /// Counts an event, or says how long to wait until there is room for one.
    pub(crate) fn take(&self, rate: Rate) -> Result<(), Duration> {
        self.take_at(rate, self.origin.elapsed())
    }

    fn take_at(&self, rate: Rate, now: Duration) -> Result<(), Duration> {
        const MINUTE: u64 = 60_000_000_000;
        let step = MINUTE / u64::from(rate.per_minute.max(1));
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let taken = self.due.try_update(Ordering::AcqRel, Ordering::Acquire, |due| {
            let next = due.max(now).saturating_add(step);
            (next - now <= MINUTE).then_some(next)
        });
        taken.map(drop).map_err(|due| {
            let next = due.max(now).saturating_add(step);
            Duration::from_nanos(next.saturating_sub(now).saturating_sub(MINUTE))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_minute_holds_as_many_events_as_were_allowed() {
        let (meter, rate) = (Meter::new(), Rate { per_minute: 3 });
        for _ in 0..3 {
            assert_eq!(meter.take_at(rate, Duration::ZERO), Ok(()));
        }
        assert_eq!(meter.take_at(rate, Duration::ZERO), Err(Duration::from_secs(20)));
        assert!(meter.take_at(rate, Duration::from_secs(19)).is_err());
        assert_eq!(meter.take_at(rate, Duration::from_secs(20)), Ok(()));
    }

    proptest! {
        #[test]
        fn never_more_than_twice_the_rate_in_any_minute(
            per_minute in 1_u32..200,
            gaps in prop::collection::vec(0_u64..2_000, 1..600),
        ) {
            let (meter, rate) = (Meter::new(), Rate { per_minute });
            let mut now = 0;
            let mut taken = Vec::new();
            for gap in gaps {
                now += gap;
                if meter.take_at(rate, Duration::from_millis(now)).is_ok() {
                    taken.push(now);
                }
            }
            for first in &taken {
                let within = taken.iter().filter(|at| (*first..first + 60_000).contains(at)).count();
                prop_assert!(within <= 2 * per_minute as usize);
            }
        }
    }
}
