//! How long the calls of a plugin took: counts between fixed bounds, which survive its restarts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in seconds; what took longer is counted after the last.
const BOUNDS: [f64; 14] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.06, 0.1, 0.4, 1.0, 10.0, 60.0, 600.0];

/// How long answered calls of a plugin took, since the daemon started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallDurations {
    /// Upper bound in seconds, the last one infinite, and how many calls took no longer than it and longer than the
    /// bound before it.
    pub buckets: Vec<(f64, u64)>,
    /// Seconds of all calls together.
    pub sum_s: f64,
}

#[derive(Default)]
pub(super) struct Durations {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Durations {
    pub(super) fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(took_us, Ordering::Relaxed);
    }

    pub(super) fn shown(&self) -> CallDurations {
        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let sum_s = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        CallDurations { buckets: bounds.zip(counts).collect(), sum_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_counted_once_where_it_belongs() {
        let durations = Durations::default();
        for ms in [0, 1, 400, 401, 3_600_000] {
            durations.note(Duration::from_millis(ms));
        }
        let shown = durations.shown();
        let filled: Vec<_> = shown.buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [&(0.0001, 1), &(0.001, 1), &(0.4, 1), &(1.0, 1), &(f64::INFINITY, 1)]);
        assert!((shown.sum_s - 3_600.802).abs() < 1e-9, "{shown:?}");
    }
}
