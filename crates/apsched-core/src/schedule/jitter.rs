//! By how much a job starts after its fire time, on purpose. Pure: randomness is an argument.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::instant;

/// When the job of `fire_time` is due: uniform in `[fire_time, fire_time + max_jitter]`, but earlier than `following`
/// (the next fire time) and not later than `end` (of the trigger).
///
/// `random` is uniform in `[0, 1)`. A zero `max_jitter` gives the fire time itself.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::schedule::jittered;
/// use chrono::{DateTime, TimeDelta, Utc};
///
/// let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse()?;
/// let minute = Duration::from_secs(60);
/// assert_eq!(jittered(noon, minute, None, None, 0.5), noon + TimeDelta::seconds(30));
/// let following = noon + TimeDelta::seconds(10);
/// assert!(jittered(noon, minute, Some(following), None, 0.999_999) < following);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn jittered(
    fire_time: DateTime<Utc>,
    max_jitter: Duration,
    following: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    random: f64,
) -> DateTime<Utc> {
    if max_jitter.is_zero() {
        return fire_time;
    }
    let before_following = following.map(|at| instant::before(at, Duration::from_micros(1)));
    let bounds = [before_following, end].into_iter().flatten();
    let most = bounds.map(|bound| instant::between(fire_time, bound)).fold(max_jitter, Duration::min);
    instant::after(fire_time, most.mul_f64(random.clamp(0.0, 1.0)))
}
