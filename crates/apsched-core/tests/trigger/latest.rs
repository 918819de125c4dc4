//! The latest due fire time is found without walking the others.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apsched_core::trigger::{
    CalendarIntervalTrigger, DateTrigger, IntervalTrigger, OrTrigger, Trigger, TriggerError, TriggerExt,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::at;

/// Counts the questions to another trigger.
struct Counted<T> {
    trigger: T,
    questions: AtomicUsize,
}

impl<T: Trigger> Counted<T> {
    fn new(trigger: T) -> Self {
        Self { trigger, questions: AtomicUsize::new(0) }
    }

    fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

impl<T: Trigger> Trigger for Counted<T> {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.trigger.next_after(after)
    }
}

impl<T: Trigger> fmt::Debug for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.trigger, f)
    }
}

impl<T: Trigger> fmt::Display for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.trigger, f)
    }
}

#[test]
fn thirty_days_of_missed_seconds_cost_three_questions() {
    let first = at("2026-01-01");
    let trigger = Counted::new(IntervalTrigger::every(Duration::from_secs(1)).starting_at(first));

    let latest = trigger.latest_between(first, at("2026-01-31T12:00:00.5Z"));

    assert_eq!(latest, Ok(at("2026-01-31T12:00:00Z")));
    assert_eq!(trigger.questions(), 3);
}

#[test]
fn first_is_the_latest_when_nothing_else_is_due() {
    let first = at("2026-01-01");
    let trigger = IntervalTrigger::every(Duration::from_secs(60)).starting_at(first);

    for now in ["2026-01-01", "2026-01-01T00:00:59.999999Z", "2025-01-01"] {
        assert_eq!(trigger.latest_between(first, at(now)), Ok(first), "{now}");
    }
    assert_eq!(trigger.latest_between(first, at("2026-01-01T00:01:00Z")), Ok(at("2026-01-01T00:01:00Z")));
}

#[test]
fn long_downtime_of_a_seldom_trigger_is_found_too() {
    let yearly = CalendarIntervalTrigger::builder().years(1).start_time(at("2024-02-29")).build().unwrap();
    let trigger = Counted::new(yearly);

    assert_eq!(trigger.latest_between(at("2024-02-29"), at("9000-06-01")), Ok(at("8996-02-29")));
    assert!(trigger.questions() < 60, "{} questions", trigger.questions());
}

#[test]
fn burst_long_ago_is_searched_by_halving() {
    // A day of microseconds, then silence for 900 years.
    let burst = IntervalTrigger::every(Duration::from_micros(1))
        .starting_at(at("2026-01-01"))
        .ending_at(at("2026-01-02"));
    let trigger = Counted::new(burst);

    assert_eq!(trigger.latest_between(at("2026-01-01"), at("2926-01-01")), Ok(at("2026-01-02")));
    assert!(trigger.questions() < 200, "{} questions", trigger.questions());
}

#[test]
fn uneven_combinations_are_searched_too() {
    let seconds = IntervalTrigger::every(Duration::from_secs(1))
        .starting_at(at("2026-01-01"))
        .ending_at(at("2026-01-10T00:00:00Z"));
    let trigger = OrTrigger::builder()
        .trigger(seconds)
        .trigger(CalendarIntervalTrigger::builder().months(1).start_time(at("2026-01-15")).build().unwrap())
        .trigger(DateTrigger::at(at("2026-06-16T01:00:00Z")))
        .build()
        .unwrap();
    let trigger = Counted::new(trigger);

    for (now, expected) in [
        ("2026-01-05T00:00:00.5Z", "2026-01-05"),
        ("2026-01-12", "2026-01-10"),
        ("2026-06-15T12:00:00Z", "2026-06-15"),
        ("2026-06-20", "2026-06-16T01:00:00Z"),
        ("2400-01-20", "2400-01-15"),
    ] {
        assert_eq!(trigger.latest_between(at("2026-01-01"), at(now)), Ok(at(expected)), "{now}");
    }
    assert!(trigger.questions() < 500, "{} questions", trigger.questions());
}

/// Answers that depend on where it is asked from: always one second later.
#[derive(Debug)]
struct Restless;

impl Trigger for Restless {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Ok(Some(after + TimeDelta::seconds(1)))
    }
}

impl fmt::Display for Restless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("restless")
    }
}

#[test]
fn trigger_without_fixed_fire_times_still_gets_an_answer() {
    let trigger = Counted::new(Restless);

    let latest = trigger.latest_between(at("2026-01-01"), at("2026-02-01")).unwrap();

    assert!(latest <= at("2026-02-01") && latest > at("2026-01-31T23:59:58Z"));
    assert!(trigger.questions() < 300, "{} questions", trigger.questions());
}
