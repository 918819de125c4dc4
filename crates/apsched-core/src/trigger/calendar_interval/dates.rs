//! The dates of a calendar interval: start, start + step, start + 2 steps, …
//!
//! One step first adds the months to the date, keeping the day of the month, and again until that day exists; then it
//! adds the days. Where a step has only months or only days, any date of the sequence is found by one division. Where
//! it has both, the day of the month wanders and the sequence is walked, at most twelve steps a year.

use chrono::{Datelike, Days, NaiveDate};

/// Last year with fire times, as for cron.
pub(super) const LAST_YEAR: i32 = 9999;

/// The way from one date to the next: at least one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateStep {
    /// Years and months together.
    pub(super) months: u32,
    /// Weeks and days together.
    pub(super) days: u32,
}

impl DateStep {
    /// The first date of the sequence from `start` that is not before `from`; `None` beyond [`LAST_YEAR`].
    pub(super) fn at_or_after(self, start: NaiveDate, from: NaiveDate) -> Option<NaiveDate> {
        if from <= start {
            return Some(start).filter(|date| date.year() <= LAST_YEAR);
        }
        let mut date = match self {
            Self { months: 0, days } => {
                let steps = (from - start).num_days().unsigned_abs() / u64::from(days);
                start.checked_add_days(Days::new(steps * u64::from(days)))?
            }
            Self { months, days: 0 } => {
                let steps = (month_index(from) - month_index(start)) / i64::from(months);
                first_existing(month_index(start) + steps * i64::from(months), months, start.day())?
            }
            _ => start,
        };
        while date < from {
            date = self.next(date)?;
        }
        Some(date).filter(|date| date.year() <= LAST_YEAR)
    }

    /// The date after `date` in a sequence that has `date`; `None` beyond [`LAST_YEAR`].
    pub(super) fn next(self, date: NaiveDate) -> Option<NaiveDate> {
        let months = i64::from(self.months);
        let moved = if months == 0 {
            date
        } else {
            first_existing(month_index(date) + months, self.months, date.day())?
        };
        moved.checked_add_days(Days::new(self.days.into())).filter(|date| date.year() <= LAST_YEAR)
    }
}

/// Months since January of the year zero.
fn month_index(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// The given day in the month `index`, or `months` later, again and again until there is such a day.
fn first_existing(mut index: i64, months: u32, day: u32) -> Option<NaiveDate> {
    loop {
        let year = i32::try_from(index.div_euclid(12)).ok().filter(|year| *year <= LAST_YEAR)?;
        let month = u32::try_from(index.rem_euclid(12)).expect("a remainder of 12 is not negative") + 1;
        match NaiveDate::from_ymd_opt(year, month, day) {
            Some(date) => return Some(date),
            None => index += i64::from(months),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The first dates of a sequence.
    fn dates(start: &str, months: u32, days: u32, n: usize) -> Vec<String> {
        let step = DateStep { months, days };
        let dates = std::iter::successors(Some(date(start)), |date| step.next(*date));
        dates.take(n).map(|date| date.to_string()).collect()
    }

    #[test]
    fn monthly_on_the_31st_skips_short_months() {
        assert_eq!(
            dates("2025-12-31", 1, 0, 5),
            ["2025-12-31", "2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
        );
    }

    #[test]
    fn yearly_on_29_february_skips_to_leap_years() {
        assert_eq!(dates("2092-02-29", 12, 0, 3), ["2092-02-29", "2096-02-29", "2104-02-29"]);
    }

    #[test]
    fn months_are_added_before_days() {
        // 31 January: no 31 February, so 31 March, and a day; then the 1st goes on wandering.
        assert_eq!(dates("2026-01-31", 1, 1, 4), ["2026-01-31", "2026-04-01", "2026-05-02", "2026-06-03"]);
        assert_eq!(dates("2026-01-30", 1, 7, 3), ["2026-01-30", "2026-04-06", "2026-05-13"]);
    }

    #[test]
    fn jumping_finds_what_walking_finds() {
        for (start, months, days) in [
            ("2000-02-29", 12, 0),
            ("2000-02-29", 1200, 0),
            ("2001-01-31", 1, 0),
            ("2001-08-31", 6, 0),
            ("1999-12-31", 1, 3),
            ("2000-01-31", 14, 40),
            ("2000-01-01", 0, 1),
            ("2000-01-01", 0, 17),
        ] {
            let step = DateStep { months, days };
            let walked = std::iter::successors(Some(date(start)), |date| step.next(*date)).take(200);
            let mut from = date(start) - Days::new(3);
            for expected in walked {
                for from in [from, expected] {
                    assert_eq!(
                        step.at_or_after(date(start), from),
                        Some(expected),
                        "{start} {step:?} {from}"
                    );
                }
                from = expected + Days::new(1);
            }
        }
    }

    #[test]
    fn sequence_ends_with_the_year_9999() {
        let step = DateStep { months: 0, days: 1 };

        assert_eq!(step.next(date("9999-12-31")), None);
        assert_eq!(step.at_or_after(date("2000-01-01"), date("9999-12-31")), Some(date("9999-12-31")));
        assert_eq!(step.at_or_after(date("2000-01-01"), date("+10000-01-01")), None);
        assert_eq!(DateStep { months: 119_999, days: 0 }.next(date("2000-01-31")), None);
    }
}
