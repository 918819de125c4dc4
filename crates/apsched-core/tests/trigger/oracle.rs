//! The calendar interval against the wall clock itself, read minute by minute around every clock change of 2000 to
//! 2037 in many zones, under all policies.

use std::collections::BTreeSet;

use apsched_core::trigger::{CalendarIntervalTrigger, DstPolicy, Fold, Gap, Trigger, TriggerExt};
use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::at;

const ZONES: [Tz; 24] = [
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::America__Asuncion,
    Tz::America__Caracas,
    Tz::America__Havana,
    Tz::America__New_York,
    Tz::America__Nuuk,
    Tz::America__Santiago,
    Tz::America__Sao_Paulo,
    Tz::America__St_Johns,
    Tz::Antarctica__Troll,
    Tz::Asia__Amman,
    Tz::Asia__Beirut,
    Tz::Asia__Gaza,
    Tz::Asia__Pyongyang,
    Tz::Asia__Tehran,
    Tz::Australia__Lord_Howe,
    Tz::Australia__Sydney,
    Tz::Europe__Berlin,
    Tz::Europe__Dublin,
    Tz::Europe__Istanbul,
    Tz::Europe__Moscow,
    Tz::Pacific__Apia,
    Tz::Pacific__Chatham,
];

fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(seconds.into())
}

/// The instants from which another offset holds, to the minute.
fn clock_changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let (mut changes, mut day) = (Vec::new(), at("2000-01-01"));
    while day < at("2038-01-01") {
        let next = day + TimeDelta::days(1);
        if offset(zone, day) != offset(zone, next) {
            let (mut before, mut after) = (day, next);
            while after - before > TimeDelta::minutes(1) {
                let middle = before + TimeDelta::minutes((after - before).num_minutes() / 2);
                if offset(zone, middle) == offset(zone, before) { before = middle } else { after = middle }
            }
            changes.push(after);
        }
        day = next;
    }
    changes
}

/// What the wall clock shows at each minute around a clock change, and when, in the order of what it shows.
struct Clock {
    minutes: Vec<(NaiveDateTime, DateTime<Utc>)>,
}

impl Clock {
    fn around(zone: Tz, change: DateTime<Utc>) -> Self {
        let mut minutes = Vec::with_capacity(120 * 60);
        for hour in -60..60 {
            // No zone has two changes within an hour, so one lookup is enough for its minutes.
            let hour = change + TimeDelta::hours(hour);
            let shows = hour.naive_utc() + offset(zone, hour);
            minutes.extend((0..60).map(TimeDelta::minutes).map(|minute| (shows + minute, hour + minute)));
        }
        minutes.sort();
        Self { minutes }
    }

    /// The instants at which a trigger for `local` fires, read off the clock.
    fn instants(&self, local: NaiveDateTime, dst: DstPolicy) -> Vec<DateTime<Utc>> {
        let begin = self.minutes.partition_point(|(shows, _)| *shows < local);
        let end = begin + self.minutes[begin..].iter().take_while(|(shows, _)| *shows == local).count();
        match (&self.minutes[begin..end], dst.fold, dst.gap) {
            ([(_, once)], _, _) => vec![*once],
            ([(_, first), _], Fold::First, _) => vec![*first],
            ([_, (_, last)], Fold::Last, _) => vec![*last],
            ([(_, first), (_, last)], Fold::Both, _) => vec![*first, *last],
            ([], _, Gap::Skip) => vec![],
            ([], _, Gap::NextValid) => vec![self.minutes[begin].1],
            ([], _, Gap::ShiftForward) => {
                let (shown, at) = self.minutes[begin - 1];
                vec![at + (local - shown)]
            }
            _ => panic!("{local} is shown more than twice"),
        }
    }
}

/// Times of day that are at, before, within and after a clock change.
fn times_of_day(zone: Tz, change: DateTime<Utc>) -> BTreeSet<NaiveTime> {
    let before = change.naive_utc() + offset(zone, change - TimeDelta::minutes(1));
    let after = change.naive_utc() + offset(zone, change);
    let middle = before + (after - before) / 2;
    let minute = TimeDelta::minutes(1);
    let times =
        [before, before - minute, after, after - minute, middle, before.date().and_time(NaiveTime::MIN)];
    times.into_iter().map(|time| time.time().with_second(0).expect("a second")).collect()
}

#[test]
fn calendar_interval_equals_the_wall_clock_at_every_clock_change() {
    let mut changes = 0;
    for zone in ZONES {
        for change in clock_changes(zone) {
            changes += 1;
            let clock = Clock::around(zone, change);
            for time in times_of_day(zone, change) {
                for gap in [Gap::Skip, Gap::NextValid, Gap::ShiftForward] {
                    for fold in [Fold::First, Fold::Last, Fold::Both] {
                        compare(zone, change, &clock, time, DstPolicy { gap, fold });
                    }
                }
            }
        }
    }
    assert!(changes > 900, "only {changes} clock changes");
}

/// Compares three days before to two days after a clock change.
fn compare(zone: Tz, change: DateTime<Utc>, clock: &Clock, time: NaiveTime, dst: DstPolicy) {
    let date = (change.naive_utc() + offset(zone, change)).date();
    let dates = (0..7).map(|day| date - Days::new(3) + Days::new(day));
    let trigger = CalendarIntervalTrigger::builder()
        .days(1)
        .hour(time.hour())
        .minute(time.minute())
        .timezone(zone)
        .dst(dst)
        .start_date(date - Days::new(40))
        .build()
        .unwrap();
    let inner = change - TimeDelta::hours(30)..change + TimeDelta::hours(30);

    let expected: BTreeSet<_> = dates
        .filter(|date| clock.minutes.first().unwrap().0 < date.and_time(time) - TimeDelta::minutes(1))
        .filter(|date| clock.minutes.last().unwrap().0 > date.and_time(time) + TimeDelta::minutes(1))
        .flat_map(|date| clock.instants(date.and_time(time), dst))
        .filter(|at| inner.contains(at))
        .collect();

    let end = inner.end - TimeDelta::microseconds(1);
    let found: BTreeSet<_> = trigger.between(inner.start, end).map(Result::unwrap).collect();
    assert_eq!(found, expected, "{trigger} at {change}");
    for minutes in [-97, -1, 0, 31, 61] {
        let after = change + TimeDelta::minutes(minutes);
        let next = trigger.next_after(after).unwrap().filter(|next| inner.contains(next));
        assert_eq!(
            next,
            expected.range(after + TimeDelta::nanoseconds(1)..).next().copied(),
            "{trigger} after {after}"
        );
    }
}
