//! The interval counts elapsed time.

use std::time::Duration;

use apsched_core::trigger::{AnyTrigger, IntervalTrigger, Trigger, TriggerError};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::json;

use super::arbitrary::far_instant;
use super::{at, first};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn start_is_the_first_fire_time() {
    let trigger = IntervalTrigger::every(HOUR).starting_at(at("2026-01-01T00:10:00Z"));

    for (after, expected) in [
        ("2025-01-01", "2026-01-01T00:10:00Z"),
        ("2026-01-01T00:09:59.999999Z", "2026-01-01T00:10:00Z"),
        ("2026-01-01T00:10:00Z", "2026-01-01T01:10:00Z"),
        ("2026-01-01T01:09:59.9999999Z", "2026-01-01T01:10:00Z"),
        ("2026-07-01T12:00:00Z", "2026-07-01T12:10:00Z"),
    ] {
        assert_eq!(trigger.next_after(at(after)), Ok(Some(at(expected))), "{after}");
    }
}

#[test]
fn interval_ends_with_its_end_inclusively() {
    let trigger = IntervalTrigger::every(HOUR).starting_at(at("2026-01-01"));

    let inclusive = trigger.ending_at(at("2026-01-01T02:00:00Z"));
    let short = trigger.ending_at(at("2026-01-01T01:59:59.999999Z"));

    assert_eq!(first(9, inclusive), ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]);
    assert_eq!(first(9, short).len(), 2);
}

