//! How is a cron trigger said in English?
//!
//! `at 09:00 on Monday to Friday, Europe/Berlin time`: first the time of day, then the days with their
//! months, weeks and years, then the zone and what else was chosen. Lower-case, without a full stop, so that
//! it can stand in a sentence.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use super::CronTrigger;
use super::day::DayRule;
use super::expression::{Expression, Item, Shape};
use crate::trigger::{DstPolicy, Fold, Gap};

/// When it fires.
pub(super) fn sentence(trigger: &CronTrigger) -> String {
    let ([year, month, day, week, weekday, hour, minute, second], rule) = trigger.definition.reread();
    let times = fixed_times(&hour, &minute, &second);
    let is_fixed = times.is_some();
    let mut text = times.unwrap_or_else(|| period(&hour, &minute, &second));
    text += &date(&day, &weekday, &month, rule, is_fixed);
    if !week.is_any() {
        let noun = if week.single().is_some() { "week" } else { "weeks" };
        text += &format!(" in ISO {noun} {}", numbers(&week));
    }
    if !year.is_any() {
        text += &format!(" in {}", numbers(&year));
    }
    text += &match trigger.timezone {
        Tz::UTC => ", UTC".to_owned(),
        zone => format!(", {zone} time"),
    };
    if let Some(start) = trigger.start_time {
        text += &format!(", from {}", time(start));
    }
    if let Some(end) = trigger.end_time {
        text += &format!(", until {}", time(end));
    }
    if let Some(policy) = trigger.dst {
        text += clock_changes(policy).as_str();
    }
    text
}

/// An instant, in UTC.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `at 09:00 and 17:00`, if these are a few fixed times.
fn fixed_times(hour: &Expression, minute: &Expression, second: &Expression) -> Option<String> {
    const A_FEW: usize = 12;
    if full_hours(hour).is_some() || !minute.is_fixed() || !second.is_fixed() {
        return None;
    }
    let (hours, minutes, seconds) = (ones(hour.bits()), ones(minute.bits()), ones(second.bits()));
    if hours.len() * minutes.len() * seconds.len() > A_FEW {
        return None;
    }
    let mut times = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            for second in &seconds {
                times.push(match seconds[..] {
                    [0] => format!("{hour:02}:{minute:02}"),
                    _ => format!("{hour:02}:{minute:02}:{second:02}"),
                });
            }
        }
    }
    Some(format!("at {}", list(&times)))
}

/// `every 5 minutes from 08:00 to 18:59`.
fn period(hour: &Expression, minute: &Expression, second: &Expression) -> String {
    if minute.single() == Some(0)
        && second.single() == Some(0)
        && let Some(full_hours) = full_hours(hour)
    {
        return full_hours;
    }
    let mut clauses: Vec<String> = Vec::new();
    if second.single() != Some(0) {
        clauses.push(clause(second, "second", ""));
    }
    // "every second" is every second of every minute.
    if clauses.is_empty() || !minute.is_any() {
        clauses.push(clause(minute, "minute", if clauses.is_empty() { "" } else { "of " }));
    } else if !second.is_any() && !is_even_step(second) {
        clauses.push("of every minute".to_owned());
    }
    if !hour.is_any() {
        clauses.push(hours(hour));
    } else if !minute.is_any() && !is_even_step(minute) {
        clauses.push("of every hour".to_owned());
    }
    clauses.join(" ")
}

/// `every hour from 08:00 to 18:00`, if the hours go on evenly; right for minute and second 0.
fn full_hours(hour: &Expression) -> Option<String> {
    Some(match hour.items[..] {
        _ if hour.is_any() => "every hour".to_owned(),
        [Item::Values { shape: Shape::Any, step, .. }] if 24 % step == 0 => format!("every {step} hours"),
        [Item::Values { shape: Shape::Range, first, last, step: 1 }] => {
            format!("every hour from {first:02}:00 to {last:02}:00")
        }
        _ => return None,
    })
}

