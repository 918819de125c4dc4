//! Which times of the day match? The fields `hour`, `minute` and `second` as bit sets.

use super::expression::Expression;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// The times of the day that the fields `hour`, `minute` and `second` allow. None of the sets is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeSet {
    seconds: u64,
    minutes: u64,
    hours: u32,
}

impl TimeSet {
    pub(super) fn new(hour: &Expression, minute: &Expression, second: &Expression) -> Self {
        Self { seconds: second.bits(), minutes: minute.bits(), hours: hour.bits() as u32 }
    }

    /// The first matching time of a day, in seconds since midnight.
    pub(super) fn first(&self) -> u32 {
        self.first_of_hour(self.hours.trailing_zeros())
    }

    /// The first matching time at or after `time`, in seconds since midnight; `None` if it is on another day.
    pub(super) fn at_or_after(&self, time: u32) -> Option<u32> {
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1 {
                let seconds = self.seconds >> second;
                if seconds != 0 {
                    return Some(time + seconds.trailing_zeros());
                }
            }
            // Shifted twice, so that minute 59 is shifted out too.
            let minutes = self.minutes >> minute >> 1;
            if minutes != 0 {
                let minute = minute + 1 + minutes.trailing_zeros();
                return Some(hour * 3600 + minute * 60 + self.seconds.trailing_zeros());
            }
        }
        let hours = self.hours >> hour >> 1;
        (hours != 0).then(|| self.first_of_hour(hour + 1 + hours.trailing_zeros()))
    }

    fn first_of_hour(&self, hour: u32) -> u32 {
        hour * 3600 + self.minutes.trailing_zeros() * 60 + self.seconds.trailing_zeros()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, Timelike};

    use super::super::expression::Syntax;
    use super::super::field::Field;
    use super::*;

    #[test]
    fn next_time_of_the_day() {
        for (fields, from, expected) in [
            ("9 0 0", "00:00:00", Some("09:00:00")),
            ("9 0 0", "09:00:00", Some("09:00:00")),
            ("9 0 0", "09:00:01", None),
            ("9,17 0 0", "09:00:01", Some("17:00:00")),
            ("* */5 0", "10:55:01", Some("11:00:00")),
            ("* 59 0", "10:59:01", Some("11:59:00")),
            ("* * *", "23:59:59", Some("23:59:59")),
            ("23 59 58", "23:59:59", None),
            ("8-18 */20 30", "08:20:31", Some("08:40:30")),
            ("8-18 */20 30", "18:40:31", None),
            ("0 0 */7", "00:00:57", None),
            ("0 0,2 */7", "00:00:57", Some("00:02:00")),
        ] {
            let [hour, minute, second] = [Field::Hour, Field::Minute, Field::Second].map(|field| {
                let index = field as usize - Field::Hour as usize;
                Expression::parse(field, fields.split(' ').nth(index).unwrap(), Syntax::Field).unwrap()
            });
            let seconds = |time: &str| time.parse::<NaiveTime>().unwrap().num_seconds_from_midnight();

            let found = TimeSet::new(&hour, &minute, &second).at_or_after(seconds(from));

            assert_eq!(found, expected.map(seconds), "{fields} from {from}");
        }
    }
}
