//! All fields of a cron trigger together, ready to be searched: the next matching time on a wall clock that
//! never jumps.
//!
//! The search jumps: over years that cannot match (by their kind, see [`Year::kind`]), over months by one bit
//! mask, over days by one bit mask per month, over the times of a day by three. A *local time* is in seconds
//! since 1970-01-01 00:00:00 of the wall clock.

use super::calendar::{Date, LAST_YEAR, Month, Year};
use super::day::{DayRule, DaySet};
use super::expression::{Expression, Item};
use super::time_of_day::{DAY, TimeSet};

/// The wall-clock times that match all fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    times: TimeSet,
    days: DaySet,
    years: YearSet,
    /// Bit `k`: a year of kind `k` has a matching day.
    year_kinds: u32,
    /// Bit `m`: month `m`.
    months: u16,
    /// Whether all days match, so that dates need not be looked at.
    is_every_day: bool,
}

/// The years of the field `year`; all if empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct YearSet(Box<[(u16, u16, u16)]>);

impl Pattern {
    /// From the expressions in the order of [`Field::ALL`](super::field::Field::ALL).
    pub(super) fn new(fields: &[Expression; 8], rule: DayRule) -> Self {
        let [year, month, day, week, weekday, hour, minute, second] = fields;
        let mut pattern = Self {
            times: TimeSet::new(hour, minute, second),
            days: DaySet::new(day, week, weekday, rule),
            years: YearSet::new(year),
            year_kinds: 0,
            months: month.bits() as u16,
            is_every_day: false,
        };
        pattern.is_every_day =
            pattern.years.0.is_empty() && pattern.months == 0x1ffe && pattern.days.is_every_day();
        // Each kind occurs within 400 years, after which the calendar repeats.
        let mut seen = 0;
        for year in (1970..1970 + 400).map(Year::new) {
            let kind = 1 << year.kind();
            if seen & kind == 0 && pattern.first_day_of(&year, 1).is_some() {
                pattern.year_kinds |= kind;
            }
            seen |= kind;
        }
        pattern
    }

    /// Whether there is any time that matches, ever.
    pub(super) fn is_possible(&self) -> bool {
        self.first_year(1970).is_some()
    }

    /// The first matching local time at or after `from`; `None` if there is none before the end of the last
    /// year.
    pub(super) fn at_or_after(&self, from: i64) -> Option<i64> {
        let from = from.max(0);
        let today = u32::try_from(from / DAY).ok().filter(|day| *day < END)?;
        let rest_of_today = self.times.at_or_after((from % DAY) as u32);
        let day = self.day_at_or_after(if rest_of_today.is_some() { today } else { today + 1 })?;
        let time = rest_of_today.filter(|_| day == today).unwrap_or_else(|| self.times.first());
        Some(i64::from(day) * DAY + i64::from(time))
    }

    /// The first matching day at or after a day number.
    fn day_at_or_after(&self, from: u32) -> Option<u32> {
        if from >= END {
            return None;
        }
        if self.is_every_day {
            return Some(from);
        }
        let date = Date::from_day_number(from);
        if self.years.contains(date.year) {
            let year = Year::new(date.year);
            if self.months >> date.month & 1 == 1
                && let Some(day) = self.first_day_in(&year.month(date.month), date.day)
            {
                return Some(day);
            }
            if let Some(day) = self.first_day_of(&year, date.month + 1) {
                return Some(day);
            }
        }
        let year = self.first_year(date.year + 1)?;
        self.first_day_of(&year, 1)
    }

    /// The first year at or after `from` that has a matching day.
    fn first_year(&self, mut from: u32) -> Option<Year> {
        loop {
            let year = Year::new(self.years.at_or_after(from)?);
            if self.year_kinds >> year.kind() & 1 == 1 {
                return Some(year);
            }
            from = year.number + 1;
        }
    }

    /// The first matching day in this month or a later one of the year.
    fn first_day_of(&self, year: &Year, month: u32) -> Option<u32> {
        let mut months = u32::from(self.months) >> month << month;
        while months != 0 {
            if let Some(day) = self.first_day_in(&year.month(months.trailing_zeros()), 1) {
                return Some(day);
            }
            months &= months - 1;
        }
        None
    }

    /// The first matching day of the month at or after `day`.
    fn first_day_in(&self, month: &Month, day: u32) -> Option<u32> {
        let days = self.days.in_month(month) >> day;
        (days != 0).then(|| month.first_day + day - 1 + days.trailing_zeros())
    }
}

/// The day number after the last day of the last year.
const END: u32 = Year::new(LAST_YEAR + 1).first_day;

impl YearSet {
    fn new(expression: &Expression) -> Self {
        if expression.is_any() {
            return Self(Box::default());
        }
        let years = expression.items.iter().filter_map(|item| match *item {
            Item::Values { first, last, step, .. } => Some((first, last, step)),
            _ => None,
        });
        Self(years.collect())
    }

    fn contains(&self, year: u32) -> bool {
        self.0.is_empty() || self.at_or_after(year) == Some(year)
    }

    fn at_or_after(&self, year: u32) -> Option<u32> {
        if self.0.is_empty() {
            return (year <= LAST_YEAR).then_some(year);
        }
        let next = |&(first, last, step): &(u16, u16, u16)| {
            let (first, last, step) = (u32::from(first), u32::from(last), u32::from(step));
            let next = first + year.saturating_sub(first).next_multiple_of(step);
            (next <= last).then_some(next)
        };
        self.0.iter().filter_map(next).min()
    }
}
