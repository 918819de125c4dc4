//! The date trigger fires once.

use apsched_core::trigger::{AnyTrigger, DateTrigger, Trigger};
use chrono::TimeZone;
use chrono_tz::Tz;
use serde_json::json;

use super::{at, first};

#[test]
fn date_fires_once_at_its_instant() {
    let trigger = DateTrigger::at(at("2026-03-01T12:00:00Z"));

    for (after, expected) in [
        ("2020-01-01", Some("2026-03-01T12:00:00Z")),
        ("2026-03-01T11:59:59.999999Z", Some("2026-03-01T12:00:00Z")),
        ("2026-03-01T12:00:00Z", None),
        ("2030-01-01", None),
    ] {
        assert_eq!(trigger.next_after(at(after)), Ok(expected.map(at)), "{after}");
    }
}

#[test]
fn date_is_given_in_any_zone() {
    let noon_in_tokyo = Tz::Asia__Tokyo.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();

    assert_eq!(DateTrigger::at(noon_in_tokyo).fire_time(), at("2026-03-01T03:00:00Z"));
}

#[test]
fn adding_a_date_late_does_not_move_it() {
    let trigger = AnyTrigger::from(DateTrigger::at(at("2026-03-01"))).anchored_at(at("2027-01-01"));

    assert_eq!(first(3, trigger), ["2026-03-01T00:00:00Z"]);
}

#[test]
fn date_shows_and_stores_its_instant() {
    let trigger = AnyTrigger::from(DateTrigger::at(at("2026-03-01T12:00:00.000001999Z")));

    assert_eq!(trigger.to_string(), "once at 2026-03-01T12:00:00.000001Z");
    assert_eq!(
        serde_json::to_value(&trigger).unwrap(),
        json!({"type": "date", "at": "2026-03-01T12:00:00.000001Z"})
    );
}
