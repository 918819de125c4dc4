//! Arbitrary triggers and instants, and the laws of triggers on all of them.

use std::time::Duration;

use apsched_core::trigger::{
    AndTrigger, AnyTrigger, CalendarIntervalTrigger, CronTrigger, DateTrigger, DstPolicy, Fold, Gap,
    IntervalTrigger, OrTrigger,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::select;

use super::custom::{Fibonacci, registry};
use super::laws::{self, Fires};

/// Instants in the years 1990 to 2060, most on whole seconds.
pub(crate) fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    let seconds = 631_152_000_i64..2_840_140_800;
    let nanos = prop_oneof![4 => Just(0), 1 => 0_u32..1_000_000_000];
    (seconds, nanos).prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

/// Instants anywhere in the range of chrono, its ends among them.
pub(crate) fn far_instant() -> impl Strategy<Value = DateTime<Utc>> {
    let (min, max) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let anywhere = (min.timestamp()..=max.timestamp(), 0_u32..1_000_000_000)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap());
    prop_oneof![anywhere, Just(min), Just(max), instant()]
}

pub(crate) fn timezone() -> impl Strategy<Value = Tz> {
    select(&TZ_VARIANTS[..])
}

pub(crate) fn dst_policy() -> impl Strategy<Value = DstPolicy> {
    let gap = select(&[Gap::Skip, Gap::NextValid, Gap::ShiftForward][..]);
    let fold = select(&[Fold::First, Fold::Last, Fold::Both][..]);
    (gap, fold).prop_map(|(gap, fold)| DstPolicy { gap, fold })
}

fn date() -> impl Strategy<Value = AnyTrigger> {
    instant().prop_map(|at| DateTrigger::at(at).into())
}

fn interval() -> impl Strategy<Value = AnyTrigger> {
    let every = prop_oneof![
        (1_u64..1_000).prop_map(Duration::from_secs),
        (1_u64..400_000).prop_map(|minutes| Duration::from_secs(minutes * 60)),
        (1_u64..10_000_000_000).prop_map(Duration::from_micros),
    ];
    (every, prop::option::of(instant()), prop::option::of(0_i64..4_000)).prop_map(|(every, start, days)| {
        let mut trigger = IntervalTrigger::every(every);
        if let Some(start) = start {
            trigger = trigger.starting_at(start);
        }
        if let Some(days) = days {
            let end = start.unwrap_or(DateTime::UNIX_EPOCH) + TimeDelta::days(days);
            trigger = trigger.ending_at(end);
        }
        trigger.into()
    })
}

pub(crate) fn calendar_interval() -> impl Strategy<Value = CalendarIntervalTrigger> {
    let step = (
        prop_oneof![3 => Just(0), 1 => 0_u32..5],
        prop_oneof![1 => Just(0), 1 => 0_u32..30],
        prop_oneof![2 => Just(0), 1 => 0_u32..6],
        prop_oneof![1 => Just(0), 1 => 0_u32..40],
    )
        .prop_map(|(years, months, weeks, days)| match (years, months, weeks, days) {
            (0, 0, 0, 0) => [0, 0, 0, 1],
            _ => [years, months, weeks, days],
        });
    let time = (0_u32..24, prop_oneof![Just(0), Just(30), 0_u32..60], prop_oneof![Just(0), 0_u32..60]);
    (step, time, timezone(), dst_policy(), prop::option::of(instant())).prop_map(
        |([years, months, weeks, days], (hour, minute, second), timezone, dst, start)| {
            let builder = CalendarIntervalTrigger::builder()
                .years(years)
                .months(months)
                .weeks(weeks)
                .days(days)
                .hour(hour)
                .minute(minute)
                .second(second)
                .timezone(timezone)
                .dst(dst);
            let builder = match start {
                Some(start) => builder.start_time(start),
                None => builder,
            };
            builder.build().unwrap()
        },
    )
}

