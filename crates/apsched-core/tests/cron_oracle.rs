//! Cron triggers against a brute-force oracle, around every clock change of 2000–2037 in many zones, under
//! all policies.
//!
//! The oracle shares no idea with the search. It walks through real time minute by minute, reads the wall
//! clock, and writes down what it sees: a time that is shown once, a time that is shown twice, a time that is
//! jumped over. Which of these fire is then said by a plain Rust condition per trigger and the definition of
//! the policies.
//!
//! The second oracle walks day by day through the 400 years after which the calendar repeats.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use std::collections::HashMap;

use apsched_core::trigger::{CronTrigger, CronTriggerBuilder, DstPolicy, Fold, Gap, Trigger};
use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
    Weekday,
};
use chrono_tz::Tz;

type Condition = fn(NaiveDateTime) -> bool;

/// Crontab lines, and what they mean.
const TRIGGERS: [(&str, Condition); 10] = [
    ("*/20 * * * *", |t| t.minute() % 20 == 0),
    ("7 * * * *", |t| t.minute() == 7),
    ("0 */2 * * *", |t| t.hour() % 2 == 0 && t.minute() == 0),
    ("0,45 0-3 * * *", |t| t.hour() <= 3 && [0, 45].contains(&t.minute())),
    ("30 2 * * *", |t| (t.hour(), t.minute()) == (2, 30)),
    ("0 0 * * *", |t| (t.hour(), t.minute()) == (0, 0)),
    ("15 0,1,2,3 * * *", |t| t.hour() <= 3 && t.minute() == 15),
    ("59 23 * * *", |t| (t.hour(), t.minute()) == (23, 59)),
    ("30 1 * * sun", |t| t.weekday() == Weekday::Sun && (t.hour(), t.minute()) == (1, 30)),
    ("0 1 L * sat", |t| {
        let is_last = (t + TimeDelta::days(1)).day() == 1;
        (is_last || t.weekday() == Weekday::Sat) && (t.hour(), t.minute()) == (1, 0)
    }),
];

const GAPS: [Gap; 3] = [Gap::Skip, Gap::NextValid, Gap::ShiftForward];
const FOLDS: [Fold; 3] = [Fold::First, Fold::Last, Fold::Both];

const MINUTE: i64 = 60;
/// How far before and after a clock change is looked.
const AROUND: i64 = 27 * 60 * MINUTE;

/// A wall-clock time, and what became of it.
enum Seen {
    Once(i64),
    /// For the first or the second time.
    Twice(i64, Fold),
    /// Jumped over: the next instant, and the instant as if the clock had not been changed.
    Never {
        next: i64,
        unchanged: i64,
    },
}