/// `every 5 minutes`, `at minute 5`; in the middle of a sentence `of every 5th minute`, `of minute 5`.
fn clause(field: &Expression, unit: &str, of: &str) -> String {
    let at = if of.is_empty() { "at " } else { of };
    match field.items[..] {
        _ if field.is_any() => format!("{of}every {unit}"),
        [Item::Values { shape: Shape::Any, step, .. }] if of.is_empty() && is_even_step(field) => {
            format!("every {step} {unit}s")
        }
        [Item::Values { shape: Shape::Any, step, .. }] => format!("{at}every {} {unit}", ordinal(step)),
        [Item::Values { shape: Shape::One, first, .. }] => format!("{at}{unit} {first}"),
        _ => format!("{at}{unit}s {}", numbers(field)),
    }
}

/// Where a restricted hour limits a period: `from 08:00 to 18:59`.
fn hours(hour: &Expression) -> String {
    match hour.items[..] {
        [Item::Values { first, last, step: 1, .. }] => format!("from {first:02}:00 to {last:02}:59"),
        [Item::Values { shape: Shape::Any, step, .. }] => format!("of every {} hour", ordinal(step)),
        _ => format!("of the hours {}", numbers(hour)),
    }
}

/// Whether it is `*/n` and the steps fit evenly into the minute or hour, so that they go on evenly.
fn is_even_step(field: &Expression) -> bool {
    matches!(field.items[..], [Item::Values { shape: Shape::Any, step, .. }] if 60 % step == 0)
}

/// ` on the 13th of every month or on Friday`, with a leading space; empty if it goes without saying.
fn date(
    day: &Expression,
    weekday: &Expression,
    month: &Expression,
    rule: DayRule,
    is_fixed_time: bool,
) -> String {
    let of_month = match month.is_any() {
        true => " of every month".to_owned(),
        false => format!(" of {}", months(month)),
    };
    let in_month = if month.is_any() { String::new() } else { format!(" in {}", months(month)) };
    let has_places = weekday.items.iter().any(|item| !matches!(item, Item::Values { .. }));
    let on_day = format!(" on {}{of_month}", days(day));
    let on_weekday =
        |month: &str| format!("on {}{}", weekdays(weekday), if has_places { &of_month } else { month });
    match (day.is_any(), weekday.is_any()) {
        (true, true) if is_fixed_time => format!(" every day{in_month}"),
        (true, true) => in_month,
        (false, true) => on_day,
        (true, false) => format!(" {}", on_weekday(&in_month)),
        (false, false) => match rule {
            DayRule::Both => format!("{on_day}, but only {}", on_weekday("")),
            DayRule::Either => format!("{on_day} or {}", on_weekday(&in_month)),
        },
    }
}

/// `the 1st, the 5th to the 7th and the last day`.
fn days(day: &Expression) -> String {
    let the = |day: u16| format!("the {}", ordinal(day));
    let parts: Vec<String> = day
        .items
        .iter()
        .map(|item| match *item {
            Item::Values { shape: Shape::One, first, .. } => the(first),
            Item::Values { shape: Shape::Any, step, .. } => format!("every {} day", ordinal(step)),
            Item::Values { first, last, step: 1, .. } => format!("{} to {}", the(first), the(last)),
            Item::Values { first, last, step, .. } => {
                format!("every {} day from {} to {}", ordinal(step), the(first), the(last))
            }
            Item::LastDay { before: 0 } => "the last day".to_owned(),
            Item::LastDay { before: 1 } => "the day before the last day".to_owned(),
            Item::LastDay { before } => format!("the day {before} days before the last day"),
            Item::NearestWeekday { day } => format!("the working day nearest to {}", the(day)),
            Item::LastWeekday => "the last working day".to_owned(),
            Item::NthWeekday { .. } | Item::LastOfWeekday { .. } => weekday_place(item),
        })
        .collect();
    list(&parts)
}

