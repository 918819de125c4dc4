//! What cron triggers mean, as tables: fields, defaults, crontab's day rule, clock changes, the window, and
//! what is refused.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use apsched_core::trigger::{CronTrigger, CronTriggerBuilder, DstPolicy, Fold, Gap, Trigger, TriggerError};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

const SKIP: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::First };
const NEXT_VALID: DstPolicy = DstPolicy { gap: Gap::NextValid, fold: Fold::First };
const SHIFT_FORWARD: DstPolicy = DstPolicy { gap: Gap::ShiftForward, fold: Fold::First };
const FIRST: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::First };
const LAST: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::Last };
const BOTH: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::Both };

fn utc(time: &str) -> DateTime<Utc> {
    time.parse().unwrap_or_else(|error| panic!("{time}: {error}"))
}

/// The next fire times, on the wall clock of the trigger's zone.
fn next(trigger: &CronTrigger, after: &str, count: usize) -> Vec<String> {
    let mut times = Vec::new();
    let mut after = utc(after);
    while times.len() < count {
        let Some(time) = trigger.next_after(after).unwrap() else { break };
        let local = time.with_timezone(&trigger.timezone()).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        assert!(time > after, "{trigger} does not move on from {after}");
        times.push(local.replace("+00:00", "Z"));
        after = time;
    }
    times
}

fn builder() -> CronTriggerBuilder {
    CronTrigger::builder()
}

