//! The one place that reads a clock and sleeps.
//!
//! Everything else asks a [`Clock`], so that tests move time by hand. The system clock is wall-clock time: when it is
//! stepped, the scheduler notices at its next poll at the latest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use crate::instant;

/// A sleep that ends at an instant.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time, and waits for it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time, in whole microseconds.
    fn now(&self) -> DateTime<Utc>;

    /// Ends when the clock shows `at` or later; at once when it does already.
    ///
    /// May end early (the caller looks at the time again), never later than needed by more than the timer's resolution.
    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep;
}

/// The clock of the operating system, with tokio's timer (resolution 1 ms).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Longest sleep before the time is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        // Less work than cutting `Utc::now()` to microseconds; a job reads the time twice.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let micros = since_epoch.and_then(|since| i64::try_from(since.as_micros()).ok());
        micros.and_then(DateTime::from_timestamp_micros).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        let left = instant::between(Utc::now(), at).min(LONGEST_SLEEP);
        Box::pin(tokio::time::sleep(left))
    }
}
