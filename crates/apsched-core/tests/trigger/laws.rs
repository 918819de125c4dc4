//! The laws of triggers. Each check panics with the trigger and the instants that break it.

use apsched_core::trigger::{AnyTrigger, Trigger, TriggerError, TriggerExt, TriggerRegistry};
use chrono::{DateTime, TimeDelta, Utc};

/// Whether the fire times are one set, whatever instant is asked with.
///
/// They are for every trigger but a combination by *and* whose parts fire less than two thresholds apart: there, which
/// times belong together depends on where one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fires {
    AsOneSet,
    InPairsFromWhereItIsAsked,
}

/// Longest time that one answer may take, generously.
const LONGEST_ANSWER: std::time::Duration = std::time::Duration::from_secs(2);

/// Checks every law on the `n` fire times after `after`; `registry` knows the custom triggers in it.
pub(crate) fn obeys_all(
    trigger: &AnyTrigger,
    registry: &TriggerRegistry,
    after: DateTime<Utc>,
    n: usize,
    fires: Fires,
) {
    answers_are_later_and_timely(trigger, after);
    let fire_times = is_strictly_increasing(trigger, after, n);
    is_deterministic(trigger, after, n);
    split_equals_unsplit(trigger, after, n);
    none_is_final(trigger, after);
    stored_form_round_trips(trigger, registry, after, n);
    latest_is_a_last_one(trigger, &fire_times);
    if fires == Fires::AsOneSet {
        nothing_lies_in_between(trigger, after, &fire_times);
        latest_equals_walking(trigger, &fire_times);
        range_equals_walking(trigger, &fire_times);
    }
}

/// An answer is later than what was asked with, and comes in bounded time.
pub(crate) fn answers_are_later_and_timely(trigger: &dyn Trigger, after: DateTime<Utc>) {
    for after in [after, DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
        #[expect(clippy::disallowed_methods, reason = "the law is about real time")]
        let begin = std::time::Instant::now();
        let answer = trigger.next_after(after);
        assert!(begin.elapsed() < LONGEST_ANSWER, "{trigger}: {:?} after {after}", begin.elapsed());
        if let Ok(Some(answer)) = answer {
            assert!(answer > after, "{trigger}: {answer} after {after}");
        }
    }
}

/// Returns the fire times up to the first error.
pub(crate) fn is_strictly_increasing(
    trigger: &dyn Trigger,
    after: DateTime<Utc>,
    n: usize,
) -> Vec<DateTime<Utc>> {
    let mut fire_times = Vec::new();
    let mut last = after;
    while fire_times.len() < n {
        let Ok(Some(next)) = trigger.next_after(last) else { break };
        assert!(next > last, "{trigger}: {next} after {last}");
        fire_times.push(next);
        last = next;
    }
    fire_times
}

pub(crate) fn is_deterministic(trigger: &AnyTrigger, after: DateTime<Utc>, n: usize) {
    let once = trigger.preview_after(after, n);
    assert_eq!(once, trigger.preview_after(after, n), "{trigger}");
    assert_eq!(once, trigger.clone().preview_after(after, n), "{trigger}");
}

pub(crate) fn split_equals_unsplit(trigger: &dyn Trigger, after: DateTime<Utc>, n: usize) {
    let Ok(whole) = trigger.preview_after(after, n) else { return };
    for split in 1..whole.len() {
        let mut parts = trigger.preview_after(after, split).expect("a part of what worked");
        let rest = trigger.preview_after(whole[split - 1], n - split).expect("a part of what worked");
        parts.extend(rest);
        assert_eq!(parts, whole, "{trigger}: split at {split}");
    }
}