fn offset(zone: Tz, time: i64) -> i64 {
    let utc = DateTime::from_timestamp(time, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
}

/// The instants in 2000–2037 at which the clock of the zone is changed.
fn clock_changes(zone: Tz) -> Vec<i64> {
    let start = "2000-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
    let end = "2038-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
    let step = 360 * MINUTE;
    let mut changes = Vec::new();
    let mut before = offset(zone, start);
    for time in (start..end).step_by(step as usize) {
        let after = offset(zone, time);
        if after != before {
            let minutes = (time - step..=time).step_by(MINUTE as usize);
            changes.extend(minutes.skip(1).find(|minute| offset(zone, *minute) != before));
        }
        before = after;
    }
    changes
}

/// Walks through real time around a clock change, and notes every minute of the wall clock.
fn watch(zone: Tz, change: i64) -> Vec<(NaiveDateTime, Seen)> {
    let local = |seconds| DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
    let mut notes: Vec<(NaiveDateTime, Seen)> = Vec::new();
    let mut seen: HashMap<i64, usize> = HashMap::new();
    let mut clock_before = None;
    for time in (change - AROUND..=change + AROUND).step_by(MINUTE as usize) {
        let clock = time + offset(zone, time);
        for skipped in (clock_before.unwrap_or(clock) + MINUTE..clock).step_by(MINUTE as usize) {
            let before = clock_before.expect("nothing is skipped at first");
            let unchanged = time - MINUTE + (skipped - before);
            notes.push((local(skipped), Seen::Never { next: time, unchanged }));
        }
        let note = match seen.insert(clock, notes.len()) {
            None => Seen::Once(time),
            Some(first) => {
                let Seen::Once(time_before) = notes[first].1 else { panic!("shown three times in {zone}") };
                notes[first].1 = Seen::Twice(time_before, Fold::First);
                Seen::Twice(time, Fold::Last)
            }
        };
        notes.push((local(clock), note));
        clock_before = Some(clock);
    }
    notes
}

/// The fire times in what has been seen.
fn fire_times(notes: &[&(NaiveDateTime, Seen)], policy: DstPolicy) -> Vec<i64> {
    let mut times: Vec<i64> = notes
        .iter()
        .filter_map(|(_, seen)| match *seen {
            Seen::Once(time) => Some(time),
            Seen::Twice(time, which) => (policy.fold == Fold::Both || policy.fold == which).then_some(time),
            Seen::Never { next, unchanged } => match policy.gap {
                Gap::Skip => None,
                Gap::NextValid => Some(next),
                Gap::ShiftForward => Some(unchanged),
            },
        })
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// What the trigger says about the same time.
fn answers(trigger: &CronTrigger, from: i64, to: i64) -> Vec<i64> {
    let mut times = Vec::new();
    let mut after = from - 1;
    loop {
        let next = trigger.next_after(DateTime::from_timestamp(after, 0).unwrap()).unwrap();
        let next = next.expect("every trigger here fires for ever").timestamp();
        if next > to {
            return times;
        }
        assert!(next > after, "{trigger} does not move on from {after}");
        times.push(next);
        after = next;
    }
}

fn agrees_with_the_oracle(zone: Tz, least_changes: usize) {
    let changes = clock_changes(zone);
    assert!(changes.len() >= least_changes, "{zone} has {} clock changes", changes.len());
    for change in changes {
        let notes = watch(zone, change);
        let (from, to) = (change - AROUND, change + AROUND);
        for (line, condition) in TRIGGERS {
            let trigger = CronTrigger::from_crontab(line).unwrap().with_timezone(zone);
            let matching: Vec<_> = notes.iter().filter(|(local, _)| condition(*local)).collect();
            for gap in GAPS {
                for fold in FOLDS {
                    let policy = DstPolicy { gap, fold };
                    let trigger = trigger.clone().with_dst(policy);
                    let expected = fire_times(&matching, policy);

                    assert_eq!(answers(&trigger, from, to), expected, "{line} {zone} {policy:?} at {change}");
                    // Asked in between, too.
                    for after in (change - 200 * MINUTE..change + 200 * MINUTE).step_by(37 * 60) {
                        let next = trigger.next_after(DateTime::from_timestamp(after, 0).unwrap()).unwrap();
                        let next = next.map(|time| time.timestamp());
                        if let Some(expected) = expected.iter().find(|time| **time > after) {
                            assert_eq!(next, Some(*expected), "{line} {zone} {policy:?} after {after}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn agrees_with_the_calendar_on_every_day_of_four_centuries() {
    type Condition = fn(NaiveDate) -> bool;
    fn is_weekday(date: NaiveDate) -> bool {
        date.weekday().number_from_monday() <= 5
    }
    let cases: [(CronTriggerBuilder, Condition); 12] = [
        (CronTrigger::builder().month(2).day(29), |d| (d.month(), d.day()) == (2, 29)),
        (CronTrigger::builder().day("L-3"), |d| (d + TimeDelta::days(4)).day() == 1),
        (CronTrigger::builder().day("2nd fri"), |d| {
            d.weekday() == Weekday::Fri && (8..=14).contains(&d.day())
        }),
        (CronTrigger::builder().day("last sun"), |d| {
            d.weekday() == Weekday::Sun && d.month() != (d + TimeDelta::weeks(1)).month()
        }),
        (CronTrigger::builder().day_of_week("tue#5"), |d| d.weekday() == Weekday::Tue && d.day() >= 29),
        (CronTrigger::builder().day_of_week("sat-mon").day("1-7"), |d| {
            d.day() <= 7 && [Weekday::Sat, Weekday::Sun, Weekday::Mon].contains(&d.weekday())
        }),
        (CronTrigger::builder().day(13).day_of_week("fri"), |d| (d.day(), d.weekday()) == (13, Weekday::Fri)),
        (CronTrigger::builder().week(53), |d| d.iso_week().week() == 53),
        (CronTrigger::builder().week("1-52/17").day_of_week("0,3"), |d| {
            [1, 18, 35, 52].contains(&d.iso_week().week())
                && [0, 3].contains(&d.weekday().num_days_from_sunday())
        }),
        (CronTrigger::builder().year("2000-2400/100").month("feb,mar").day("last"), |d| {
            d.year() % 100 == 0 && [2, 3].contains(&d.month()) && (d + TimeDelta::days(1)).day() == 1
        }),
        (CronTrigger::builder().day("LW"), |d| {
            let rest_of_month =
                (1..=3).map(|days| d + TimeDelta::days(days)).filter(|later| later.month() == d.month());
            is_weekday(d) && rest_of_month.filter(|later| is_weekday(*later)).count() == 0
        }),
        (CronTrigger::builder().day("15W"), |d| match d.weekday() {
            Weekday::Fri => [14, 15].contains(&d.day()),
            Weekday::Mon => [15, 16].contains(&d.day()),
            Weekday::Sat | Weekday::Sun => false,
            _ => d.day() == 15,
        }),
    ];
    let start = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
    for (builder, condition) in cases {
        let trigger = builder.build().unwrap();
        let expected = start.iter_days().take(146_097).filter(|date| condition(*date));
        let mut after = start.and_time(NaiveTime::MIN).and_utc() - TimeDelta::seconds(1);
        for date in expected {
            let next = trigger.next_after(after).unwrap();

            assert_eq!(next, Some(date.and_time(NaiveTime::MIN).and_utc()), "{trigger}");
            after = date.and_time(NaiveTime::MIN).and_utc();
        }
    }
}

macro_rules! agrees_with_the_oracle_in {
    ($($name:ident: $zone:ident, $least_changes:literal;)*) => {
        mod agrees_with_the_oracle_in {
            use chrono_tz::Tz;
            $(
                #[test]
                fn $name() {
                    super::agrees_with_the_oracle(Tz::$zone, $least_changes);
                }
            )*
        }
    };
}

agrees_with_the_oracle_in! {
    amman: Asia__Amman, 40;
    apia_with_a_day_that_never_was: Pacific__Apia, 15;
    asuncion: America__Asuncion, 40;
    azores: Atlantic__Azores, 76;
    beirut_without_midnight: Asia__Beirut, 76;
    berlin: Europe__Berlin, 76;
    cairo: Africa__Cairo, 40;
    caracas_by_half_an_hour: America__Caracas, 2;
    casablanca_with_ramadan: Africa__Casablanca, 60;
    chatham: Pacific__Chatham, 76;
    dublin_with_negative_daylight_saving: Europe__Dublin, 76;
    gaza: Asia__Gaza, 76;
    havana_without_midnight: America__Havana, 70;
    istanbul: Europe__Istanbul, 30;
    jerusalem: Asia__Jerusalem, 76;
    london: Europe__London, 76;
    lord_howe_by_half_an_hour: Australia__Lord_Howe, 76;
    moscow: Europe__Moscow, 20;
    new_york: America__New_York, 76;
    nuuk: America__Nuuk, 70;
    pyongyang_by_half_an_hour: Asia__Pyongyang, 2;
    santiago: America__Santiago, 70;
    sao_paulo: America__Sao_Paulo, 35;
    sydney: Australia__Sydney, 76;
    tehran: Asia__Tehran, 35;
    troll_by_two_hours: Antarctica__Troll, 60;
}
