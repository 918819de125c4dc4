//! `from_crontab` against croner on random standard lines.
//!
//! Excluded, because croner means something else by it:
//! - clock changes: croner has one policy of its own, so everything is in UTC;
//! - a step of `*` in the day or the weekday (`*/2`) when the other one is restricted: croner counts it as
//!   restricted (either may match), crontab(5) and we do not (both must);
//! - `LW` beside `L` in one list: croner then forgets `L`. Here a special day stands alone;
//! - `7L`, which never fires in croner;
//! - wrapping weekday ranges (`sat-mon`), which croner refuses, and steps as wide as the range, which we
//!   refuse;
//! - `a/n`, which croner has only with its `sloppy_ranges`, so that is on;
//! - dates that never come: we refuse them at once, croner searches for them.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use apsched_core::trigger::{CronTrigger, Trigger, TriggerError};
use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use proptest::prelude::*;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "Mon", "tue", "WED", "thu", "fri", "sat"];

/// `a`, `a-b`, `a-b/n` or `a/n`.
fn item(least: u32, greatest: u32) -> impl Strategy<Value = String> {
    let pair = (least..=greatest, least..=greatest).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (pair, 0..4, 1..100_u32).prop_map(move |((first, last), shape, step)| match shape {
        0 => first.to_string(),
        1 => format!("{first}-{last}"),
        2 => format!("{first}-{last}/{}", 1 + step % (last - first).max(1)),
        _ => format!("{first}/{}", 1 + step % (greatest - first).max(1)),
    })
}

fn items(least: u32, greatest: u32) -> impl Strategy<Value = String> {
    prop::collection::vec(item(least, greatest), 1..4).prop_map(|items| items.join(","))
}

/// `*` or `*/n`.
fn star(least: u32, greatest: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=greatest - least).prop_map(|step| format!("*/{step}")),
    ]
}

fn number(least: u32, greatest: u32) -> impl Strategy<Value = String> {
    prop_oneof![star(least, greatest), items(least, greatest)]
}

fn month() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&MONTHS[..]).prop_map(str::to_owned);
    prop_oneof![4 => Just("*".to_owned()), 3 => number(1, 12), 1 => name]
}

fn restricted_day() -> impl Strategy<Value = String> {
    let nearest = (1..=31).prop_map(|day| format!("{day}W"));
    prop_oneof![
        4 => items(1, 31),
        1 => Just("L".to_owned()),
        1 => Just("LW".to_owned()),
        1 => nearest,
    ]
}

fn restricted_weekday() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&WEEKDAYS[..]).prop_map(str::to_owned);
    let range = (1..5_usize, 0..3_usize)
        .prop_map(|(first, length)| format!("{}-{}", WEEKDAYS[first], WEEKDAYS[(first + length).min(6)]));
    let nth = (0..=7, 1..=5).prop_map(|(weekday, nth)| format!("{weekday}#{nth}"));
    let last = (0..=6).prop_map(|weekday| format!("{weekday}L"));
    prop_oneof![3 => items(0, 7), 1 => name, 1 => range, 1 => nth, 1 => last]
}

/// Day and weekday.
fn days() -> impl Strategy<Value = (String, String)> {
    let any = || prop::sample::select(&["*", "?"][..]).prop_map(str::to_owned);
    prop_oneof![
        (any(), any()),
        (restricted_day(), any()),
        (star(1, 31), any()),
        (any(), restricted_weekday()),
        (any(), star(0, 7)),
        (restricted_day(), restricted_weekday()),
    ]
}

fn parser(seconds: Seconds) -> CronParser {
    CronParser::builder().seconds(seconds).sloppy_ranges(true).build()
}

fn fires_like(
    trigger: Result<CronTrigger, TriggerError>,
    croner: &Cron,
    start: DateTime<Utc>,
) -> Result<(), TestCaseError> {
    if matches!(trigger, Err(TriggerError::NeverFires { .. })) {
        return Ok(());
    }
    let trigger = trigger.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let mut after = start;
    for _ in 0..8 {
        let expected = croner.find_next_occurrence(&after, false).unwrap();
        prop_assert_eq!(trigger.next_after(after), Ok(Some(expected)));
        after = expected;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn five_fields_fire_when_croner_does(
        minute in number(0, 59), hour in number(0, 23), (day, weekday) in days(), month in month(),
        start in 0_i64..4_000_000_000,
    ) {
        let line = format!("{minute} {hour} {day} {month} {weekday}");
        let croner = parser(Seconds::Disallowed).parse(&line).unwrap();

        fires_like(CronTrigger::from_crontab(&line), &croner, DateTime::from_timestamp(start, 0).unwrap())?;
    }

    #[test]
    fn six_fields_fire_when_croner_does(
        second in number(0, 59), minute in number(0, 59), hour in number(0, 23), (day, weekday) in days(),
        start in 0_i64..4_000_000_000,
    ) {
        let line = format!("{second} {minute} {hour} {day} * {weekday}");
        let croner = parser(Seconds::Required).parse(&line).unwrap();
        let trigger = CronTrigger::from_crontab_with_seconds(&line);

        fires_like(trigger, &croner, DateTime::from_timestamp(start, 0).unwrap())?;
    }
}
