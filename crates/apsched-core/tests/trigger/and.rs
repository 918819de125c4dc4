//! The and-trigger fires where all parts agree.

use std::time::Duration;

use apsched_core::trigger::{
    AndTrigger, AnyTrigger, CalendarIntervalTrigger, CronTrigger, DateTrigger, IntervalTrigger, OrTrigger,
    Trigger, TriggerError, TriggerExt,
};
use serde_json::json;

use super::{at, first};

fn every(seconds: u64, start: &str) -> AnyTrigger {
    IntervalTrigger::every(Duration::from_secs(seconds)).starting_at(at(start)).into()
}

fn daily(hour: u32) -> AnyTrigger {
    CalendarIntervalTrigger::builder().days(1).hour(hour).build().unwrap().into()
}

fn both(a: AnyTrigger, b: AnyTrigger, threshold: Duration) -> AndTrigger {
    AndTrigger::builder().trigger(a).trigger(b).threshold(threshold).build().unwrap()
}

#[test]
fn and_fires_where_all_parts_have_the_same_time() {
    let trigger = AndTrigger::new([every(6, "2026-01-01"), every(4, "2026-01-01")]).unwrap();

    assert_eq!(first(3, trigger), ["2026-01-01T00:00:00Z", "2026-01-01T00:00:12Z", "2026-01-01T00:00:24Z"]);
}

#[test]
fn earliest_of_the_agreeing_times_is_the_fire_time() {
    for (threshold, expected) in
        [(0, vec![]), (999_999, vec![]), (1_000_000, vec!["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"])]
    {
        let trigger = both(
            every(60, "2026-01-01T00:00:01Z"),
            every(60, "2026-01-01T00:00:00Z"),
            Duration::from_micros(threshold),
        );

        let found = AnyTrigger::from(trigger.clone()).preview_after(at("2025-01-01"), 2);

        match expected.is_empty() {
            true => assert!(matches!(found, Err(TriggerError::NoAgreement { iterations: 10_000, .. }))),
            false => assert_eq!(first(2, trigger), expected),
        }
    }
}

#[test]
fn no_time_takes_part_in_two_agreements() {
    let trigger = both(daily(10), daily(22), Duration::from_secs(86_400)).into();
    let trigger: AnyTrigger = trigger;

    let days = trigger.preview_after(at("2026-01-01"), 3).unwrap();

    // Not at 22:00 too, although 10:00 of the next day is within a day of it.
    assert_eq!(days, [at("2026-01-01T10:00:00Z"), at("2026-01-02T10:00:00Z"), at("2026-01-03T10:00:00Z")]);
}

#[test]
fn every_second_month_if_it_is_a_weekday() {
    let every_second_month = CalendarIntervalTrigger::builder()
        .months(2)
        .hour(10)
        .start_date("2022-06-07".parse().unwrap())
        .build()
        .unwrap();
    let weekdays = CronTrigger::builder().day_of_week("mon-fri").hour(10).build().unwrap();
    let trigger = AndTrigger::builder().trigger(every_second_month).trigger(weekdays).build().unwrap();

    // 7 August 2022 is a Sunday.
    assert_eq!(first(3, trigger), ["2022-06-07T10:00:00Z", "2022-10-07T10:00:00Z", "2022-12-07T10:00:00Z"]);
}

#[test]
fn agreement_is_found_whichever_part_leads() {
    // The first and second part are near each other, the third is near the second only.
    let trigger = AndTrigger::builder()
        .trigger(
            OrTrigger::new([
                DateTrigger::at(at("2026-01-01T00:00:00Z")),
                DateTrigger::at(at("2026-01-01T00:00:01Z")),
            ])
            .unwrap(),
        )
        .trigger(DateTrigger::at(at("2026-01-01T00:00:00.9Z")))
        .trigger(DateTrigger::at(at("2026-01-01T00:00:01.5Z")))
        .build()
        .unwrap();

    assert_eq!(first(2, trigger), ["2026-01-01T00:00:00.900Z"]);
}

#[test]
fn times_a_microsecond_more_than_the_threshold_apart_are_moved_on() {
    let every_microsecond = IntervalTrigger::every(Duration::from_micros(1)).starting_at(at("2026-01-01"));
    let once = DateTrigger::at(at("2026-01-01T00:00:00.000001Z"));

    let trigger = both(every_microsecond.into(), once.into(), Duration::ZERO);

    assert_eq!(first(2, trigger), ["2026-01-01T00:00:00.000001Z"]);
}

#[test]
fn and_is_finished_when_one_part_is() {
    let midnight = DateTrigger::at(at("2026-01-02"));
    let trigger = both(every(1, "2026-01-01"), midnight.into(), Duration::ZERO);

    assert_eq!(first(5, trigger), ["2026-01-02T00:00:00Z"]);
}

#[test]
fn threshold_of_a_second_lets_the_second_before_agree() {
    let midnight = DateTrigger::at(at("2026-01-02"));
    let trigger = AndTrigger::new([every(1, "2026-01-01"), midnight.into()]).unwrap();

    assert_eq!(first(5, trigger), ["2026-01-01T23:59:59Z"]);
}

