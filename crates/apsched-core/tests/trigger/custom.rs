//! Triggers of the user, registered by name.

use std::fmt;

use apsched_core::trigger::{
    AnyTrigger, CustomTrigger, NamedTrigger, OrTrigger, Trigger, TriggerError, TriggerExt, TriggerRegistry,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::at;

/// Fires at growing distances: 1, 2, 3, 5, 8, … units after its start, twenty times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fibonacci {
    pub(crate) start: DateTime<Utc>,
    pub(crate) seconds: i64,
}

impl Trigger for Fibonacci {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let (mut a, mut b) = (1, 2);
        for _ in 0..20 {
            let distance = self.seconds.checked_mul(a).and_then(TimeDelta::try_seconds);
            match distance.and_then(|distance| self.start.checked_add_signed(distance)) {
                Some(fire_time) if fire_time > after => return Ok(Some(fire_time)),
                Some(_) => {}
                None => return Err(TriggerError::custom("the next fire time is too far away")),
            }
            (a, b) = (b, a + b);
        }
        Ok(None)
    }
}

impl fmt::Display for Fibonacci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s times the Fibonacci numbers", self.seconds)
    }
}

impl CustomTrigger for Fibonacci {
    const NAME: &'static str = "fibonacci";
}

pub(crate) fn registry() -> TriggerRegistry {
    let mut registry = TriggerRegistry::new();
    registry.register::<Fibonacci>().unwrap();
    registry
}

fn fibonacci() -> Fibonacci {
    Fibonacci { start: at("2026-01-01"), seconds: 60 }
}

#[test]
fn custom_trigger_is_stored_by_name_and_definition() {
    let stored = serde_json::to_value(AnyTrigger::from(fibonacci())).unwrap();

    let expected = json!({
        "type": "custom",
        "name": "fibonacci",
        "definition": {"start": "2026-01-01T00:00:00Z", "seconds": 60},
    });
    assert_eq!(stored, expected);
}

#[test]
fn stored_custom_trigger_fires_once_it_is_bound() {
    let stored = serde_json::to_string(&AnyTrigger::from(fibonacci())).unwrap();
    let mut read: AnyTrigger = serde_json::from_str(&stored).unwrap();

    let unbound = read.next_after(at("2026-01-01"));
    read.resolve(&registry()).unwrap();

    assert_eq!(unbound, Err(TriggerError::NotRegistered { name: "fibonacci".into() }));
    assert_eq!(read.next_after(at("2026-01-01")), Ok(Some(at("2026-01-01T00:01:00Z"))));
}

#[test]
fn unbound_trigger_is_written_back_unchanged_and_equals_the_bound_one() {
    let bound = AnyTrigger::from(fibonacci());
    let stored = serde_json::to_string(&bound).unwrap();

    let read: AnyTrigger = serde_json::from_str(&stored).unwrap();

    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    assert_eq!(read, bound);
    assert_eq!(read.to_string(), "custom trigger \"fibonacci\" (not registered here)");
}

#[test]
fn nested_custom_triggers_are_bound() {
    let nested = AnyTrigger::from(OrTrigger::new([OrTrigger::new([fibonacci()]).unwrap()]).unwrap());
    let mut read: AnyTrigger = serde_json::from_value(serde_json::to_value(&nested).unwrap()).unwrap();

    assert!(read.next_after(at("2026-01-01")).is_err());
    read.resolve(&registry()).unwrap();

    assert_eq!(read.next_after(at("2026-01-01")), nested.next_after(at("2026-01-01")));
}

#[test]
fn unknown_name_and_unreadable_definition_are_told_apart() {
    let bind = |name: &str, definition: serde_json::Value| {
        let stored = json!({"type": "custom", "name": name, "definition": definition});
        let mut trigger: AnyTrigger = serde_json::from_value(stored).unwrap();
        trigger.resolve(&registry()).unwrap_err().to_string()
    };

    assert_eq!(bind("fibo", json!({})), "no custom trigger named \"fibo\" is registered");
    assert_eq!(
        bind("fibonacci", json!({"start": "2026-01-01T00:00:00Z"})),
        "definition of the custom trigger \"fibonacci\": missing field `seconds`"
    );
}

#[test]
fn name_is_registered_once() {
    let mut registry = registry();

    assert_eq!(
        registry.register::<Fibonacci>(),
        Err(TriggerError::AlreadyRegistered { name: "fibonacci".into() })
    );
    assert_eq!(registry.names().collect::<Vec<_>>(), ["fibonacci"]);
    assert_eq!(format!("{registry:?}"), "{\"fibonacci\"}");
}

