//! The laws that every trigger obeys, as checks for triggers of your own.
//!
//! | law | check |
//! |---|---|
//! | an answer is later than what was asked with, and comes in bounded time | [`answers_are_later_and_timely`] |
//! | the same question has the same answer, whoever asks | [`is_deterministic`] |
//! | a walk that is split anywhere goes on as one that is not | [`split_equals_unsplit`] |
//! | from anywhere between two fire times, the later one is the answer | [`nothing_lies_in_between`] |
//! | after `None` there is nothing any more | [`none_is_final`] |
//! | what is stored reads back and fires alike | [`stored_form_round_trips`] |
//!
//! [`obeys_all`] checks them all. With a property testing crate, call it for any instant and any value of your trigger.
//!
//! ```
//! use std::fmt;
//! use apsched_core::trigger::{CustomTrigger, Trigger, TriggerError, TriggerRegistry};
//! use apsched_testkit::{sample::at, trigger_laws};
//! use chrono::{DateTime, TimeDelta, Utc};
//! use serde::{Deserialize, Serialize};
//!
//! /// Fires at every instant whose number of seconds is a multiple of `n`.
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Multiples { n: i64 }
//!
//! impl Trigger for Multiples {
//!     fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
//!         let seconds = (after.timestamp().div_euclid(self.n) + 1).checked_mul(self.n);
//!         Ok(seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
//!     }
//! }
//!
//! impl fmt::Display for Multiples {
//!     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//!         write!(f, "every second that {} divides", self.n)
//!     }
//! }
//!
//! impl CustomTrigger for Multiples {
//!     const NAME: &'static str = "multiples";
//! }
//!
//! let mut registry = TriggerRegistry::new();
//! registry.register::<Multiples>()?;
//! trigger_laws::obeys_all(&Multiples { n: 90 }.into(), &registry, at(0), 50)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::time::Duration;

use apsched_core::serializer::{self, Json, Serializer};
use apsched_core::trigger::{AnyTrigger, Trigger, TriggerError, TriggerExt, TriggerRegistry};
use chrono::{DateTime, TimeDelta, Utc};

/// Longest time that one answer may take; generous, so that it is broken by what is unbounded alone.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// A trigger does not obey a law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trigger {trigger:?} breaks a law: {law}; {details}")]
pub struct BrokenLaw {
    /// The trigger, as text.
    pub trigger: String,
    /// The law in words.
    pub law: &'static str,
    /// What was asked and what was answered.
    pub details: String,
}

impl BrokenLaw {
    fn new(trigger: &dyn Trigger, law: &'static str, details: impl fmt::Display) -> Self {
        Self { trigger: trigger.to_string(), law, details: details.to_string() }
    }
}

/// Checks every law on the first `n` fire times after `after`; `registry` knows the custom triggers in it.
///
/// Each fire time is looked at more than once, so `n` squared questions are asked.
///
/// # Errors
/// The first law that is broken.
pub fn obeys_all(
    trigger: &AnyTrigger,
    registry: &TriggerRegistry,
    after: DateTime<Utc>,
    n: usize,
) -> Result<(), BrokenLaw> {
    answers_are_later_and_timely(trigger, after)?;
    is_deterministic(trigger, after, n)?;
    split_equals_unsplit(trigger, after, n)?;
    nothing_lies_in_between(trigger, after, n)?;
    none_is_final(trigger, after, n)?;
    stored_form_round_trips(trigger, registry, after, n)
}

/// An answer is later than the instant that was asked with, and comes in bounded time, also at the ends of time.
///
/// # Errors
/// The instant at which the law is broken.
pub fn answers_are_later_and_timely(trigger: &dyn Trigger, after: DateTime<Utc>) -> Result<(), BrokenLaw> {
    let ends = [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC];
    for after in std::iter::once(after).chain(ends) {
        #[expect(clippy::disallowed_methods, reason = "the law is about real time")]
        let begin = std::time::Instant::now();
        let answer = trigger.next_after(after);
        let elapsed = begin.elapsed();
        if elapsed > LONGEST_ANSWER {
            let details = format!("asked after {after}, it took {elapsed:?}");
            return Err(BrokenLaw::new(trigger, "an answer comes in bounded time", details));
        }
        if let Ok(Some(answer)) = answer.as_ref()
            && *answer <= after
        {
            let details = format!("asked after {after}, it answered {answer}");
            return Err(BrokenLaw::new(trigger, "an answer is later than what was asked with", details));
        }
    }
    Ok(())
}

/// The same question has the same answer.
///
/// # Errors
/// The answers that differ.
pub fn is_deterministic(trigger: &dyn Trigger, after: DateTime<Utc>, n: usize) -> Result<(), BrokenLaw> {
    let (first, second) = (trigger.preview_after(after, n), trigger.preview_after(after, n));
    if first == second {
        return Ok(());
    }
    let details = format!("asked twice after {after}, it answered {first:?} and {second:?}");
    Err(BrokenLaw::new(trigger, "the same question has the same answer", details))
}

/// A walk over the fire times that is split anywhere goes on as one that is not.
///
/// # Errors
/// The fire time at which it goes on otherwise.
pub fn split_equals_unsplit(trigger: &dyn Trigger, after: DateTime<Utc>, n: usize) -> Result<(), BrokenLaw> {
    let Ok(whole) = trigger.preview_after(after, n) else { return Ok(()) };
    for (index, fire_time) in whole.iter().enumerate() {
        let rest = &whole[index + 1..];
        let continued = trigger.preview_after(*fire_time, rest.len());
        if continued.as_deref() != Ok(rest) {
            let details = format!("it went on after {fire_time} with {continued:?}, expected {rest:?}");
            return Err(BrokenLaw::new(trigger, "a split walk goes on as an unsplit one", details));
        }
    }
    Ok(())
}