/// `Monday to Friday and the last Sunday`.
fn weekdays(weekday: &Expression) -> String {
    let mut parts = Vec::new();
    for item in &weekday.items {
        match *item {
            Item::Values { shape: Shape::Range, first, last, step: 1 } if last > first => {
                parts.push(format!("{} to {}", weekday_name(first), weekday_name(last)));
            }
            Item::Values { .. } => parts.extend(item.values().map(|day| weekday_name(day).to_owned())),
            _ => parts.push(weekday_place(item)),
        }
    }
    list(&parts)
}

/// `the second Friday`, `the last Sunday`.
fn weekday_place(item: &Item) -> String {
    match *item {
        Item::NthWeekday { nth, weekday } => {
            let nth = ["first", "second", "third", "fourth", "fifth"][usize::from(nth) - 1];
            format!("the {nth} {}", weekday_name(weekday))
        }
        Item::LastOfWeekday { weekday } => format!("the last {}", weekday_name(weekday)),
        _ => String::new(),
    }
}

/// `January and March to May`.
fn months(month: &Expression) -> String {
    let mut parts = Vec::new();
    for item in &month.items {
        match *item {
            Item::Values { shape: Shape::Range, first, last, step: 1 } if last > first => {
                parts.push(format!("{} to {}", month_name(first), month_name(last)));
            }
            _ => parts.extend(item.values().map(|month| month_name(month).to_owned())),
        }
    }
    list(&parts)
}

/// `1, 5 to 10 and every 2nd from 20 to 30`.
fn numbers(field: &Expression) -> String {
    let parts: Vec<String> = field
        .items
        .iter()
        .map(|item| match *item {
            Item::Values { first, last, .. } if first == last => first.to_string(),
            Item::Values { first, last, step: 1, .. } => format!("{first} to {last}"),
            Item::Values { first, last, step, .. } => {
                format!("every {} from {first} to {last}", ordinal(step))
            }
            _ => String::new(),
        })
        .collect();
    list(&parts)
}

/// `; skipped times do not fire, repeated times fire twice`.
fn clock_changes(policy: DstPolicy) -> String {
    let gap = match policy.gap {
        Gap::Skip => "do not fire",
        Gap::NextValid => "fire right after the gap",
        Gap::ShiftForward => "fire shifted by the gap",
    };
    let fold = match policy.fold {
        Fold::First => "the first time",
        Fold::Last => "the second time",
        Fold::Both => "twice",
    };
    format!("; times skipped by a clock change {gap}, repeated ones fire {fold}")
}

fn weekday_name(weekday: u16) -> &'static str {
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"][usize::from(weekday % 7)]
}

fn month_name(month: u16) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES[usize::from(month) - 1]
}