#[test]
fn anchored_custom_trigger_fires_at_nothing_before_its_anchor() {
    let trigger = AnyTrigger::from(fibonacci()).anchored_at(at("2026-01-01T00:04:00Z"));

    assert_eq!(trigger.first(), Ok(Some(at("2026-01-01T00:05:00Z"))));
}

/// A trigger that breaks the rule in the way that `answer` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Broken {
    answer: Option<i64>,
}

impl Trigger for Broken {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        match self.answer {
            Some(seconds) => Ok(Some(after + TimeDelta::seconds(seconds))),
            None => Err(TriggerError::custom("the almanac is missing")),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl CustomTrigger for Broken {
    const NAME: &'static str = "broken";
}

#[test]
fn trigger_that_stands_still_or_goes_backwards_is_reported_and_never_looped_over() {
    let now = at("2026-02-01");
    for seconds in [0, -1, -86_400] {
        let broken = Broken { answer: Some(seconds) };
        let any = AnyTrigger::from(broken.clone());
        let either = AnyTrigger::from(OrTrigger::new([any.clone()]).unwrap());
        let went_backwards = |error: &TriggerError| matches!(error, TriggerError::WentBackwards { .. });

        assert!(broken.preview_after(now, 3).is_err_and(|error| went_backwards(&error)));
        assert!(any.next_after(now).is_err_and(|error| went_backwards(&error)));
        assert!(either.next_after(now).is_err_and(|error| went_backwards(&error)));
        assert!(either.latest_between(at("2026-01-01"), now).is_err_and(|error| went_backwards(&error)));
        assert_eq!(broken.between(at("2026-01-01"), now).filter(|item| item.is_err()).count(), 1);
    }
    let error = Broken { answer: Some(-1) }.preview_after(now, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "trigger \"broken\" went backwards: asked for a fire time after 2026-02-01T00:00:00Z, it answered \
         2026-01-31T23:59:59Z"
    );
}

#[test]
fn error_of_a_custom_trigger_is_passed_on() {
    let error = AnyTrigger::from(Broken { answer: None }).first().unwrap_err();

    assert_eq!(error.to_string(), "custom trigger: the almanac is missing");
}

#[test]
fn panic_of_a_custom_trigger_is_an_error_of_that_trigger() {
    let trigger = AnyTrigger::from(Broken { answer: Some(i64::MAX / 1_000) });

    let error = trigger.next_after(at("2026-01-01")).unwrap_err();

    assert_eq!(error.to_string(), "custom trigger \"broken\" panicked: `DateTime + TimeDelta` overflowed");
}

/// Its fire times have parts of a microsecond.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Nanoseconds;

impl Trigger for Nanoseconds {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Ok(Some(after + TimeDelta::nanoseconds(1)))
    }
}

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every nanosecond")
    }
}

impl CustomTrigger for Nanoseconds {
    const NAME: &'static str = "nanoseconds";
}

#[test]
fn fire_times_of_custom_triggers_are_rounded_up_to_microseconds() {
    let trigger = AnyTrigger::from(Nanoseconds);

    assert_eq!(
        trigger.preview_after(at("2026-01-01"), 2).unwrap(),
        [at("2026-01-01T00:00:00.000001Z"), at("2026-01-01T00:00:00.000002Z")]
    );
}

/// What it writes is not what JSON can hold.
#[derive(Clone, Debug, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it holds a socket"))
    }
}

impl Trigger for Unwritable {
    fn next_after(&self, _: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Ok(None)
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unwritable")
    }
}

impl CustomTrigger for Unwritable {
    const NAME: &'static str = "unwritable";
}

#[test]
fn trigger_that_cannot_be_written_says_so_when_it_is_used_and_when_it_is_stored() {
    let trigger = AnyTrigger::from(Unwritable);

    let expected = "definition of the custom trigger \"unwritable\": it holds a socket";
    assert_eq!(trigger.first().unwrap_err().to_string(), expected);
    assert_eq!(serde_json::to_string(&trigger).unwrap_err().to_string(), expected);
}

#[test]
fn oversized_definitions_are_refused() {
    let read = |definition: serde_json::Value| {
        let stored = json!({"type": "custom", "name": "fibonacci", "definition": definition});
        serde_json::from_value::<NamedTrigger>(stored["definition"].clone()).is_ok()
            || serde_json::from_value::<AnyTrigger>(stored).is_ok()
    };
    let nested = |depth| (0..depth).fold(json!(1), |value, _| json!([value]));

    assert!(read(nested(31)));
    assert!(!read(nested(32)));
    assert!(read(json!(vec![0; 9_999])));
    assert!(!read(json!(vec![0; 10_000])));
}