fn cron() -> impl Strategy<Value = AnyTrigger> {
    let lines = [
        "* * * * *",
        "*/5 * * * *",
        "0 9 * * mon-fri",
        "30 2 * * *",
        "0 0 29 2 *",
        "15,45 8-18/2 1,15 * fri",
        "0 12 L * *",
        "@weekly",
    ];
    (select(lines.to_vec()), timezone(), prop::option::of(dst_policy()), prop::option::of(instant()))
        .prop_map(|(line, timezone, dst, start)| {
            let mut trigger = CronTrigger::from_crontab(line).unwrap().with_timezone(timezone);
            if let Some(dst) = dst {
                trigger = trigger.with_dst(dst);
            }
            match start {
                Some(start) => trigger.with_start_time(start).unwrap().into(),
                None => trigger.into(),
            }
        })
}

fn custom() -> impl Strategy<Value = AnyTrigger> {
    (instant(), 1_i64..100_000).prop_map(|(start, seconds)| Fibonacci { start, seconds }.into())
}

/// Triggers without parts.
pub(crate) fn simple() -> impl Strategy<Value = AnyTrigger> {
    prop_oneof![1 => date(), 3 => interval(), 3 => calendar_interval().prop_map_into(), 3 => cron(), 1 => custom()]
}

/// Any trigger, nested up to three levels, some of them anchored.
pub(crate) fn any_trigger() -> impl Strategy<Value = AnyTrigger> {
    let nested = simple().prop_recursive(3, 12, 4, |part| {
        let parts = prop::collection::vec(part, 1..4);
        let threshold = prop_oneof![3 => Just(0), 2 => Just(1_000_000), 1 => 0_u64..200_000_000_000];
        prop_oneof![
            parts.clone().prop_map(|parts| OrTrigger::new(parts).unwrap().into()),
            (parts, threshold, 1_u32..100).prop_map(|(parts, threshold, max_iterations)| {
                let builder = AndTrigger::builder()
                    .threshold(Duration::from_micros(threshold))
                    .max_iterations(max_iterations);
                parts.into_iter().fold(builder, |builder, part| builder.trigger(part)).build().unwrap().into()
            }),
        ]
    });
    (nested, prop::option::of(instant())).prop_map(|(trigger, anchor)| match anchor {
        Some(anchor) => trigger.anchored_at(anchor),
        None => trigger,
    })
}

/// How the fire times of a trigger depend on where it is asked from.
fn fires(trigger: &AnyTrigger) -> Fires {
    let parts = match trigger {
        AnyTrigger::And(and) if and.threshold() > Duration::ZERO => return Fires::InPairsFromWhereItIsAsked,
        AnyTrigger::And(and) => and.triggers(),
        AnyTrigger::Or(or) => or.triggers(),
        _ => &[],
    };
    match parts.iter().all(|part| fires(part) == Fires::AsOneSet) {
        true => Fires::AsOneSet,
        false => Fires::InPairsFromWhereItIsAsked,
    }
}

proptest! {
    #[test]
    fn simple_triggers_obey_the_laws(trigger in simple(), after in instant()) {
        laws::obeys_all(&trigger, &registry(), after, 12, fires(&trigger));
    }

    #[test]
    fn nested_triggers_obey_the_laws(trigger in any_trigger(), after in instant()) {
        laws::obeys_all(&trigger, &registry(), after, 8, fires(&trigger));
    }

    #[test]
    fn first_fire_time_is_not_before_the_moment_of_adding(trigger in any_trigger(), at in instant()) {
        let trigger = trigger.anchored_at(at);
        let is_own_start = |json: &str| json.contains("start_time") || json.contains("\"date\"");

        if let Ok(Some(first)) = trigger.first() {
            let json = serde_json::to_string(&trigger).unwrap();
            prop_assert!(first >= at - TimeDelta::microseconds(1) || is_own_start(&json), "{} {}", first, json);
        }
    }

    #[test]
    fn far_instants_do_no_harm(trigger in any_trigger(), start in far_instant(), after in far_instant()) {
        let trigger = trigger.anchored_at(start);

        laws::answers_are_later_and_timely(&trigger, after);
        laws::is_strictly_increasing(&trigger, after, 5);
    }
}
