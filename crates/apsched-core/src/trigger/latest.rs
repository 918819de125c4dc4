//! Finds the latest fire time up to `now` without walking those before it.
//!
//! Looking back from `now` in windows of doubling width finds one that has a fire time; halving the rest of that
//! window finds its last one. For a trigger with even spacing the first window already has it, so 30 days of missed
//! one-second fires cost three questions; for any other trigger the number of questions grows with the logarithm of
//! the distance.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Trigger, TriggerError, checked_next};

/// Most rounds of halving; more than the bits of any distance in nanoseconds.
const MAX_ROUNDS: usize = 128;

/// The latest fire time in `[first, now]`, where `first` is one.
pub(crate) fn latest_between<T: Trigger + ?Sized>(
    trigger: &T,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, TriggerError> {
    let due = |after| Ok(checked_next(trigger, after)?.filter(|next| *next <= now));
    let Some(second) = due(first)? else { return Ok(first) };

    // Nothing fires in (quiet, now].
    let (mut latest, mut quiet) = (second, now);
    let mut width = second - first;
    while let Some(probe) = now.checked_sub_signed(width).filter(|probe| *probe > latest) {
        if let Some(found) = due(probe)? {
            latest = found;
            break;
        }
        quiet = probe;
        width = width.checked_add(&width).unwrap_or(TimeDelta::MAX);
    }

    for _ in 0..MAX_ROUNDS {
        let Some(next) = due(latest)? else { return Ok(latest) };
        latest = next;
        // Fire times past `quiet` come only from a trigger whose answers depend on where it is asked from.
        quiet = if latest < quiet { quiet } else { now };
        let middle = latest + (quiet - latest) / 2;
        match due(middle)? {
            Some(next) => latest = next,
            None => quiet = middle,
        }
    }
    Ok(latest)
}