/// After a `None` there is nothing later either, though a search may end without a result.
pub(crate) fn none_is_final(trigger: &dyn Trigger, after: DateTime<Utc>) {
    if trigger.next_after(after) == Ok(None) {
        for days in [0, 1, 30, 10_000] {
            let later = after.checked_add_signed(TimeDelta::days(days) + TimeDelta::microseconds(1));
            let later = later.unwrap_or(DateTime::<Utc>::MAX_UTC);
            let answer = trigger.next_after(later);
            let is_none = matches!(answer, Ok(None) | Err(TriggerError::NoAgreement { .. }));
            assert!(is_none, "{trigger}: {answer:?} after {later}");
        }
    }
}

/// From any instant between two fire times, the later one is the answer.
pub(crate) fn nothing_lies_in_between(
    trigger: &dyn Trigger,
    after: DateTime<Utc>,
    fire_times: &[DateTime<Utc>],
) {
    let mut last = after;
    for fire_time in fire_times {
        let distance = *fire_time - last;
        for part in
            [TimeDelta::microseconds(1), distance / 3, distance / 2, distance - TimeDelta::nanoseconds(1)]
        {
            let asked = (last + part).min(*fire_time - TimeDelta::nanoseconds(1));
            assert_eq!(trigger.next_after(asked), Ok(Some(*fire_time)), "{trigger}: after {asked}");
        }
        last = *fire_time;
    }
}

/// Read back from JSON and CBOR, it is equal and fires alike.
pub(crate) fn stored_form_round_trips(
    trigger: &AnyTrigger,
    registry: &TriggerRegistry,
    after: DateTime<Utc>,
    n: usize,
) {
    let json = serde_json::to_string(trigger).expect("JSON");
    let mut cbor = Vec::new();
    ciborium::into_writer(trigger, &mut cbor).expect("CBOR");
    let from_json: AnyTrigger = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e} in {json}"));
    let from_cbor: AnyTrigger =
        ciborium::from_reader(cbor.as_slice()).unwrap_or_else(|e| panic!("{e}: {json}"));
    for mut read in [from_json, from_cbor] {
        assert_eq!(&read, trigger, "{json}");
        assert!(read.is_same_definition(&trigger.anchored_at(after)), "{json}");
        read.resolve(registry).expect("registered");
        assert_eq!(read.preview_after(after, n), trigger.preview_after(after, n), "{json}");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
    }
}

/// What is found by galloping is a fire time after which none is due any more.
pub(crate) fn latest_is_a_last_one(trigger: &dyn Trigger, fire_times: &[DateTime<Utc>]) {
    let (Some(first), Some(now)) = (fire_times.first(), fire_times.last()) else { return };
    match trigger.latest_between(*first, *now) {
        Ok(latest) => {
            assert!((*first..=*now).contains(&latest), "{trigger}: {latest}");
            if let Ok(Some(next)) = trigger.next_after(latest) {
                assert!(next > *now, "{trigger}: {next} after {latest} is due at {now}");
            }
        }
        Err(TriggerError::NoAgreement { .. }) => {}
        Err(error) => panic!("{trigger}: {error}"),
    }
}

/// Galloping back finds the fire time that walking finds.
pub(crate) fn latest_equals_walking(trigger: &dyn Trigger, fire_times: &[DateTime<Utc>]) {
    let Some(first) = fire_times.first() else { return };
    for pair in fire_times.windows(2) {
        for now in [pair[0], pair[0] + (pair[1] - pair[0]) / 2, pair[1] - TimeDelta::nanoseconds(1)] {
            match trigger.latest_between(*first, now) {
                Ok(latest) => assert_eq!(latest, pair[0], "{trigger}: {first} to {now}"),
                Err(error) => {
                    assert!(matches!(error, TriggerError::NoAgreement { .. }), "{trigger}: {error}");
                }
            }
        }
    }
}

/// `between` gives the fire times of a range with both ends.
pub(crate) fn range_equals_walking(trigger: &dyn Trigger, fire_times: &[DateTime<Utc>]) {
    let (Some(first), Some(last)) = (fire_times.first(), fire_times.last()) else { return };
    let range: Result<Vec<_>, _> = trigger.between(*first, *last).collect();
    assert_eq!(range.as_deref(), Ok(fire_times), "{trigger}");
}