#[test]
fn part_that_fires_each_second_does_not_use_up_the_iterations() {
    let yearly = CalendarIntervalTrigger::builder().years(1).hour(3).build().unwrap();
    let builder = AndTrigger::builder().trigger(every(1, "2000-01-01")).trigger(yearly);
    let trigger = builder.threshold(Duration::ZERO).max_iterations(3).build().unwrap();

    assert_eq!(trigger.next_after(at("2026-06-01")), Ok(Some(at("2027-01-01T03:00:00Z"))));
}

#[test]
fn search_without_end_is_ended() {
    let never = AndTrigger::builder()
        .trigger(every(60, "2026-01-01T00:00:00Z"))
        .trigger(every(60, "2026-01-01T00:00:30Z"))
        .max_iterations(50)
        .build()
        .unwrap();

    let error = never.next_after(at("2026-01-01")).unwrap_err();

    assert_eq!(
        error.to_string(),
        "the parts of an and-trigger found no common fire time after 2026-01-01T00:00:00Z in 50 iterations"
    );
}

#[test]
fn nested_searches_share_one_effort() {
    // Each inner search would be content with many iterations; together they must not multiply.
    let sparse =
        |seconds, start| both(every(seconds, start), every(seconds + 2, start), Duration::ZERO).into();
    let mut trigger: AnyTrigger = sparse(9_997, "2026-01-01T00:00:00Z");
    for depth in 1..8 {
        let other = sparse(9_901 + depth, "2026-01-01T00:00:01Z");
        trigger = both(trigger, other, Duration::ZERO).into();
    }

    super::laws::answers_are_later_and_timely(&trigger, at("2026-01-01"));
}

#[test]
fn single_part_agrees_with_itself() {
    let trigger = AndTrigger::new([every(60, "2026-01-01")]).unwrap();

    assert_eq!(first(2, trigger), ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"]);
}

#[test]
fn impossible_combinations_are_refused_by_name() {
    let one = || AndTrigger::builder().trigger(every(1, "2026-01-01"));
    let nested = |depth| {
        (1..depth).try_fold(every(1, "2026-01-01"), |part, _| AndTrigger::new([part]).map(AnyTrigger::from))
    };

    for (result, expected) in [
        (AndTrigger::builder().build(), "and-trigger, triggers: expected at least one trigger, found none"),
        (
            AndTrigger::new(vec![daily(1); 257]),
            "and-trigger, triggers: expected at most 256 triggers, nested ones included, found more",
        ),
        (one().max_iterations(0).build(), "and-trigger, max_iterations: expected 1 to 100,000, found 0"),
        (
            one().threshold(Duration::MAX).build(),
            "and-trigger, threshold: expected at most 400 years, found 18446744073709551615.999999999s",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    assert!(nested(16).is_ok());
    assert_eq!(
        nested(17).unwrap_err().to_string(),
        "and-trigger, triggers: expected combinations of at most 16 levels, found more"
    );
}

#[test]
fn and_reads_as_a_sentence_and_is_stored_with_its_parts() {
    let trigger = AnyTrigger::from(
        AndTrigger::new([AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60))), daily(9)])
            .unwrap(),
    );

    assert_eq!(
        trigger.to_string(),
        "all of (every 1 minute; every 1 day at 09:00:00 in UTC) within 1 second"
    );
    assert_eq!(
        serde_json::to_value(&trigger).unwrap(),
        json!({
            "type": "and",
            "triggers": [
                {"type": "interval", "every": {"minutes": 1}},
                {
                    "type": "calendar_interval", "days": 1, "hour": 9, "minute": 0, "timezone": "UTC",
                    "dst": {"gap": "next_valid", "fold": "first"},
                },
            ],
            "threshold": {"seconds": 1},
            "max_iterations": 10_000,
        })
    );
    let short = json!({"type": "and", "triggers": [{"type": "date", "at": "2026-01-01T00:00:00Z"}]});
    let read: AnyTrigger = serde_json::from_value(short).unwrap();
    assert_eq!(read, AndTrigger::new([DateTrigger::at(at("2026-01-01"))]).unwrap().into());
}

#[test]
fn a_part_that_walks_thousands_of_years_uses_up_the_effort_of_an_answer() {
    // Asked near the end of time, every question walks 8,000 years: 12 of them are all that one answer may cost.
    let wandering = CalendarIntervalTrigger::builder()
        .months(1)
        .days(1)
        .hour(12)
        .start_date("1970-01-01".parse().unwrap())
        .build()
        .unwrap();
    let trigger =
        AndTrigger::builder().trigger(wandering).trigger(daily(0)).max_iterations(100_000).build().unwrap();

    let Err(TriggerError::NoAgreement { after, .. }) = trigger.next_after(at("9950-01-01")) else {
        panic!("no time agrees")
    };
    assert!(after < at("9952-01-01"), "it gave up after a few questions, at {after}");
}