/// Asked from anywhere between two fire times, the later one is the answer.
///
/// This holds for every trigger but a combination by *and* whose parts fire less than two thresholds apart: there, which
/// times belong together depends on where one begins.
///
/// # Errors
/// The instant with another answer.
pub fn nothing_lies_in_between(
    trigger: &dyn Trigger,
    after: DateTime<Utc>,
    n: usize,
) -> Result<(), BrokenLaw> {
    let fire_times = trigger.preview_after(after, n).unwrap_or_default();
    let mut last = after;
    for fire_time in fire_times {
        let distance = fire_time - last;
        let latest = fire_time - TimeDelta::nanoseconds(1);
        for part in [TimeDelta::microseconds(1), distance / 3, distance / 2, distance] {
            let asked = (last + part).min(latest);
            let answer = trigger.next_after(asked);
            if answer != Ok(Some(fire_time)) {
                let details = format!("asked after {asked}, it answered {answer:?}, expected {fire_time}");
                return Err(BrokenLaw::new(
                    trigger,
                    "between two fire times the later one is the answer",
                    details,
                ));
            }
        }
        last = fire_time;
    }
    Ok(())
}

/// After `None` there is nothing any more, however much later one asks.
///
/// # Errors
/// The instant at which there is something again.
pub fn none_is_final(trigger: &dyn Trigger, after: DateTime<Utc>, n: usize) -> Result<(), BrokenLaw> {
    let fire_times = trigger.preview_after(after, n).unwrap_or_default();
    let end = fire_times.last().copied().unwrap_or(after);
    if trigger.next_after(end) != Ok(None) {
        return Ok(());
    }
    for days in [0, 1, 30, 10_000] {
        let later = end.checked_add_signed(TimeDelta::days(days) + TimeDelta::microseconds(1));
        let later = later.unwrap_or(DateTime::<Utc>::MAX_UTC);
        let answer = trigger.next_after(later);
        if !matches!(answer, Ok(None) | Err(TriggerError::NoAgreement { .. })) {
            let details = format!("nothing after {end}, but after {later} {answer:?}");
            return Err(BrokenLaw::new(trigger, "none is final", details));
        }
    }
    Ok(())
}

/// What is stored reads back equal, and fires alike.
///
/// # Errors
/// What could not be written, not be read, or differs.
pub fn stored_form_round_trips(
    trigger: &AnyTrigger,
    registry: &TriggerRegistry,
    after: DateTime<Utc>,
    n: usize,
) -> Result<(), BrokenLaw> {
    let broken = |details: String| BrokenLaw::new(trigger, "what is stored reads back", details);
    let bytes = Json.serialize(trigger).map_err(|error| broken(error.to_string()))?;
    let mut read: AnyTrigger = serializer::read(&Json, &bytes).map_err(|error| broken(error.to_string()))?;
    read.resolve(registry).map_err(|error| broken(error.to_string()))?;
    if read != *trigger {
        return Err(broken(format!("it reads back as {read:?}")));
    }
    let (before, now) = (trigger.preview_after(after, n), read.preview_after(after, n));
    if before != now {
        return Err(broken(format!("it fired at {before:?}, and read back at {now:?}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::sample::{self, at};

    /// A trigger by a function, to break one law at a time.
    struct By<F>(F);

    impl<F> fmt::Debug for By<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("By")
        }
    }

    impl<F> fmt::Display for By<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("by a function")
        }
    }

    impl<F: Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync> Trigger for By<F> {
        fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
            Ok((self.0)(after))
        }
    }

    #[test]
    fn built_in_triggers_obey() {
        for trigger in sample::triggers() {
            for after in [at(-10), at(0), at(50), at(1_000_000)] {
                assert_eq!(obeys_all(&trigger, &TriggerRegistry::new(), after, 10), Ok(()));
            }
        }
    }

    #[test]
    fn a_trigger_that_goes_backwards_is_found() {
        let error = answers_are_later_and_timely(&By(|_| Some(at(0))), at(5)).unwrap_err();
        assert_eq!(error.law, "an answer is later than what was asked with");
    }

    #[test]
    fn a_trigger_with_a_memory_is_found() {
        let asked = AtomicI64::new(0);
        let counting = By(move |_| Some(at(10 + asked.fetch_add(1, Ordering::Relaxed))));
        assert!(is_deterministic(&counting, at(0), 1).is_err());
    }

    #[test]
    fn a_trigger_that_counts_from_what_it_is_asked_with_is_found() {
        let relative = By(|after: DateTime<Utc>| after.checked_add_signed(TimeDelta::seconds(10)));
        assert_eq!(split_equals_unsplit(&relative, at(0), 5), Ok(()));
        assert!(nothing_lies_in_between(&relative, at(0), 5).is_err());
    }

    #[test]
    fn a_trigger_that_comes_back_after_its_end_is_found() {
        let revenant = By(|after| (after > at(86_400)).then(|| after + TimeDelta::seconds(1)));
        assert!(none_is_final(&revenant, at(0), 5).is_err());
    }

    #[test]
    fn a_custom_trigger_that_nobody_registered_is_found() {
        let trigger = crate::conformance::store::custom_trigger::Twice { first: at(3) }.into();
        assert!(stored_form_round_trips(&trigger, &TriggerRegistry::new(), at(0), 3).is_err());
    }
}
