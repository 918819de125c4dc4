//! Anything may stand in a store: it is read, or refused with a reason, and never does harm.

use apsched_core::trigger::{AnyTrigger, OrTrigger, Trigger};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::arbitrary::{any_trigger, far_instant};
use super::at;

fn read(value: Value) -> Result<AnyTrigger, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn schedules_hold_a_trigger_in_64_bytes() {
    assert!(size_of::<AnyTrigger>() <= 64, "{}", size_of::<AnyTrigger>());
}

#[test]
fn what_cannot_be_a_trigger_is_refused_with_a_reason() {
    for (stored, expected) in [
        (json!({"type": "date"}), "missing field `at`"),
        (json!({"at": "2026-01-01T00:00:00Z"}), "missing field `type`"),
        (json!({"type": "date", "at": "2026-01-01T00:00:00Z", "in": 1}), "unknown field `in`, expected `at`"),
        (json!({"type": "date", "at": "2026-01-01T00:00:00"}), "premature end of input"),
        (
            json!({"type": "interval", "every": {"minutes": -5}}),
            "invalid value: integer `-5`, expected a number, zero or more",
        ),
        (
            json!({"type": "interval", "every": {"minutes": -0.5}}),
            "minutes: the duration is too long or negative",
        ),
        (
            json!({"type": "interval", "every": {"months": 5}}),
            "unknown field `months`, expected one of `weeks`, `days`, `hours`, `minutes`, `seconds`, `microseconds`",
        ),
        (
            json!({"type": "interval", "every": {}}),
            "interval trigger, every: expected at least one microsecond, found 0ns",
        ),
        (
            json!({"type": "interval", "every": {"weeks": u64::MAX}}),
            "weeks: the duration is too long or negative",
        ),
        (
            json!({"type": "calendar_interval", "days": 1, "hour": 25}),
            "calendar interval trigger, hour: expected 0 to 23, found 25",
        ),
        (
            json!({"type": "or", "triggers": []}),
            "or-trigger, triggers: expected at least one trigger, found none",
        ),
        (
            json!({"type": "and", "triggers": [{"type": "date", "at": "2026-01-01T00:00:00Z"}], "max_iterations": 0}),
            "and-trigger, max_iterations: expected 1 to 100,000, found 0",
        ),
    ] {
        assert_eq!(read(stored).unwrap_err(), expected);
    }
    assert!(
        read(json!({"type": "moon"}))
            .unwrap_err()
            .starts_with("unknown variant `moon`, expected one of `date`")
    );
    let unknown_zone =
        read(json!({"type": "calendar_interval", "days": 1, "timezone": "Mars/Base"})).unwrap_err();
    assert!(unknown_zone.contains("Mars/Base"), "{unknown_zone}");
}

#[test]
fn deep_and_wide_combinations_are_refused() {
    let date = json!({"type": "date", "at": "2026-01-01T00:00:00Z"});
    let nested = |depth| (1..depth).fold(date.clone(), |part, _| json!({"type": "or", "triggers": [part]}));
    let wide = |n| json!({"type": "or", "triggers": vec![date.clone(); n]});

    assert!(read(nested(16)).is_ok());
    assert!(read(nested(17)).unwrap_err().contains("at most 16 levels"));
    assert!(read(nested(60)).is_err());
    assert!(read(wide(256)).is_ok());
    assert!(read(wide(257)).unwrap_err().contains("at most 256 triggers"));
    let two_wide = json!({"type": "or", "triggers": [wide(200), wide(57)]});
    assert!(read(two_wide).unwrap_err().contains("at most 256 triggers"));
}

#[test]
fn deepest_combination_is_read_back_from_json_and_cbor() {
    let deep = (1..16).fold(
        AnyTrigger::from(super::custom::Fibonacci { start: at("2026-01-01"), seconds: 1 }),
        |part, _| OrTrigger::new([part]).unwrap().into(),
    );

    super::laws::stored_form_round_trips(&deep, &super::custom::registry(), at("2026-01-01"), 3);
}

/// Any JSON value of a few levels, with words that occur in triggers.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("type".to_owned()),
        Just("date".to_owned()),
        Just("interval".to_owned()),
        Just("cron".to_owned()),
        Just("calendar_interval".to_owned()),
        Just("and".to_owned()),
        Just("or".to_owned()),
        Just("custom".to_owned()),
        Just("every".to_owned()),
        Just("seconds".to_owned()),
        Just("days".to_owned()),
        Just("triggers".to_owned()),
        Just("threshold".to_owned()),
        Just("start_time".to_owned()),
        Just("end_time".to_owned()),
        Just("anchored_at".to_owned()),
        Just("at".to_owned()),
        Just("hour".to_owned()),
        Just("minute".to_owned()),
        Just("day".to_owned()),
        Just("timezone".to_owned()),
        far_instant().prop_map(|at| at.to_rfc3339()),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map_into(),
        any::<i64>().prop_map_into(),
        any::<u64>().prop_map_into(),
        any::<f64>().prop_map_into(),
        (0_u64..100).prop_map_into(),
        word.clone().prop_map_into(),
    ];
    leaf.prop_recursive(4, 24, 6, move |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..5).prop_map_into(),
            prop::collection::vec((word.clone(), value), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Replaces the `index`-th value within `value`, counted in depth.
fn replace(value: &mut Value, index: &mut usize, replacement: &Value) {
    if *index == 0 {
        *value = replacement.clone();
    }
    *index = index.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, index, replacement)),
        Value::Object(items) => items.values_mut().for_each(|item| replace(item, index, replacement)),
        _ => {}
    }
}

/// What was read can be asked, shown and written.
fn use_it(mut trigger: AnyTrigger, after: chrono::DateTime<chrono::Utc>) {
    let _ = trigger.resolve(&super::custom::registry());
    let _ = trigger.first();
    let _ = trigger.next_after(after);
    let _ = trigger.to_string();
    let written = serde_json::to_string(&trigger).unwrap();
    assert_eq!(serde_json::from_str::<AnyTrigger>(&written).unwrap(), trigger, "{written}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<AnyTrigger>(&bytes);
        let _ = ciborium::from_reader::<AnyTrigger, _>(bytes.as_slice());
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        let _ = read(value);
    }

    #[test]
    fn damaged_triggers_are_read_or_refused(
        trigger in any_trigger(),
        index in 0_usize..30,
        replacement in any_json(),
        after in far_instant(),
    ) {
        let mut stored = serde_json::to_value(&trigger).unwrap();
        replace(&mut stored, &mut index.clone(), &replacement);
        if let Ok(trigger) = read(stored) {
            use_it(trigger, after);
        }
    }

    #[test]
    fn damaged_cbor_is_read_or_refused(
        trigger in any_trigger(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        after in far_instant(),
    ) {
        let mut stored = Vec::new();
        ciborium::into_writer(&trigger, &mut stored).unwrap();
        *position.get_mut(&mut stored) = byte;
        if let Ok(trigger) = ciborium::from_reader(stored.as_slice()) {
            use_it(trigger, after);
        }
    }
}
