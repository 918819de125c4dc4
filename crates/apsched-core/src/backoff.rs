//! How long to wait before trying again: a growing, capped, jittered delay. Pure: randomness is an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Delay before the n-th retry: `initial * factor^(n-1)`, at most `max`, then spread by `jitter`.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::Backoff;
///
/// let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
/// assert_eq!(backoff.delay(1, 0.0), Duration::from_secs(1));
/// assert_eq!(backoff.delay(4, 0.0), Duration::from_secs(8));
/// assert_eq!(backoff.delay(1_000_000, 0.0), Duration::from_secs(3600)); // the cap
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// Delay before the first retry. Default 1 s; zero retries at once.
    pub initial: Duration,
    /// What each further delay is multiplied by. Default 2; 1 keeps the delay; below 1 or not finite counts as 1.
    pub factor: f64,
    /// Longest delay. Default 1 h.
    pub max: Duration,
    /// Part of the delay that is random, 0 to 1 (others are clamped). Default 0.2: the delay lies within 80 to 100 %.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(3600), jitter: 0.2 }
    }
}

impl Backoff {
    /// The same delay before every retry.
    #[must_use]
    pub const fn fixed(delay: Duration) -> Self {
        Self { initial: delay, factor: 1.0, max: delay, jitter: 0.0 }
    }

    /// Delay before the `retry`-th retry, counted from 1 (0 counts as 1), with `random` uniform in `[0, 1)`.
    ///
    /// # Source
    /// Exponential backoff with "equal jitter": only a part of the delay is random, so it never collapses to zero.
    #[must_use]
    pub fn delay(&self, retry: u32, random: f64) -> Duration {
        let factor = if self.factor.is_finite() { self.factor.max(1.0) } else { 1.0 };
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let jitter = if self.jitter.is_finite() { self.jitter.clamp(0.0, 1.0) } else { 0.0 };
        if self.initial.is_zero() {
            return Duration::ZERO; // times a factor that has grown without bounds it would be no number
        }
        let seconds = self.initial.as_secs_f64() * factor.powi(exponent);
        let capped = seconds.min(self.max.as_secs_f64());
        Duration::try_from_secs_f64(capped * (1.0 - jitter * random)).unwrap_or(self.max).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_stay_there() {
        let backoff = Backoff { max: Duration::from_secs(10), jitter: 0.0, ..Backoff::default() };
        let seconds: Vec<u64> = (0..8).map(|retry| backoff.delay(retry, 0.5).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn jitter_only_shortens_and_never_below_its_part() {
        let backoff = Backoff { jitter: 0.2, ..Backoff::default() };
        for random in [0.0, 0.3, 0.999] {
            let delay = backoff.delay(1, random).as_secs_f64();
            assert!((0.8..=1.0).contains(&delay), "{delay}");
        }
    }

    #[test]
    fn no_delay_stays_none_however_many_retries() {
        let backoff = Backoff { initial: Duration::ZERO, ..Backoff::default() };
        for retry in [1, 2_000, u32::MAX] {
            assert_eq!(backoff.delay(retry, 0.5), Duration::ZERO);
        }
    }

    #[test]
    fn odd_numbers_give_a_delay_within_the_cap() {
        for factor in [f64::NAN, f64::INFINITY, -3.0, 0.0, 1e300] {
            for retry in [0, 1, 2, u32::MAX] {
                let backoff = Backoff { factor, jitter: f64::NAN, ..Backoff::default() };
                assert!(backoff.delay(retry, 0.5) <= backoff.max);
            }
        }
    }
}
