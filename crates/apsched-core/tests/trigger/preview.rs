//! Looking ahead changes nothing.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::trigger::{AnyTrigger, DateTrigger, IntervalTrigger, Trigger, TriggerExt};

use super::at;

fn hourly() -> IntervalTrigger {
    IntervalTrigger::every(Duration::from_secs(3_600)).starting_at(at("2026-01-01"))
}

#[test]
fn preview_gives_at_most_so_many_fire_times() {
    let once = DateTrigger::at(at("2026-01-01"));

    assert_eq!(hourly().preview_after(at("2026-01-01"), 0), Ok(vec![]));
    assert_eq!(
        hourly().preview_after(at("2026-01-01"), 2),
        Ok(vec![at("2026-01-01T01:00:00Z"), at("2026-01-01T02:00:00Z")])
    );
    assert_eq!(once.preview_after(at("2025-01-01"), usize::MAX), Ok(vec![at("2026-01-01")]));
}

#[test]
fn range_has_both_ends() {
    let between =
        |from: &str, to: &str| hourly().between(at(from), at(to)).map(Result::unwrap).collect::<Vec<_>>();

    assert_eq!(
        between("2026-01-01T01:00:00Z", "2026-01-01T03:00:00Z"),
        [at("2026-01-01T01:00:00Z"), at("2026-01-01T02:00:00Z"), at("2026-01-01T03:00:00Z")]
    );
    assert_eq!(
        between("2026-01-01T01:00:00.000000001Z", "2026-01-01T02:59:59Z"),
        [at("2026-01-01T02:00:00Z")]
    );
    assert_eq!(between("2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z"), [at("2026-01-01T01:00:00Z")]);
    assert!(between("2026-01-02", "2026-01-01").is_empty());
}

#[test]
fn range_stays_ended() {
    let trigger = hourly();
    let mut range = trigger.between(at("2026-01-01"), at("2026-01-01"));

    assert_eq!(range.next(), Some(Ok(at("2026-01-01"))));
    assert_eq!((range.next(), range.next()), (None, None));
}

#[test]
fn conveniences_hold_for_trait_objects_and_pointers() {
    let trigger: Arc<dyn Trigger> = Arc::new(hourly());
    let boxed: Box<dyn Trigger> = Box::new(AnyTrigger::from(hourly()));

    assert_eq!(trigger.preview_after(at("2026-01-01"), 3), boxed.preview_after(at("2026-01-01"), 3));
    assert_eq!((*trigger).between(at("2026-01-01"), at("2026-01-02")).count(), 25);
}

#[cfg(feature = "scheduler")]
#[test]
fn preview_counts_from_now_as_if_it_were_added() {
    let interval = IntervalTrigger::every(Duration::from_secs(3_600));

    let fire_times = interval.preview(3).unwrap();
    let same = AnyTrigger::from(interval).preview(3).unwrap();

    assert_eq!(fire_times.len(), 3);
    assert!(fire_times[0] > at("2025-01-01"));
    assert_eq!(fire_times[1] - fire_times[0], chrono::TimeDelta::hours(1));
    assert!(same[0] >= fire_times[0]);
}
