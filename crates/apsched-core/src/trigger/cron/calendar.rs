//! Which day is it? The Gregorian calendar in integers, from 1970 on: day numbers, weekdays, month lengths,
//! ISO weeks.
//!
//! A *day number* counts days from 1970-01-01, which is 0. Weekdays count from Sunday, which is 0.
//!
//! # Source
//! The conversion of a day number to a date is by Cassio Neri and Lorenz Schneider, "Euclidean affine
//! functions and their application to calendar algorithms" (2022).

/// The last year that cron triggers know.
pub(super) const LAST_YEAR: u32 = 9999;

/// Days before the first of each month.
const DAYS_BEFORE: [[u32; 12]; 2] = [
    [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334],
    [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335],
];

/// A date from 1970-01-01 to 9999-12-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: u32,
    pub(super) month: u32,
    pub(super) day: u32,
}

impl Date {
    /// The date with this day number.
    pub(super) fn from_day_number(number: u32) -> Self {
        let shifted = 4 * (number + 719_468) + 3;
        let century = shifted / 146_097;
        let of_century = (shifted % 146_097) | 3;
        let product = 2_939_745 * u64::from(of_century);
        let day_of_year = (product as u32) / 2_939_745 / 4;
        let numerator = 2_141 * day_of_year + 197_913;
        let (year, month) = (100 * century + (product >> 32) as u32, numerator >> 16);
        let is_after_february = day_of_year < 306;
        Self {
            year: if is_after_february { year } else { year + 1 },
            month: if is_after_february { month } else { month - 12 },
            day: (numerator & 0xffff) / 2_141 + 1,
        }
    }
}

/// A year, and what decides its weekdays and weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Year {
    pub(super) number: u32,
    /// Day number of 1 January.
    pub(super) first_day: u32,
    pub(super) is_leap: bool,
}

impl Year {
    pub(super) const fn new(number: u32) -> Self {
        let before = number - 1;
        let leap_days = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
        Self { number, first_day: 365 * (number - 1970) + leap_days, is_leap: is_leap(number) }
    }

    /// The weekday of 1 January.
    pub(super) const fn first_weekday(&self) -> u32 {
        weekday(self.first_day)
    }

    /// Which of 28 kinds it is, from 0 to 27. Years of one kind have the same weekdays and ISO weeks on the
    /// same dates.
    pub(super) const fn kind(&self) -> u32 {
        4 * self.first_weekday() + 2 * self.is_leap as u32 + is_leap(self.number - 1) as u32
    }

    pub(super) const fn month(&self, number: u32) -> Month {
        let before = DAYS_BEFORE[self.is_leap as usize][number as usize - 1];
        let first_day = self.first_day + before;
        let length = match number {
            2 => 28 + self.is_leap as u32,
            _ => 30 | (number ^ (number >> 3)),
        };
        Month { first_weekday: weekday(first_day), first_day, length, ordinal: before + 1, year: *self }
    }

    /// How many ISO weeks it has, 52 or 53.
    ///
    /// 53 if it begins on a Thursday, or is a leap year and begins on a Wednesday.
    pub(super) const fn weeks(&self) -> u32 {
        weeks(self.first_weekday(), self.is_leap)
    }

    /// How many ISO weeks the year before has.
    const fn weeks_before(&self) -> u32 {
        let is_leap = is_leap(self.number - 1);
        weeks((self.first_weekday() + 6 - is_leap as u32) % 7, is_leap)
    }
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month {
    /// Day number of the 1st.
    pub(super) first_day: u32,
    /// Weekday of the 1st.
    pub(super) first_weekday: u32,
    /// Number of days.
    pub(super) length: u32,
    /// Day of the year of the 1st, from 1.
    ordinal: u32,
    year: Year,
}

impl Month {
    /// The weekday of a day of the month.
    pub(super) const fn weekday(&self, day: u32) -> u32 {
        (self.first_weekday + day - 1) % 7
    }

    /// The ISO week of a day of the month: weeks begin on Monday, and week 1 is the one with the first
    /// Thursday.
    pub(super) const fn iso_week(&self, day: u32) -> u32 {
        let from_monday = (self.weekday(day) + 6) % 7;
        let week = (self.ordinal + day - 1 + 9 - from_monday) / 7;
        match week {
            0 => self.year.weeks_before(),
            53 if self.year.weeks() == 52 => 1,
            _ => week,
        }
    }
}

/// The weekday of a day number.
pub(super) const fn weekday(day_number: u32) -> u32 {
    (day_number + 4) % 7
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn weeks(first_weekday: u32, is_leap: bool) -> u32 {
    if first_weekday == 4 || (is_leap && first_weekday == 3) { 53 } else { 52 }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn calendar_agrees_with_chrono_on_every_day_of_four_centuries_and_at_the_end() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let last =
            NaiveDate::from_ymd_opt(9999, 12, 31).unwrap().signed_duration_since(epoch).num_days() as u32;

        for number in (0..146_097).chain(last - 1_000..=last) {
            let expected = epoch + chrono::Days::new(number.into());
            let date = Date::from_day_number(number);
            let year = Year::new(date.year);
            let month = year.month(date.month);

            assert_eq!(
                (date.year as i32, date.month, date.day),
                (expected.year(), expected.month(), expected.day())
            );
            assert_eq!(month.first_day + date.day - 1, number);
            assert_eq!(month.weekday(date.day), expected.weekday().num_days_from_sunday());
            assert_eq!(month.iso_week(date.day), expected.iso_week().week(), "{expected}");
            assert_eq!(month.length, u32::from(expected.num_days_in_month()), "{expected}");
        }
    }

    #[test]
    fn years_of_one_kind_have_the_same_weekdays_and_weeks() {
        let shape = |year: &Year| {
            (1..=12)
                .map(|m| year.month(m))
                .map(|m| (m.length, m.first_weekday, m.iso_week(1), m.iso_week(28)))
                .collect()
        };
        let mut shapes: [Option<Vec<_>>; 28] = Default::default();
        for year in (1970..2370).map(Year::new) {
            let expected = shapes[year.kind() as usize].get_or_insert_with(|| shape(&year));

            assert_eq!(*expected, shape(&year), "{}", year.number);
        }
    }
}
