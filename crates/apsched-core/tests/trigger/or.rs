//! The or-trigger fires whenever one of its parts does.

use std::time::Duration;

use apsched_core::trigger::{AnyTrigger, CronTrigger, DateTrigger, IntervalTrigger, OrTrigger, TriggerExt};
use serde_json::json;

use super::{at, first};

fn every(seconds: u64) -> IntervalTrigger {
    IntervalTrigger::every(Duration::from_secs(seconds)).starting_at(at("2026-01-01"))
}

#[test]
fn or_fires_at_every_time_of_every_part_and_once_at_common_ones() {
    let trigger = OrTrigger::new([every(2), every(3)]).unwrap();

    let seconds: Vec<_> = first(6, trigger).iter().map(|time| time[17..19].to_owned()).collect();
    assert_eq!(seconds, ["00", "02", "03", "04", "06", "08"]);
}

#[test]
fn weekdays_at_ten_and_weekends_at_eleven() {
    let at_hour = |days: &str, hour: u8| CronTrigger::builder().day_of_week(days).hour(hour).build().unwrap();
    let trigger = OrTrigger::new([at_hour("mon-fri", 10), at_hour("sat-sun", 11)]).unwrap();

    // 7 August 2026 is a Friday.
    let fire_times: Vec<_> = AnyTrigger::from(trigger).preview_after(at("2026-08-07"), 4).unwrap();

    let expected =
        ["2026-08-07T10:00:00Z", "2026-08-08T11:00:00Z", "2026-08-09T11:00:00Z", "2026-08-10T10:00:00Z"];
    assert_eq!(fire_times, expected.map(at));
}

#[test]
fn or_is_finished_when_all_parts_are() {
    let short = every(60).ending_at(at("2026-01-01T00:01:00Z"));
    let trigger =
        OrTrigger::builder().trigger(short).trigger(DateTrigger::at(at("2027-01-01"))).build().unwrap();

    assert_eq!(first(9, trigger), ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2027-01-01T00:00:00Z"]);
}

#[test]
fn parts_without_a_start_count_from_the_moment_of_adding() {
    let unanchored = IntervalTrigger::every(Duration::from_secs(3_600));
    let trigger = AnyTrigger::from(OrTrigger::new([unanchored, every(86_400)]).unwrap());

    let added = trigger.anchored_at(at("2026-01-05T12:34:56Z"));

    assert_eq!(first(1, added.clone()), ["2026-01-01T00:00:00Z"]);
    assert!(first(12, added.clone()).contains(&"2026-01-05T13:34:56Z".to_owned()));
    assert!(added.is_same_definition(&trigger));
}

#[test]
fn or_of_nothing_is_refused() {
    let error = OrTrigger::new(Vec::<AnyTrigger>::new()).unwrap_err();

    assert_eq!(error.to_string(), "or-trigger, triggers: expected at least one trigger, found none");
}

#[test]
fn or_reads_as_a_sentence_and_is_stored_with_its_parts() {
    let parts = [AnyTrigger::from(DateTrigger::at(at("2026-01-01"))), every(60).into()];
    let trigger = AnyTrigger::from(OrTrigger::new(parts).unwrap());

    assert_eq!(
        trigger.to_string(),
        "any of (once at 2026-01-01T00:00:00Z; every 1 minute from 2026-01-01T00:00:00Z)"
    );
    assert_eq!(
        serde_json::to_value(&trigger).unwrap(),
        json!({
            "type": "or",
            "triggers": [
                {"type": "date", "at": "2026-01-01T00:00:00Z"},
                {"type": "interval", "every": {"minutes": 1}, "start_time": "2026-01-01T00:00:00Z"},
            ],
        })
    );
}