/// `1st`, `2nd`, `23rd`, `11th`.
fn ordinal(number: u16) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// `a, b and c`.
fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The bits that are set, ascending.
fn ones(bits: u64) -> Vec<u32> {
    (0..64).filter(|bit| bits >> bit & 1 == 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crontab_lines_in_english() {
        for (line, expected) in [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("*/7 * * * *", "at every 7th minute of every hour"),
            ("5 * * * *", "at minute 5 of every hour"),
            ("0,30 * * * *", "at minutes 0 and 30 of every hour"),
            ("@hourly", "every hour"),
            ("0 */2 * * *", "every 2 hours"),
            ("0 */5 * * *", "at 00:00, 05:00, 10:00, 15:00 and 20:00 every day"),
            ("5 8-10,14 * * *", "at 08:05, 09:05, 10:05 and 14:05 every day"),
            ("30 8-10 * * *", "at minute 30 from 08:00 to 10:59"),
            ("0 8-18 * * *", "every hour from 08:00 to 18:00"),
            ("*/15 8-18 * * mon-fri", "every 15 minutes from 08:00 to 18:59 on Monday to Friday"),
            ("*/10 9 * * *", "every 10 minutes from 09:00 to 09:59"),
            ("30 */2 * * *", "at minute 30 of every 2nd hour"),
            ("@daily", "at 00:00 every day"),
            ("0 9,17 * * *", "at 09:00 and 17:00 every day"),
            ("0 9 * * 1-5", "at 09:00 on Monday to Friday"),
            ("0 9 * * sat-mon", "at 09:00 on Saturday to Monday"),
            ("0 9 * * */2", "at 09:00 on Sunday, Tuesday, Thursday and Saturday"),
            ("0 9 * * fri#2", "at 09:00 on the second Friday of every month"),
            ("0 9 * jan,jul 5L", "at 09:00 on the last Friday of January and July"),
            ("@monthly", "at 00:00 on the 1st of every month"),
            ("@yearly", "at 00:00 on the 1st of January"),
            ("0 0 L * *", "at 00:00 on the last day of every month"),
            ("0 0 L-3 * *", "at 00:00 on the day 3 days before the last day of every month"),
            (
                "0 0 15W,LW * *",
                "at 00:00 on the working day nearest to the 15th and the last working day of every month",
            ),
            ("0 0 13 * fri", "at 00:00 on the 13th of every month or on Friday"),
            ("0 0 13 mar-may fri", "at 00:00 on the 13th of March to May or on Friday in March to May"),
            ("0 0 */2 * mon", "at 00:00 on every 2nd day of every month, but only on Monday"),
            ("0 0 1-7 * *", "at 00:00 on the 1st to the 7th of every month"),
            ("0 0 10/5 * *", "at 00:00 on every 5th day from the 10th to the 31st of every month"),
            ("0 12 * dec *", "at 12:00 every day in December"),
        ] {
            let sentence = CronTrigger::from_crontab(line).unwrap().describe();

            assert_eq!(sentence, format!("{expected}, UTC"), "{line}");
        }
    }

    #[test]
    fn seconds_in_english() {
        for (line, expected) in [
            ("* * * * * *", "every second"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("*/7 * * * * *", "at every 7th second of every minute"),
            ("30 * * * * *", "at second 30 of every minute"),
            ("30 */5 * * * *", "at second 30 of every 5th minute"),
            ("* 5 * * * *", "every second of minute 5 of every hour"),
            ("* * 9-17 * * *", "every second from 09:00 to 17:59"),
            ("15 30 9 * * *", "at 09:30:15 every day"),
        ] {
            let sentence = CronTrigger::from_crontab_with_seconds(line).unwrap().describe();

            assert_eq!(sentence, format!("{expected}, UTC"), "{line}");
        }
    }

    #[test]
    fn zone_window_and_policy_in_english() {
        let trigger = CronTrigger::builder()
            .year("2026-2030")
            .week("1-10,20")
            .day_of_week("mon")
            .hour(9)
            .timezone(Tz::Europe__Berlin)
            .dst(DstPolicy::SKIP_AND_REPEAT)
            .start_time("2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap())
            .end_time("2029-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap())
            .build()
            .unwrap();

        assert_eq!(
            trigger.describe(),
            "at 09:00 on Monday in ISO weeks 1 to 10 and 20 in 2026 to 2030, Europe/Berlin time, \
             from 2026-01-01T00:00:00Z, until 2029-01-01T00:00:00Z; \
             times skipped by a clock change do not fire, repeated ones fire twice"
        );
        assert_eq!(
            trigger.to_string(),
            format!(
                "cron[year=2026-2030 month=* day=* week=1-10,20 day_of_week=mon hour=9 minute=0 second=0]: {}",
                trigger.describe()
            )
        );
    }

    #[test]
    fn single_week_is_in_the_singular() {
        let trigger = CronTrigger::builder().week(53).build().unwrap();

        assert_eq!(trigger.describe(), "at 00:00 every day in ISO week 53, UTC");
    }
}