fn crontab(line: &str) -> CronTrigger {
    CronTrigger::from_crontab(line).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn crontab_lines_fire_when_crontab_would() {
    for (line, after, expected) in [
        ("*/5 * * * *", "2026-01-01T00:00:00Z", ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"]),
        ("*/5 * * * *", "2026-12-31T23:55:00Z", ["2027-01-01T00:00:00Z", "2027-01-01T00:05:00Z"]),
        ("0 9 * * mon-fri", "2026-01-02T09:00:00Z", ["2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z"]),
        ("0 9 * * 1-5", "2026-01-02T08:59:59.999Z", ["2026-01-02T09:00:00Z", "2026-01-05T09:00:00Z"]),
        ("0 0 1 * *", "2026-01-01T00:00:00Z", ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]),
        ("0 0 31 * *", "2026-01-31T00:00:00Z", ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]),
        ("0 0 L * *", "2028-01-31T00:00:00Z", ["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"]),
        ("0 0 L-1 2 *", "2026-01-01T00:00:00Z", ["2026-02-27T00:00:00Z", "2027-02-27T00:00:00Z"]),
        ("0 0 1W * *", "2026-07-01T00:00:00Z", ["2026-08-03T00:00:00Z", "2026-09-01T00:00:00Z"]),
        ("0 0 LW * *", "2026-01-30T00:00:00Z", ["2026-02-27T00:00:00Z", "2026-03-31T00:00:00Z"]),
        ("0 0 ? * fri#2", "2026-01-09T00:00:00Z", ["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z"]),
        ("0 0 * * fri#5", "2026-01-30T00:00:00Z", ["2026-05-29T00:00:00Z", "2026-07-31T00:00:00Z"]),
        ("0 0 * * 5L", "2026-01-30T00:00:00Z", ["2026-02-27T00:00:00Z", "2026-03-27T00:00:00Z"]),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 29 2 *", "2096-02-29T00:00:00Z", ["2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"]),
        ("@yearly", "2026-01-01T00:00:00Z", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("@monthly", "2026-01-01T00:00:00Z", ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]),
        ("@weekly", "2026-01-01T00:00:00Z", ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
        ("@daily", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        ("@midnight", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        ("@hourly", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]),
    ] {
        assert_eq!(next(&crontab(line), after, 2), expected, "{line} after {after}");
    }
}

#[test]
fn crontab_fires_on_the_day_or_the_weekday_if_both_are_restricted() {
    // 13 March 2026 is a Friday, 13 April is a Monday.
    let either = crontab("0 0 13 * fri");
    assert_eq!(next(&either, "2026-03-06T00:00:00Z", 2), ["2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z"]);
    assert_eq!(next(&either, "2026-04-10T00:00:00Z", 2), ["2026-04-13T00:00:00Z", "2026-04-17T00:00:00Z"]);
    // A field that starts with `*` is not restricted: both must match.
    assert_eq!(
        next(&crontab("0 0 */2 * mon"), "2026-01-01T00:00:00Z", 3),
        ["2026-01-05T00:00:00Z", "2026-01-19T00:00:00Z", "2026-02-09T00:00:00Z"]
    );
}

#[test]
fn fields_of_the_builder_must_all_match() {
    let friday_the_13th = builder().day(13).day_of_week("fri").build().unwrap();

    assert_eq!(
        next(&friday_the_13th, "2026-01-01T00:00:00Z", 3),
        ["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-11-13T00:00:00Z"]
    );
}

#[test]
fn days_by_their_place_in_the_month() {
    for (day, expected) in [
        ("2nd fri", ["2026-01-09T00:00:00Z", "2026-02-13T00:00:00Z"]),
        ("last sun", ["2026-01-25T00:00:00Z", "2026-02-22T00:00:00Z"]),
        ("last", ["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"]),
        ("5th fri", ["2026-01-30T00:00:00Z", "2026-05-29T00:00:00Z"]),
        ("1st mon, 15W", ["2026-01-05T00:00:00Z", "2026-01-15T00:00:00Z"]),
    ] {
        let trigger = builder().day(day).build().unwrap();

        assert_eq!(next(&trigger, "2026-01-01T00:00:00Z", 2), expected, "{day}");
    }
}

#[test]
fn weekday_ranges_wrap_and_seven_is_sunday() {
    for (weekdays, expected) in [
        ("sat-mon", ["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z"]),
        ("6-1", ["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z"]),
        ("7", ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z", "2026-01-18T00:00:00Z"]),
        ("0", ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z", "2026-01-18T00:00:00Z"]),
        ("0-7", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"]),
        ("*/2", ["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-06T00:00:00Z"]),
    ] {
        let trigger = builder().day_of_week(weekdays).build().unwrap();

        assert_eq!(next(&trigger, "2026-01-01T00:00:00Z", 3), expected, "{weekdays}");
    }
}

#[test]
fn iso_weeks_may_reach_into_the_next_or_the_previous_year() {
    let week_53 = builder().week(53).day_of_week("sun").build().unwrap();
    assert_eq!(next(&week_53, "2021-01-04T00:00:00Z", 2), ["2027-01-03T00:00:00Z", "2033-01-02T00:00:00Z"]);

    let week_1 = builder().week(1).day_of_week("mon").build().unwrap();
    assert_eq!(next(&week_1, "2024-06-01T00:00:00Z", 2), ["2024-12-30T00:00:00Z", "2025-12-29T00:00:00Z"]);
}

#[test]
fn fields_left_out_are_least_below_and_any_above_the_least_significant_given_one() {
    for (builder, expected) in [
        (builder().year(2030), "year=2030 month=1 day=1 week=* day_of_week=* hour=0 minute=0 second=0"),
        (builder().month(6), "year=* month=6 day=1 week=* day_of_week=* hour=0 minute=0 second=0"),
        (builder().day("last"), "year=* month=* day=last week=* day_of_week=* hour=0 minute=0 second=0"),
        (builder().week(7), "year=* month=* day=* week=7 day_of_week=* hour=0 minute=0 second=0"),
        (
            builder().day_of_week("sat"),
            "year=* month=* day=* week=* day_of_week=sat hour=0 minute=0 second=0",
        ),
        (builder().hour(9), "year=* month=* day=* week=* day_of_week=* hour=9 minute=0 second=0"),
        (builder().minute("*/5"), "year=* month=* day=* week=* day_of_week=* hour=* minute=*/5 second=0"),
        (builder().second(0), "year=* month=* day=* week=* day_of_week=* hour=* minute=* second=0"),
        (builder().month(6).hour(9), "year=* month=6 day=* week=* day_of_week=* hour=9 minute=0 second=0"),
    ] {
        let text = builder.build().unwrap().to_string();

        assert!(text.starts_with(&format!("cron[{expected}]: ")), "{text}");
    }
}

#[test]
fn rare_dates_are_found_at_once() {
    // 29 February on a Monday, decades ahead.
    let trigger = builder().month("feb").day(29).day_of_week("mon").build().unwrap();
    assert_eq!(
        next(&trigger, "2024-03-01T00:00:00Z", 3),
        ["2044-02-29T00:00:00Z", "2072-02-29T00:00:00Z", "2112-02-29T00:00:00Z"]
    );
    // In a zone with many clock changes on the way, too.
    let trigger = trigger.with_timezone(Tz::Europe__Berlin);
    assert_eq!(next(&trigger, "2044-03-01T00:00:00Z", 1), ["2072-02-29T00:00:00+01:00"]);
}

#[test]
fn fixed_time_of_day_fires_once_on_every_day() {
    for (line, zone, after, expected) in [
        // In the gap from 02:00 to 03:00: at 03:00. In the fold: the first time.
        (
            "30 2 * * *",
            Tz::Europe__Berlin,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
        ),
        (
            "30 2 * * *",
            Tz::Europe__Berlin,
            "2026-10-24T12:00:00Z",
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
        ),
        // Half an hour is skipped, from 02:00 to 02:30, and repeated.
        (
            "15 2 * * *",
            Tz::Australia__Lord_Howe,
            "2026-10-03T12:00:00Z",
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
        ),
        (
            "45 1 * * *",
            Tz::Australia__Lord_Howe,
            "2026-04-04T12:00:00Z",
            ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
        ),
        // Midnight does not exist.
        (
            "0 0 * * *",
            Tz::Asia__Beirut,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"],
        ),
        (
            "0 0 * * *",
            Tz::America__Havana,
            "2026-03-07T12:00:00Z",
            ["2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00"],
        ),
        // Midnight comes twice.
        (
            "0 0 * * *",
            Tz::America__Havana,
            "2026-10-31T12:00:00Z",
            ["2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"],
        ),
        // 30 December 2011 does not exist: its 09:00 fires as soon as it is over.
        (
            "0 9 * * *",
            Tz::Pacific__Apia,
            "2011-12-30T00:00:00Z",
            ["2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"],
        ),
        (
            "30 1 * * *",
            Tz::Europe__Dublin,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00"],
        ),
        // After Ramadan.
        (
            "30 2 * * *",
            Tz::Africa__Casablanca,
            "2026-03-21T12:00:00Z",
            ["2026-03-22T03:00:00+01:00", "2026-03-23T02:30:00+01:00"],
        ),
    ] {
        let trigger = crontab(line).with_timezone(zone);

        assert_eq!(next(&trigger, after, 2), expected, "{line} {zone}");
    }
}

#[test]
fn periods_follow_real_time() {
    let trigger = crontab("*/30 * * * *").with_timezone(Tz::Europe__Berlin);
    assert_eq!(
        next(&trigger, "2026-03-29T00:00:00Z", 3),
        ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
    );
    assert_eq!(
        next(&trigger, "2026-10-25T00:00:00Z", 4),
        [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00"
        ]
    );
}

#[test]
fn kind_of_trigger_decides_the_default_policy() {
    for (line, expected) in [
        ("0 9 * * *", DstPolicy::FIXED_TIME),
        ("0,30 9,17 * * *", DstPolicy::FIXED_TIME),
        ("0 9 1-7 * mon-fri", DstPolicy::FIXED_TIME),
        ("@daily", DstPolicy::FIXED_TIME),
        ("* 9 * * *", DstPolicy::REAL_TIME),
        ("0 * * * *", DstPolicy::REAL_TIME),
        ("0 1-3 * * *", DstPolicy::REAL_TIME),
        ("0 */2 * * *", DstPolicy::REAL_TIME),
        ("0 2/2 * * *", DstPolicy::REAL_TIME),
        ("0 9,12-13 * * *", DstPolicy::REAL_TIME),
        ("@hourly", DstPolicy::REAL_TIME),
    ] {
        assert_eq!(crontab(line).dst(), expected, "{line}");
    }
    assert_eq!(crontab("0 9 * * *").with_dst(BOTH).dst(), BOTH);
    let every_second_of_a_minute = CronTrigger::from_crontab_with_seconds("* 30 2 * * *").unwrap();
    assert_eq!(every_second_of_a_minute.dst(), DstPolicy::FIXED_TIME);
}

#[test]
fn policy_can_be_chosen() {
    let gap = "2026-03-29T00:30:00Z";
    let fold = "2026-10-25T00:00:00Z";
    for (line, policy, after, expected) in [
        ("30 2 * * *", SKIP, gap, ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
        ("30 2 * * *", NEXT_VALID, gap, ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("30 2 * * *", SHIFT_FORWARD, gap, ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("*/20 2 * * *", NEXT_VALID, gap, ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
        ("*/40 2,3 * * *", SHIFT_FORWARD, gap, ["2026-03-29T03:00:00+02:00", "2026-03-29T03:40:00+02:00"]),
        ("30 2 * * *", FIRST, fold, ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        ("30 2 * * *", LAST, fold, ["2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"]),
        ("30 2 * * *", BOTH, fold, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
        (
            "30 2 * * *",
            DstPolicy::SKIP_AND_REPEAT,
            gap,
            ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"],
        ),
    ] {
        let trigger = crontab(line).with_timezone(Tz::Europe__Berlin).with_dst(policy);

        assert_eq!(next(&trigger, after, 2), expected, "{line} {policy:?}");
    }
}

#[test]
fn day_after_spring_forward_is_not_skipped() {
    for (line, zone, after, day_after) in [
        ("0 0 * * *", Tz::America__Havana, "2026-03-08T05:00:00Z", "2026-03-09T00:00:00-04:00"),
        ("0 0 * * mon", Tz::America__Havana, "2026-03-08T05:00:00Z", "2026-03-09T00:00:00-04:00"),
        ("30 23 * * *", Tz::Europe__Berlin, "2026-03-29T21:30:00Z", "2026-03-30T23:30:00+02:00"),
        ("30 2 * * *", Tz::Europe__Berlin, "2026-03-29T01:30:00Z", "2026-03-30T02:30:00+02:00"),
        ("30 0 * * *", Tz::Asia__Beirut, "2026-03-28T22:30:00Z", "2026-03-30T00:30:00+03:00"),
        ("0 0 31 12 *", Tz::Pacific__Apia, "2011-12-30T09:59:59Z", "2011-12-31T00:00:00+14:00"),
    ] {
        for gap in [Gap::Skip, Gap::NextValid, Gap::ShiftForward] {
            let trigger = crontab(line).with_timezone(zone).with_dst(DstPolicy { gap, fold: Fold::First });

            assert_eq!(next(&trigger, after, 1), [day_after], "{line} {zone} {gap:?}");
        }
    }
}

#[test]
fn start_and_end_are_inclusive_and_a_start_is_rounded_up() {
    for (start, end, expected) in [
        (
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:01Z",
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"][..],
        ),
        ("2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:01.5Z", &["2026-01-01T00:00:01Z"]),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.999999Z", &["2026-01-01T00:00:00Z"]),
    ] {
        let every_second = CronTrigger::from_crontab_with_seconds("* * * * * *").unwrap();
        let trigger = every_second.with_start_time(utc(start)).unwrap().with_end_time(utc(end)).unwrap();

        assert_eq!(next(&trigger, "2020-01-01T00:00:00Z", 5), expected);
        assert_eq!(trigger.first(), Some(utc(expected[0])));
    }
}

#[test]
fn fire_times_have_no_fraction_of_a_second() {
    let trigger = CronTrigger::from_crontab_with_seconds("* * * * * *").unwrap();

    assert_eq!(next(&trigger, "2026-01-01T00:00:00.000001Z", 1), ["2026-01-01T00:00:01Z"]);
    assert_eq!(next(&trigger, "2026-01-01T00:00:00.999999Z", 1), ["2026-01-01T00:00:01Z"]);
    assert_eq!(next(&trigger, "2026-01-01T00:00:01Z", 1), ["2026-01-01T00:00:02Z"]);
}

#[test]
fn trigger_without_a_start_starts_where_it_is_anchored() {
    let at = utc("2026-06-01T12:00:00Z");
    let trigger = crontab("0 9 * * *");
    let anchored = trigger.anchored_at(at);

    assert_eq!(anchored.first(), Some(utc("2026-06-02T09:00:00Z")));
    assert_eq!(next(&anchored, "2020-01-01T00:00:00Z", 1), ["2026-06-02T09:00:00Z"]);
    assert_ne!(anchored, trigger);
    assert!(anchored.is_same_definition(&trigger));

    let with_start = trigger.clone().with_start_time(utc("2025-01-01T00:00:00Z")).unwrap();
    assert_eq!(with_start.anchored_at(at), with_start);
    assert_eq!(with_start.first(), Some(utc("2025-01-01T09:00:00Z")));
    assert!(!with_start.is_same_definition(&trigger));
}

#[test]
fn trigger_is_exhausted_after_its_last_year() {
    let trigger = builder().year("2026-2027").month(1).day(1).build().unwrap();
    assert_eq!(next(&trigger, "2000-01-01T00:00:00Z", 5), ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]);

    assert_eq!(next(&crontab("* * * * *"), "9999-12-31T23:58:59Z", 5), ["9999-12-31T23:59:00Z"]);
    for (zone, last) in [
        (Tz::Asia__Tokyo, "9999-12-31T23:59:00+09:00"),
        (Tz::America__New_York, "9999-12-31T23:59:00-05:00"),
        (Tz::Europe__Berlin, "9999-12-31T23:59:00+01:00"),
    ] {
        let trigger = crontab("59 23 * * *").with_timezone(zone);
        assert_eq!(next(&trigger, "9999-12-31T10:00:00Z", 5), [last]);
    }
}

#[test]
fn fire_times_begin_in_1970_whatever_comes_before() {
    for after in [DateTime::<Utc>::MIN_UTC, utc("1850-01-01T00:00:00Z"), utc("1969-12-31T00:00:00Z")] {
        assert_eq!(crontab("@yearly").next_after(after), Ok(Some(utc("1970-01-01T00:00:00Z"))));
    }
    assert_eq!(crontab("@yearly").next_after(DateTime::<Utc>::MAX_UTC), Ok(None));
    let tokyo = crontab("@yearly").with_timezone(Tz::Asia__Tokyo);
    assert_eq!(tokyo.first(), Some(utc("1969-12-31T15:00:00Z")));
}

#[test]
fn dates_that_never_come_are_refused() {
    for builder in [
        builder().month("feb").day(30),
        builder().month("feb").day("30-31"),
        builder().month("feb").day("L-29"),
        builder().month("apr,jun,sep,nov").day(31),
        builder().month("feb").day("31W"),
        builder().year("2026-2027").month("feb").day(29),
        builder().year("2100").month("feb").day(29),
        builder().week(53).month("feb"),
        builder().week(53).year("2027").month("dec"),
        builder().week(53).month("jan").day(4),
        builder().week(1).month(1).day(11),
        builder().day("1-7").day_of_week("fri#2"),
        builder().day("1st mon").day_of_week("tue"),
        builder().month("feb").day("5th mon").year("2026-2043"),
    ] {
        let text = format!("{builder:?}");

        assert!(matches!(builder.build(), Err(TriggerError::NeverFires { .. })), "{text}");
    }
    assert_eq!(
        builder().month("feb").day(30).build().unwrap_err().to_string(),
        "cron[month=feb day=30] never fires: no year from 1970 to 9999 has a date that matches"
    );
    assert_eq!(
        CronTrigger::from_crontab("0 0 30 2 *").unwrap_err().to_string(),
        "crontab \"0 0 30 2 *\" never fires: no year from 1970 to 9999 has a date that matches"
    );
    // In a crontab the weekday is enough.
    assert!(CronTrigger::from_crontab("0 0 30 2 mon").is_ok());
    // Rare is not never.
    assert!(builder().week(53).month(1).day(3).day_of_week("sun").build().is_ok());
}

#[test]
fn window_without_a_fire_time_is_refused() {
    let noon = crontab("0 12 * * *").with_start_time(utc("2026-01-01T13:00:00Z")).unwrap();
    assert_eq!(
        noon.with_end_time(utc("2026-01-01T18:00:00Z")).unwrap_err().to_string(),
        "crontab \"0 12 * * *\" never fires: it has no time from 2026-01-01T13:00:00Z to 2026-01-01T18:00:00Z"
    );
    assert!(crontab("0 12 * * *").with_end_time(utc("1960-01-01T00:00:00Z")).is_err());
    assert!(builder().year(2020).start_time(utc("2026-01-01T00:00:00Z")).build().is_err());
    // The only time falls into the gap.
    let in_the_gap = builder().year(2026).month(3).day(29).hour(2).minute(30).timezone(Tz::Europe__Berlin);
    assert!(in_the_gap.clone().dst(SKIP).build().is_err());
    assert!(in_the_gap.build().is_ok());
}

#[test]
fn builder_without_fields_is_refused() {
    let error = builder().timezone(Tz::Europe__Berlin).build().unwrap_err();

    assert_eq!(error, TriggerError::NoCronField);
    assert_eq!(error.to_string(), "cron trigger: expected at least one field, found none");
}

#[test]
fn error_of_the_builder_names_the_field() {
    assert_eq!(
        builder().day_of_week("mon,mox").build().unwrap_err().to_string(),
        "cron field \"day_of_week\", position 5: expected a weekday (0-7 or mon-sun), found \"mox\" in \"mon,mox\""
    );
    assert_eq!(
        builder().hour(25).build().unwrap_err().to_string(),
        "cron field \"hour\", position 1: expected an hour (0-23), found \"25\" in \"25\""
    );
}

#[test]
fn step_of_a_range_is_not_ignored_and_no_suffix_is_accepted() {
    assert_eq!(
        next(&crontab("0 0 1-5/2 * *"), "2026-01-01T00:00:00Z", 3),
        ["2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", "2026-02-01T00:00:00Z"]
    );
    assert_eq!(
        CronTrigger::from_crontab("1-5/2x * * * *").unwrap_err().to_string(),
        "cron field \"minute\", position 5: expected a step from 1 to 4, found \"2x\" in \"1-5/2x\""
    );
    assert_eq!(
        builder().day("lastxyz").build().unwrap_err().to_string(),
        "cron field \"day\", position 1: expected a day (1-31, last, L, L-3, LW, 15W, 2nd fri or last sun), \
         found \"lastxyz\" in \"lastxyz\""
    );
}

#[test]
fn display_is_the_expanded_form_and_a_sentence() {
    assert_eq!(
        crontab("0 0 13 * fri").to_string(),
        "cron[year=* month=* day=13 week=* day_of_week=fri hour=0 minute=0 second=0 either=day,day_of_week]: \
         at 00:00 on the 13th of every month or on Friday, UTC"
    );
    assert_eq!(
        builder().day("2nd fri").hour(9).timezone(Tz::Europe__Berlin).build().unwrap().to_string(),
        "cron[year=* month=* day=\"2nd fri\" week=* day_of_week=* hour=9 minute=0 second=0]: \
         at 09:00 on the second Friday of every month, Europe/Berlin time"
    );
}

#[test]
fn stored_form_is_what_was_written() {
    let with_everything = builder()
        .day("2nd fri")
        .dst(DstPolicy::FIXED_TIME)
        .start_time(utc("2026-01-01T00:00:00.000001Z"))
        .end_time(utc("2027-01-01T00:00:00Z"));
    for (trigger, expected) in [
        (crontab("0  9 * * MON-fri"), r#"{"crontab":"0  9 * * MON-fri","timezone":"UTC"}"#),
        (
            CronTrigger::from_crontab_with_seconds("30 0 9 * * *").unwrap(),
            r#"{"crontab":"30 0 9 * * *","timezone":"UTC"}"#,
        ),
        (
            builder().day_of_week("mon-fri").hour(9).timezone(Tz::Europe__Berlin).build().unwrap(),
            r#"{"day_of_week":"mon-fri","hour":"9","timezone":"Europe/Berlin"}"#,
        ),
        (
            with_everything.build().unwrap(),
            concat!(
                r#"{"day":"2nd fri","timezone":"UTC","dst":{"gap":"next_valid","fold":"first"},"#,
                r#""start_time":"2026-01-01T00:00:00.000001Z","end_time":"2027-01-01T00:00:00Z"}"#
            ),
        ),
        (
            crontab("@daily").anchored_at(utc("2026-01-01T00:00:00Z")),
            r#"{"crontab":"@daily","timezone":"UTC","anchored_at":"2026-01-01T00:00:00Z"}"#,
        ),
    ] {
        let json = serde_json::to_string(&trigger).unwrap();

        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<CronTrigger>(&json).unwrap(), trigger);
    }
}

#[test]
fn stored_form_is_checked_when_it_is_read() {
    for (json, expected) in [
        (r#"{}"#, "expected at least one field"),
        (r#"{"hour": "9", "hours": "9"}"#, "unknown field `hours`"),
        (r#"{"hour": "25"}"#, "cron field \"hour\", position 1"),
        (r#"{"hour": 9}"#, "invalid type: integer"),
        (r#"{"month": "feb", "day": "30"}"#, "never fires"),
        (r#"{"crontab": "0 9 * * *", "hour": "9"}"#, "found both"),
        (r#"{"crontab": "0 9 * *"}"#, "found 4 fields"),
        (r#"{"hour": "9", "timezone": "Mars/Olympus"}"#, "failed to parse timezone"),
        (r#"{"hour": "9", "dst": {"gap": "leap", "fold": "first"}}"#, "unknown variant `leap`"),
        (r#"{"hour": "9", "start_time": "2026-01-01T00:00:00"}"#, "premature end of input"),
    ] {
        let error = serde_json::from_str::<CronTrigger>(json).unwrap_err().to_string();

        assert!(error.contains(expected), "{json}: {error}");
    }
    let long = serde_json::json!({ "minute": "1,".repeat(100_000) });
    assert!(serde_json::from_value::<CronTrigger>(long).unwrap_err().to_string().len() < 500);
    assert!(serde_json::from_str::<CronTrigger>(r#"{"hour": "9"}"#).is_ok());
}
