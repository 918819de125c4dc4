//! Which days of a month match? The fields `day`, `week` and `day_of_week` as bit sets, asked for a whole
//! month at once.
//!
//! The answer is a bit mask: bit `d` is set if day `d` of the month matches. Finding the next day is then one
//! shift and one count of trailing zeros.

use super::calendar::Month;
use super::expression::{Expression, Item};

/// How `day` and `day_of_week` go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayRule {
    /// Both must match.
    Both,
    /// One of them is enough: what crontab does when both are restricted.
    Either,
}

/// The days that the fields `day`, `week` and `day_of_week` allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DaySet {
    /// Bit `w`: every day of ISO week `w`.
    weeks: u64,
    /// From the field `day`. Bit `d`: day `d`.
    days: u32,
    /// Bit `n`: the day `n` days before the last.
    before_last: u32,
    /// Bit `d`: the weekday nearest to day `d`. Bit 0: the last weekday of the month.
    nearest: u32,
    /// Weekdays by their place in the month, as the field `day` has them.
    day_places: WeekdayPlaces,
    /// From the field `day_of_week`. Bit `w`: weekday `w`, from Sunday.
    weekdays: u8,
    /// Weekdays by their place in the month, as the field `day_of_week` has them.
    weekday_places: WeekdayPlaces,
    rule: DayRule,
}

/// `2nd fri` and `last sun`: sets of weekdays for each place in the month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct WeekdayPlaces {
    nth: [u8; 5],
    last: u8,
}

const ALL_WEEKS: u64 = (1 << 54) - 2;
const ALL_WEEKDAYS: u8 = 0x7f;
const ALL_DAYS: u32 = !1;

impl DaySet {
    pub(super) fn new(day: &Expression, week: &Expression, weekday: &Expression, rule: DayRule) -> Self {
        let mut set = Self {
            weeks: week.bits(),
            days: day.bits() as u32,
            before_last: 0,
            nearest: 0,
            day_places: WeekdayPlaces::new(day),
            weekdays: weekday.bits() as u8,
            weekday_places: WeekdayPlaces::new(weekday),
            rule,
        };
        for item in &day.items {
            match *item {
                Item::LastDay { before } => set.before_last |= 1 << before,
                Item::NearestWeekday { day } => set.nearest |= 1 << day,
                Item::LastWeekday => set.nearest |= 1,
                Item::Values { .. } | Item::NthWeekday { .. } | Item::LastOfWeekday { .. } => {}
            }
        }
        set
    }

    /// Whether every day of every month matches.
    pub(super) fn is_every_day(&self) -> bool {
        let (days, weekdays) = (self.days == ALL_DAYS, self.weekdays == ALL_WEEKDAYS);
        self.weeks == ALL_WEEKS
            && match self.rule {
                DayRule::Both => days && weekdays,
                DayRule::Either => days || weekdays,
            }
    }

    /// The matching days of a month: bit `d` for day `d`.
    pub(super) fn in_month(&self, month: &Month) -> u32 {
        let days = self.by_day(month);
        let weekdays = self.by_weekday(month);
        let both = match self.rule {
            DayRule::Both => days & weekdays,
            DayRule::Either => days | weekdays,
        };
        let matching = both & existing(month);
        if self.weeks == ALL_WEEKS { matching } else { matching & self.by_week(month) }
    }

    fn by_day(&self, month: &Month) -> u32 {
        let mut days = self.days;
        if self.before_last != 0 {
            // Bit `n` becomes bit `length - n`.
            days |= self.before_last.reverse_bits() >> (31 - month.length);
        }
        if self.nearest != 0 {
            days |= self.nearest_weekdays(month);
        }
        days | self.day_places.in_month(month)
    }

    fn by_weekday(&self, month: &Month) -> u32 {
        match self.weekdays {
            ALL_WEEKDAYS => ALL_DAYS,
            weekdays => every(weekdays, month) | self.weekday_places.in_month(month),
        }
    }

    fn by_week(&self, month: &Month) -> u32 {
        let mut days = 0;
        let mut day = 1;
        while day <= month.length {
            // Up to and including Sunday, which ends the week.
            let rest_of_week = (7 - month.weekday(day)) % 7 + 1;
            if self.weeks >> month.iso_week(day) & 1 == 1 {
                days |= ((1 << rest_of_week) - 1) << day;
            }
            day += rest_of_week;
        }
        days
    }

    fn nearest_weekdays(&self, month: &Month) -> u32 {
        let mut days = 0;
        if self.nearest & 1 == 1 {
            days |= 1 << nearest_weekday(month.length, month);
        }
        let mut wanted = self.nearest & existing(month);
        while wanted != 0 {
            days |= 1 << nearest_weekday(wanted.trailing_zeros(), month);
            wanted &= wanted - 1;
        }
        days
    }
}

impl WeekdayPlaces {
    fn new(expression: &Expression) -> Self {
        let mut places = Self::default();
        for item in &expression.items {
            match *item {
                Item::NthWeekday { nth, weekday } => places.nth[usize::from(nth) - 1] |= 1 << weekday,
                Item::LastOfWeekday { weekday } => places.last |= 1 << weekday,
                _ => {}
            }
        }
        places
    }

