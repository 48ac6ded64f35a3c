//! How long to wait before a plugin is started again, and when to give up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use contracts::hauski::plugin::Restart;

/// The failures of a plugin within its window.
#[derive(Default)]
pub(super) struct Backoff {
    failures: VecDeque<Instant>,
}

impl Backoff {
    /// Notes a failure. Returns how long to wait, or nothing when it failed too often.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        rules: &Restart,
        chance: f64,
    ) -> Option<Duration> {
        let window = Duration::from_secs(rules.window_s);
        self.failures.retain(|at| now.duration_since(*at) < window);
        self.failures.push_back(now);
        let count = self.failures.len();
        if count > rules.max as usize {
            return None;
        }
        let doublings = u32::try_from(count - 1).unwrap_or(u32::MAX).min(32);
        let wait = rules.backoff_min_ms.saturating_mul(1 << doublings).min(rules.backoff_max_ms);
        Some(jittered(wait, rules.jitter, chance))
    }

    /// Forgets all failures: somebody wants a fresh start.
    pub(super) fn reset(&mut self) {
        self.failures.clear();
    }
}

/// `chance` from 0 to 1 chooses within `wait` ± `jitter`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a wait is far below 2^53 milliseconds and never negative"
)]
fn jittered(wait_ms: u64, jitter: f64, chance: f64) -> Duration {
    let factor = 1.0 + jitter * (2.0 * chance - 1.0);
    Duration::from_millis((wait_ms as f64 * factor).max(0.0) as u64)
}

/// A number from 0 to 1.
pub(super) fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without chance all wait equally long, which is only less kind.
    if getrandom::fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_after_the_maximum() {
        let rules = Restart { max: 5, jitter: 0.0, backoff_max_ms: 3_000, ..Restart::default() };
        let mut backoff = Backoff::default();
        let now = Instant::now();
        let waits: Vec<_> =
            (0..6).map(|_| backoff.failed(now, &rules, 0.5).map(|wait| wait.as_millis())).collect();
        let expected = [Some(500), Some(1_000), Some(2_000), Some(3_000), Some(3_000), None];
        assert_eq!(waits, expected);
    }

    #[test]
    fn failures_before_the_window_are_forgotten() {
        let rules = Restart { max: 1, window_s: 10, jitter: 0.0, ..Restart::default() };
        let mut backoff = Backoff::default();
        let now = Instant::now();
        assert!(backoff.failed(now, &rules, 0.5).is_some());
        assert!(backoff.failed(now + Duration::from_secs(11), &rules, 0.5).is_some());
        assert!(backoff.failed(now + Duration::from_secs(12), &rules, 0.5).is_none());
    }

    #[test]
    fn jitter_stays_within_its_part() {
        assert_eq!(jittered(1_000, 0.2, 0.0), Duration::from_millis(800));
        assert_eq!(jittered(1_000, 0.2, 1.0), Duration::from_millis(1_200));
    }
}
