//! The calendar interval counts dates, and fires at a time of day.

use apsched_core::trigger::{
    AnyTrigger, CalendarIntervalTrigger, CalendarIntervalTriggerBuilder, DstPolicy, Fold, Gap, Trigger,
};
use chrono::{Datelike, Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::{at, first};

fn every() -> CalendarIntervalTriggerBuilder {
    CalendarIntervalTrigger::builder()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn dates_are_counted_from_the_start() {
    for (builder, start, expected) in [
        (every().days(1), "2026-01-31", ["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03"]),
        (every().weeks(2), "2026-01-31", ["2026-01-31", "2026-02-14", "2026-02-28", "2026-03-14"]),
        (every().months(1), "2026-01-28", ["2026-01-28", "2026-02-28", "2026-03-28", "2026-04-28"]),
        (every().months(2), "2022-06-07", ["2022-06-07", "2022-08-07", "2022-10-07", "2022-12-07"]),
        (every().years(1), "2026-06-30", ["2026-06-30", "2027-06-30", "2028-06-30", "2029-06-30"]),
        // Short months are skipped, never shortened to their last day.
        (every().months(1), "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]),
        (every().months(1), "2026-01-30", ["2026-01-30", "2026-03-30", "2026-04-30", "2026-05-30"]),
        (every().months(1), "2028-01-30", ["2028-01-30", "2028-03-30", "2028-04-30", "2028-05-30"]),
        (every().months(6), "2026-08-31", ["2026-08-31", "2027-08-31", "2028-08-31", "2029-08-31"]),
        (every().years(1), "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29", "2036-02-29"]),
        (every().years(1), "2096-02-29", ["2096-02-29", "2104-02-29", "2108-02-29", "2112-02-29"]),
        // Years and months first, then weeks and days.
        (every().months(1).days(1), "2026-01-31", ["2026-01-31", "2026-04-01", "2026-05-02", "2026-06-03"]),
        (every().years(1).weeks(1), "2024-02-29", ["2024-02-29", "2028-03-07", "2029-03-14", "2030-03-21"]),
    ] {
        let trigger = builder.start_date(day(start)).build().unwrap();

        let expected = expected.map(|date| format!("{date}T00:00:00Z"));
        assert_eq!(first(4, trigger), expected, "{trigger}");
    }
}

#[test]
fn time_of_day_is_that_of_the_zone() {
    let trigger =
        every().days(1).hour(9).minute(30).timezone(Tz::Europe__Berlin).start_date(day("2026-03-28")).build();

    assert_eq!(first(2, trigger.unwrap()), ["2026-03-28T08:30:00Z", "2026-03-29T07:30:00Z"]);
}

#[test]
fn start_instant_counts_as_its_date_and_excludes_earlier_times_of_day() {
    let at_ten = every().months(1).hour(10);

    let early = at_ten.clone().start_time(at("2026-01-15T08:00:00Z")).build().unwrap();
    let equal = at_ten.clone().start_time(at("2026-01-15T10:00:00Z")).build().unwrap();
    let late = at_ten.start_time(at("2026-01-15T10:00:00.000001Z")).build().unwrap();

    assert_eq!(first(1, early), ["2026-01-15T10:00:00Z"]);
    assert_eq!(first(1, equal), ["2026-01-15T10:00:00Z"]);
    assert_eq!(first(1, late), ["2026-02-15T10:00:00Z"]);
}

#[test]
fn without_a_start_it_counts_from_the_date_of_adding_in_its_zone() {
    let trigger = AnyTrigger::from(every().weeks(1).hour(6).timezone(Tz::Asia__Tokyo).build().unwrap());

    // It is already the 11th in Tokyo.
    let added = trigger.anchored_at(at("2026-01-10T20:00:00Z"));

    assert_eq!(first(2, added), ["2026-01-10T21:00:00Z", "2026-01-17T21:00:00Z"]);
}

#[test]
fn end_is_inclusive() {
    let daily = every().days(1).hour(10).start_date(day("2026-01-01"));

    let inclusive = daily.clone().end_time(at("2026-01-02T10:00:00Z")).build().unwrap();
    let short = daily.end_time(at("2026-01-02T09:59:59Z")).build().unwrap();

    assert_eq!(first(9, inclusive).len(), 2);
    assert_eq!(first(9, short).len(), 1);
}

#[test]
fn clock_changes_are_met_by_the_policy() {
    let of = |gap, fold| DstPolicy { gap, fold };
    // 02:30 in Berlin: skipped on 29 March 2026, shown twice on 25 October.
    for (start, dst, expected) in [
        ("2026-03-29", DstPolicy::FIXED_TIME, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        ("2026-03-29", of(Gap::ShiftForward, Fold::First), ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]),
        ("2026-03-29", DstPolicy::SKIP_AND_REPEAT, ["2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]),
        ("2026-10-25", DstPolicy::FIXED_TIME, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ("2026-10-25", of(Gap::Skip, Fold::Last), ["2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]),
        ("2026-10-25", DstPolicy::SKIP_AND_REPEAT, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]),
    ] {
        let daily = every().days(1).hour(2).minute(30).timezone(Tz::Europe__Berlin).dst(dst);
        let trigger = daily.start_date(day(start)).build().unwrap();

        assert_eq!(first(2, trigger), expected, "{trigger}");
    }
}

#[test]
fn day_that_never_was_fires_at_most_once_with_the_next() {
    // Apia went from the end of 29 December 2011 to the start of the 31st.
    let daily = |dst, hour| {
        let builder = every().days(1).hour(hour).timezone(Tz::Pacific__Apia).dst(dst);
        first(3, builder.start_date(day("2011-12-29")).build().unwrap())
    };
    let shift = DstPolicy { gap: Gap::ShiftForward, fold: Fold::First };

    for (found, expected) in [
        (
            daily(DstPolicy::FIXED_TIME, 9),
            ["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"],
        ),
        (
            daily(DstPolicy::FIXED_TIME, 0),
            ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
        ),
        (daily(shift, 9), ["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"]),
        (
            daily(DstPolicy::SKIP_AND_REPEAT, 9),
            ["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"],
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn start_date_without_midnight_starts_with_its_first_instant() {
    let trigger = every().days(1).timezone(Tz::Asia__Beirut).start_date(day("2026-03-29")).build().unwrap();

    assert_eq!(first(2, trigger), ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"]);
}

#[test]
fn far_future_is_found_at_once_and_the_horizon_is_the_year_9999() {
    for (builder, after, expected) in [
        (every().days(1), "9999-12-30", Some("9999-12-31")),
        (every().days(1), "9999-12-31", None),
        (every().months(1), "9998-01-31", Some("9998-03-31")),
        (every().years(1), "9990-01-01", Some("9990-01-31")),
        (every().years(9_999), "2026-01-31", None),
        (every().months(1).days(1), "9999-12-31", None),
    ] {
        let trigger = builder.start_date(day("2026-01-31")).build().unwrap();

        assert_eq!(trigger.next_after(at(after)), Ok(expected.map(at)), "{trigger} after {after}");
    }
}

#[test]
fn impossible_definitions_are_refused_by_name() {
    for (builder, expected) in [
        (
            every(),
            "calendar interval trigger, days: expected at least one day in years, months, weeks and days together, \
             found none",
        ),
        (every().days(1).hour(24), "calendar interval trigger, hour: expected 0 to 23, found 24"),
        (every().days(1).minute(60), "calendar interval trigger, minute: expected 0 to 59, found 60"),
        (every().days(1).second(300), "calendar interval trigger, second: expected 0 to 59, found 300"),
        (every().years(10_000), "calendar interval trigger, years: expected 0 to 9999, found 10000"),
        (every().weeks(u32::MAX), "calendar interval trigger, weeks: expected 0 to 521774, found 4294967295"),
        (
            every().days(1).start_date(day("-0001-01-01")),
            "calendar interval trigger, start_date: expected a time in the years 1 to 9999, found -0001-01-01",
        ),
        (
            every().days(1).start_date(day("2026-01-02")).end_time(at("2026-01-01")),
            "calendar interval trigger, end_time: expected an instant at or after start_time (2026-01-02T00:00:00Z), \
             found 2026-01-01T00:00:00Z",
        ),
        (
            every()
                .days(1)
                .hour(9)
                .start_time(at("2026-01-01T10:00:00Z"))
                .end_time(at("2026-01-01T11:00:00Z")),
            "every 1 day at 09:00:00 in UTC from 2026-01-01T10:00:00Z until 2026-01-01T11:00:00Z never fires: it has \
             no fire time between its start and its end",
        ),
    ] {
        assert_eq!(builder.clone().build().unwrap_err().to_string(), expected, "{builder:?}");
    }
}

#[test]
fn calendar_interval_reads_as_a_sentence() {
    for (builder, expected) in [
        (every().days(1).hour(9), "every 1 day at 09:00:00 in UTC"),
        (
            every()
                .years(1)
                .months(2)
                .weeks(1)
                .days(3)
                .timezone(Tz::Europe__Berlin)
                .start_date(day("2026-01-01")),
            "every 1 year 2 months 1 week 3 days at 00:00:00 in Europe/Berlin from 2025-12-31T23:00:00Z",
        ),
        (
            every().weeks(1).hour(2).dst(DstPolicy::SKIP_AND_REPEAT),
            "every 1 week at 02:00:00 in UTC (skipped times do not fire, repeated times fire twice)",
        ),
    ] {
        assert_eq!(builder.build().unwrap().to_string(), expected);
    }
}

#[test]
fn calendar_interval_is_stored_by_its_parts() {
    let trigger = every().months(2).hour(10).timezone(Tz::Europe__Berlin).start_date(day("2022-06-07"));

    assert_eq!(
        serde_json::to_value(AnyTrigger::from(trigger.build().unwrap())).unwrap(),
        json!({
            "type": "calendar_interval",
            "months": 2,
            "hour": 10,
            "minute": 0,
            "timezone": "Europe/Berlin",
            "dst": {"gap": "next_valid", "fold": "first"},
            "start_time": "2022-06-06T22:00:00Z",
        })
    );
}

/// The rule, word by word: add years and months until the date exists, then weeks and days.
fn next_date_by_the_rule(date: NaiveDate, [years, months, weeks, days]: [u32; 4]) -> NaiveDate {
    let (mut year, mut month) = (date.year(), date.month());
    let moved = loop {
        if years == 0 && months == 0 {
            break date;
        }
        month += months;
        year += (years + (month - 1) / 12) as i32;
        month = (month - 1) % 12 + 1;
        if let Some(moved) = NaiveDate::from_ymd_opt(year, month, date.day()) {
            break moved;
        }
    };
    moved + Days::new(u64::from(weeks * 7 + days))
}

proptest! {
    #[test]
    fn dates_equal_the_rule_word_by_word(
        start in 0_u64..40_000,
        step in [0_u32..3, 0_u32..20, 0_u32..5, 0_u32..50],
        skipped in 0_usize..60,
    ) {
        prop_assume!(step != [0; 4]);
        let start = day("1970-01-01") + Days::new(start);
        let [years, months, weeks, days] = step;
        let trigger = every().years(years).months(months).weeks(weeks).days(days).start_date(start);
        let trigger = trigger.build().unwrap();

        let mut date = start;
        for _ in 0..skipped {
            date = next_date_by_the_rule(date, step);
        }
        let next = next_date_by_the_rule(date, step);

        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
        prop_assert_eq!(trigger.next_after(midnight(date)), Ok(Some(midnight(next))));
    }
}