    fn in_month(&self, month: &Month) -> u32 {
        let mut days = 0;
        if self.nth != [0; 5] {
            for (week, &weekdays) in self.nth.iter().enumerate() {
                days |= every(weekdays, month) & ((0x7f << 1) << (7 * week));
            }
        }
        if self.last != 0 {
            days |= every(self.last, month) & (0x7f << (month.length - 6));
        }
        days
    }
}

/// The days of the month that exist, from bit 1 on.
fn existing(month: &Month) -> u32 {
    (u32::MAX >> (31 - month.length)) & ALL_DAYS
}

/// The days with one of these weekdays; bits beyond the end of the month may be set too.
fn every(weekdays: u8, month: &Month) -> u32 {
    let weekdays = u32::from(weekdays);
    let from_first = ((weekdays >> month.first_weekday) | (weekdays << (7 - month.first_weekday))) & 0x7f;
    from_first.wrapping_mul(1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28) << 1
}

/// The weekday (Monday to Friday) nearest to `day` in the same month.
fn nearest_weekday(day: u32, month: &Month) -> u32 {
    match month.weekday(day) {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == month.length => day - 2,
        0 => day + 1,
        _ => day,
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Year;
    use super::super::expression::Syntax;
    use super::super::field::Field;
    use super::*;

    fn days(day: &str, week: &str, weekday: &str, rule: DayRule, (year, month): (u32, u32)) -> Vec<u32> {
        let parse = |field, text| Expression::parse(field, text, Syntax::Field).unwrap();
        let set = DaySet::new(
            &parse(Field::Day, day),
            &parse(Field::Week, week),
            &parse(Field::DayOfWeek, weekday),
            rule,
        );
        let mask = set.in_month(&Year::new(year).month(month));
        (0..32).filter(|day| mask >> day & 1 == 1).collect()
    }

    // 2026: 1 February is a Sunday, 1 May a Friday, 1 August a Saturday.
    const FEBRUARY: (u32, u32) = (2026, 2);
    const MAY: (u32, u32) = (2026, 5);
    const AUGUST: (u32, u32) = (2026, 8);

    #[test]
    fn days_of_a_month() {
        for (day, month, expected) in [
            ("13", MAY, &[13][..]),
            ("29-31", FEBRUARY, &[]),
            ("29-31", MAY, &[29, 30, 31]),
            ("last", FEBRUARY, &[28]),
            ("L", MAY, &[31]),
            ("last", (2028, 2), &[29]),
            ("L-3", FEBRUARY, &[25]),
            ("L-30", MAY, &[1]),
            ("L-30", FEBRUARY, &[]),
            ("1,L,L-1", MAY, &[1, 30, 31]),
            // Saturday goes back to Friday, Sunday forward to Monday, but never out of the month.
            ("15W", MAY, &[15]),
            ("16W", MAY, &[15]),
            ("17W", MAY, &[18]),
            ("1W", AUGUST, &[3]),
            ("1W", FEBRUARY, &[2]),
            ("31W", MAY, &[29]),
            ("31W", FEBRUARY, &[]),
            ("LW", MAY, &[29]),
            ("LW", FEBRUARY, &[27]),
            ("LW", AUGUST, &[31]),
            ("2nd fri", MAY, &[8]),
            ("1st fri", MAY, &[1]),
            ("5th fri", MAY, &[29]),
            ("5th mon", MAY, &[]),
            ("last sun", FEBRUARY, &[22]),
            ("last sun", MAY, &[31]),
            ("1st mon, last mon", AUGUST, &[3, 31]),
        ] {
            assert_eq!(days(day, "*", "*", DayRule::Both, month), expected, "{day} of {month:?}");
        }
    }

    #[test]
    fn weekdays_of_a_month() {
        for (weekday, month, expected) in [
            ("sun", FEBRUARY, &[1, 8, 15, 22][..]),
            ("7", FEBRUARY, &[1, 8, 15, 22]),
            ("sat-mon", FEBRUARY, &[1, 2, 7, 8, 9, 14, 15, 16, 21, 22, 23, 28]),
            ("fri#2", MAY, &[8]),
            ("fri#5", FEBRUARY, &[]),
            ("5L", MAY, &[29]),
            ("0L", FEBRUARY, &[22]),
            ("mon#1,fri#1,sunL", MAY, &[1, 4, 31]),
        ] {
            assert_eq!(days("*", "*", weekday, DayRule::Both, month), expected, "{weekday} of {month:?}");
        }
    }

    #[test]
    fn iso_weeks_of_a_month() {
        for (week, month, expected) in [
            ("6", FEBRUARY, &[2, 3, 4, 5, 6, 7, 8][..]),
            ("5", FEBRUARY, &[1]),
            // 2026 has 53 weeks, of which the last reaches into 2027.
            ("53", (2026, 12), &[28, 29, 30, 31]),
            ("53", (2027, 1), &[1, 2, 3]),
            ("53", (2027, 12), &[]),
            // 30 December 2024 is in week 1 of 2025.
            ("1", (2024, 12), &[30, 31]),
        ] {
            assert_eq!(days("*", week, "*", DayRule::Both, month), expected, "week {week} in {month:?}");
        }
    }

    #[test]
    fn day_and_weekday_must_both_match_or_either() {
        assert_eq!(days("13", "*", "fri", DayRule::Both, FEBRUARY), [13]);
        assert!(days("13", "*", "fri", DayRule::Both, MAY).is_empty());
        assert_eq!(days("13", "*", "fri", DayRule::Either, MAY), [1, 8, 13, 15, 22, 29]);
    }
}