#[test]
fn interval_without_a_start_counts_from_the_moment_of_adding() {
    let trigger = AnyTrigger::from(IntervalTrigger::every(HOUR));

    let added = trigger.anchored_at(at("2026-01-01T00:00:30.5Z"));

    assert_eq!(first(2, added), ["2026-01-01T00:00:30.500Z", "2026-01-01T01:00:30.500Z"]);
    assert_eq!(first(2, trigger), ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"]);
}

#[test]
fn own_start_is_kept_when_it_is_added() {
    let trigger = AnyTrigger::from(IntervalTrigger::every(HOUR).starting_at(at("2020-01-01")));

    assert_eq!(trigger.anchored_at(at("2026-01-01")).first(), Ok(Some(at("2020-01-01"))));
}

#[test]
fn definitions_are_compared_without_the_moment_of_adding() {
    let trigger = AnyTrigger::from(IntervalTrigger::every(HOUR));
    let (one, two) = (trigger.anchored_at(at("2026-01-01")), trigger.anchored_at(at("2026-01-02")));

    assert_ne!(one, two);
    assert!(one.is_same_definition(&two) && one.is_same_definition(&trigger));
    assert!(!one.is_same_definition(&IntervalTrigger::every(HOUR * 2).into()));
    assert!(!one.is_same_definition(&IntervalTrigger::every(HOUR).starting_at(at("2026-01-01")).into()));
}

#[test]
fn thirty_years_of_a_third_of_a_second_do_not_drift() {
    let start = at("2000-01-01");
    let trigger = IntervalTrigger::every(Duration::from_secs_f64(1.0 / 3.0)).starting_at(start);

    let next = trigger.next_after(at("2030-01-01")).unwrap().unwrap();

    assert_eq!((next - start).num_microseconds().unwrap() % 333_333, 0);
    assert!(next - at("2030-01-01") <= TimeDelta::microseconds(333_333));
}

#[test]
fn daylight_saving_does_not_bend_it() {
    // Clocks in Berlin go forward on 29 March: 09:00 +01:00, then 10:00 +02:00.
    let daily = IntervalTrigger::builder().days(1).start_time(at("2026-03-28T08:00:00Z")).build().unwrap();

    assert_eq!(first(3, daily), ["2026-03-28T08:00:00Z", "2026-03-29T08:00:00Z", "2026-03-30T08:00:00Z"]);
}

#[test]
fn units_add_up_and_may_have_fractions() {
    for (builder, expected) in [
        (
            IntervalTrigger::builder().weeks(1).days(2).hours(3).minutes(4).seconds(5).microseconds(6),
            788_645_000_006,
        ),
        (IntervalTrigger::builder().hours(1.5), 5_400_000_000),
        (IntervalTrigger::builder().seconds(0.1), 100_000),
        (IntervalTrigger::builder().seconds(0.000_000_6), 1),
        (IntervalTrigger::builder().days(0.5).minutes(0.5), 43_230_000_000),
        (IntervalTrigger::builder().weeks(15_250_284), 9_223_371_763_200_000_000),
    ] {
        let expected = IntervalTrigger::every(Duration::from_micros(expected));
        assert_eq!(builder.clone().build().as_ref(), Ok(&expected), "{builder:?}");
    }
}

#[test]
fn impossible_units_are_refused_by_name() {
    for (builder, expected) in [
        (IntervalTrigger::builder(), "interval trigger, every: expected at least one microsecond, found 0ns"),
        (
            IntervalTrigger::builder().seconds(0.000_000_4),
            "interval trigger, every: expected at least one microsecond, found 0ns",
        ),
        (
            IntervalTrigger::builder().minutes(-1),
            "interval trigger, minutes: expected a finite number, zero or more, of at most 292,000 years, found -1",
        ),
        (
            IntervalTrigger::builder().hours(f64::NAN),
            "interval trigger, hours: expected a finite number, zero or more, of at most 292,000 years, found NaN",
        ),
        (
            IntervalTrigger::builder().weeks(f64::INFINITY),
            "interval trigger, weeks: expected a finite number, zero or more, of at most 292,000 years, found inf",
        ),
        (
            IntervalTrigger::builder().days(1).start_time(at("2026-01-02")).end_time(at("2026-01-01")),
            "interval trigger, end_time: expected an instant at or after start_time (2026-01-02T00:00:00Z), found \
             2026-01-01T00:00:00Z",
        ),
    ] {
        assert_eq!(builder.clone().build().unwrap_err().to_string(), expected, "{builder:?}");
    }
    assert!(IntervalTrigger::builder().weeks(30_500_568).build().is_err());
}

#[test]
fn zero_and_endless_durations_are_refused_at_the_first_use() {
    for (every, expected) in [
        (Duration::ZERO, "interval trigger, every: expected at least one microsecond, found 0ns"),
        (Duration::from_nanos(999), "interval trigger, every: expected at least one microsecond, found 0ns"),
        (
            Duration::MAX,
            "interval trigger, every: expected at most 292,000 years, found 18446744073709551615.999999s",
        ),
    ] {
        let error = AnyTrigger::from(IntervalTrigger::every(every)).first().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn interval_longer_than_time_itself_fires_once() {
    let trigger =
        IntervalTrigger::every(Duration::from_micros(i64::MAX as u64)).starting_at(at("2026-01-01"));

    assert_eq!(first(3, trigger), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn end_before_start_is_refused_at_the_first_use() {
    let trigger = IntervalTrigger::every(HOUR).starting_at(at("2026-01-02")).ending_at(at("2026-01-01"));

    let error = trigger.next_after(at("2026-01-01")).unwrap_err();

    assert!(matches!(error, TriggerError::InvalidField { field: "end_time", .. }));
}

#[test]
fn trigger_added_after_its_end_is_exhausted() {
    let trigger = AnyTrigger::from(IntervalTrigger::every(HOUR).ending_at(at("2025-01-01")));

    assert_eq!(trigger.anchored_at(at("2026-01-01")).first(), Ok(None));
}

#[test]
fn interval_reads_as_a_sentence() {
    for (trigger, expected) in [
        (IntervalTrigger::every(HOUR), "every 1 hour"),
        (IntervalTrigger::every(Duration::from_secs(90)), "every 1 minute 30 seconds"),
        (IntervalTrigger::every(Duration::from_micros(1_500_000)), "every 1 second 500000 microseconds"),
        (
            IntervalTrigger::every(HOUR * 24 * 14).starting_at(at("2026-01-01")).ending_at(at("2027-01-01")),
            "every 2 weeks from 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z",
        ),
    ] {
        assert_eq!(trigger.to_string(), expected);
    }
}

#[test]
fn interval_is_stored_by_units() {
    let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(5_400)));

    assert_eq!(
        serde_json::to_value(trigger.anchored_at(at("2026-01-01"))).unwrap(),
        json!({"type": "interval", "every": {"hours": 1, "minutes": 30}, "anchored_at": "2026-01-01T00:00:00Z"})
    );
    for same in [json!({"hours": 1.5}), json!({"minutes": 90}), json!({"seconds": 5_400.0})] {
        let read: AnyTrigger = serde_json::from_value(json!({"type": "interval", "every": same})).unwrap();
        assert_eq!(read, trigger);
    }
}

proptest! {
    #[test]
    fn answers_equal_wide_arithmetic_everywhere(
        start in far_instant(),
        after in far_instant(),
        every in prop_oneof![1..10_u64, 1..=i64::MAX as u64],
    ) {
        let trigger = IntervalTrigger::every(Duration::from_micros(every)).starting_at(start);
        let start = i128::from(start.timestamp()) * 1_000_000 + i128::from(start.timestamp_subsec_micros());
        let asked = i128::from(after.timestamp()) * 1_000_000 + i128::from(after.timestamp_subsec_micros());

        let answer = trigger.next_after(after).unwrap();

        let steps = if asked < start { 0 } else { (asked - start) / i128::from(every) + 1 };
        let expected = i64::try_from(start + steps * i128::from(every));
        let expected = expected.ok().and_then(DateTime::<Utc>::from_timestamp_micros);
        prop_assert_eq!(answer, expected);
    }
}
