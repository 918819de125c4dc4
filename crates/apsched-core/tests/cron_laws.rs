//! What holds for every cron trigger, and for every text that might become one: properties over random input.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use apsched_core::trigger::{CronTrigger, DstPolicy, Fold, Gap, Trigger, TriggerError};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

fn policy() -> impl Strategy<Value = DstPolicy> {
    let gap = prop::sample::select(vec![Gap::Skip, Gap::NextValid, Gap::ShiftForward]);
    let fold = prop::sample::select(vec![Fold::First, Fold::Last, Fold::Both]);
    (gap, fold).prop_map(|(gap, fold)| DstPolicy { gap, fold })
}

/// Any time from 1902 to 2162, to the microsecond.
fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    (i64::from(i32::MIN)..6_060_000_000, 0..1_000_000_u32)
        .prop_map(|(seconds, micros)| DateTime::from_timestamp(seconds, micros * 1_000).unwrap())
}

/// A field of the builder, or nothing.
fn field(texts: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(texts))
}

fn fields() -> impl Strategy<Value = [Option<&'static str>; 8]> {
    (
        field(&["*", "2020-2040", "*/4", "1999,2024"]),
        field(&["*", "2", "jan-mar", "*/5", "feb,dec"]),
        field(&["*", "1", "29", "31", "last", "L-3", "15W", "LW", "2nd fri", "last sun, 1", "10-20/3"]),
        field(&["*", "1", "53", "10-20"]),
        field(&["*", "mon-fri", "sat-mon", "*/2", "5L", "fri#2", "7"]),
        field(&["*", "0", "2", "1-3", "*/6", "23"]),
        field(&["*", "0", "30", "*/20", "59"]),
        field(&["*", "0", "59", "*/25"]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| [a, b, c, d, e, f, g, h])
}

fn trigger() -> impl Strategy<Value = CronTrigger> {
    let window = (prop::option::of(instant()), prop::option::of(instant()), prop::option::of(instant()));
    let zone = prop::sample::select(&TZ_VARIANTS[..]);
    (fields(), zone, prop::option::of(policy()), window).prop_filter_map(
        "never fires",
        |(fields, zone, policy, (start, end, anchor))| {
            let mut builder = CronTrigger::builder().timezone(zone);
            let [year, month, day, week, day_of_week, hour, minute, second] = fields;
            builder = year.into_iter().fold(builder, |builder, text| builder.year(text));
            builder = month.into_iter().fold(builder, |builder, text| builder.month(text));
            builder = day.into_iter().fold(builder, |builder, text| builder.day(text));
            builder = week.into_iter().fold(builder, |builder, text| builder.week(text));
            builder = day_of_week.into_iter().fold(builder, |builder, text| builder.day_of_week(text));
            builder = hour.into_iter().fold(builder, |builder, text| builder.hour(text));
            builder = minute.into_iter().fold(builder, |builder, text| builder.minute(text));
            builder = second.into_iter().fold(builder, |builder, text| builder.second(text));
            builder = policy.into_iter().fold(builder, |builder, policy| builder.dst(policy));
            builder = start.into_iter().fold(builder, |builder, start| builder.start_time(start));
            builder = end.into_iter().fold(builder, |builder, end| builder.end_time(end));
            let trigger = builder.build().ok()?;
            Some(anchor.map_or(trigger.clone(), |at| trigger.anchored_at(at)))
        },
    )
}

fn next(trigger: &CronTrigger, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    trigger.next_after(after).unwrap()
}

/// Texts made of what expressions are made of.
fn almost_an_expression() -> impl Strategy<Value = String> {
    let pieces = [
        "*",
        "/",
        "-",
        ",",
        " ",
        "#",
        "?",
        "@",
        "L",
        "W",
        "LW",
        "last",
        "2nd",
        "1st",
        "fri",
        "sun",
        "mon",
        "jan",
        "0",
        "1",
        "5",
        "7",
        "15",
        "31",
        "59",
        "60",
        "99",
        "1970",
        "9999",
        "65536",
        "99999999999",
        "é",
        "\n",
        "\0",
        "x",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => almost_an_expression(), 1 => ".{0,40}"]
}

/// Whatever becomes a trigger can be asked, shown and stored.
fn is_sound(trigger: Result<CronTrigger, TriggerError>) {
    match trigger {
        Ok(trigger) => {
            let json = serde_json::to_string(&trigger).unwrap();
            assert_eq!(serde_json::from_str::<CronTrigger>(&json).unwrap(), trigger);
            assert!(!trigger.to_string().is_empty());
            for after in [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
                let _ = next(&trigger, after);
            }
        }
        Err(error) => assert!(error.to_string().len() < 2_000),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fire_times_increase_are_whole_seconds_and_lie_in_the_window(trigger in trigger(), start in instant()) {
        let mut after = start;
        for _ in 0..20 {
            let Some(time) = next(&trigger, after) else { break };
            prop_assert!(time > after);
            prop_assert_eq!(time.nanosecond(), 0);
            prop_assert!(trigger.start_time().is_none_or(|start| time >= start));
            prop_assert!(trigger.end_time().is_none_or(|end| time <= end));
            prop_assert_eq!(next(&trigger, after), Some(time));
            after = time;
        }
    }

    #[test]
    fn split_sequence_equals_the_unsplit_one(trigger in trigger(), start in instant(), part in 0.0..1.0) {
        let mut after = start;
        for _ in 0..10 {
            let Some(time) = next(&trigger, after) else { break };
            let wait = (time - after).num_microseconds().unwrap();
            for split in [0, 1, (part * wait as f64) as i64, wait - 1] {
                prop_assert_eq!(next(&trigger, after + TimeDelta::microseconds(split)), Some(time));
            }
            after = time;
        }
    }

    #[test]
    fn nothing_comes_after_the_end(trigger in trigger(), start in instant()) {
        if next(&trigger, start).is_none() {
            prop_assert_eq!(next(&trigger, start + TimeDelta::days(1)), None);
            prop_assert_eq!(next(&trigger, start + TimeDelta::days(100_000)), None);
        }
    }

    #[test]
    fn first_is_what_comes_after_all_earlier_times(trigger in trigger()) {
        prop_assert_eq!(trigger.first(), next(&trigger, DateTime::<Utc>::MIN_UTC));
    }

    #[test]
    fn stored_form_round_trips(trigger in trigger()) {
        let value = serde_json::to_value(&trigger).unwrap();
        prop_assert_eq!(serde_json::from_value::<CronTrigger>(value).unwrap(), trigger);
    }

    #[test]
    fn any_crontab_line_is_read_or_refused(line in any_text()) {
        is_sound(CronTrigger::from_crontab(&line));
        is_sound(CronTrigger::from_crontab_with_seconds(&line));
    }

    #[test]
    fn any_field_of_a_crontab_line_is_read_or_refused(text in any_text(), field in 0..5_usize) {
        let mut fields = ["0", "0", "*", "*", "*"];
        fields[field] = &text;
        is_sound(CronTrigger::from_crontab(&fields.join(" ")));
    }

    #[test]
    fn any_field_of_a_stored_trigger_is_read_or_refused(
        name in prop::sample::select(vec![
            "year", "month", "day", "week", "day_of_week", "hour", "minute", "second", "crontab", "timezone", "start_time",
        ]),
        text in any_text(),
    ) {
        if let Ok(trigger) = serde_json::from_value::<CronTrigger>(serde_json::json!({ name: text, "second": "0" })) {
            is_sound(Ok(trigger));
        }
    }
}

#[test]
fn costliest_texts_are_answered_in_bounded_time() {
    let years = ["1970-9999/8028"; 66].join(",");
    let worst = CronTrigger::builder().year(&years).month("feb").day(29).day_of_week("mon");
    assert!(worst.build().is_err());
    let many =
        CronTrigger::builder().year(["1970-9999"; 100].join(",")).month("feb").day(29).day_of_week("mon");
    let many = many.timezone(Tz::Africa__Casablanca).build().unwrap();
    is_sound(Ok(many));
    // Every match is in a gap, up to the last clock change that is known.
    let in_every_gap = CronTrigger::from_crontab("30 2 25-31 3 sun").unwrap();
    let skip = DstPolicy { gap: Gap::Skip, fold: Fold::First };
    is_sound(Ok(in_every_gap.with_timezone(Tz::Europe__Berlin).with_dst(skip)));
}
