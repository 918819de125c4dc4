//! What does a cron field mean? Its name, its values, its names for values, and what it is when it is left
//! out.
//!
//! | field | values | names | left out, below the least significant given field |
//! |---|---|---|---|
//! | `year` | 1970–9999 | | |
//! | `month` | 1–12 | `jan`–`dec` | 1 |
//! | `day` | 1–31 | | 1 |
//! | `week` | 1–53 (ISO 8601) | | `*` |
//! | `day_of_week` | 0–7, 0 and 7 are Sunday | `sun`–`sat` | `*` |
//! | `hour` | 0–23 | | 0 |
//! | `minute` | 0–59 | | 0 |
//! | `second` | 0–59 | | 0 |
//!
//! A field left out above the least significant given one is `*`. The syntax of the values is in
//! `expression.rs`.

/// A field of a cron trigger; a greater one is less significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Week,
    DayOfWeek,
    Hour,
    Minute,
    Second,
}

impl Field {
    /// All fields, the most significant first.
    pub(super) const ALL: [Self; 8] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Week,
        Self::DayOfWeek,
        Self::Hour,
        Self::Minute,
        Self::Second,
    ];

    /// The name, as in the builder, in errors and in stored triggers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Week => "week",
            Self::DayOfWeek => "day_of_week",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    /// The least and the greatest value.
    pub(super) const fn range(self) -> (u16, u16) {
        match self {
            Self::Year => (1970, 9999),
            Self::Month => (1, 12),
            Self::Day => (1, 31),
            Self::Week => (1, 53),
            Self::DayOfWeek => (0, 7),
            Self::Hour => (0, 23),
            Self::Minute | Self::Second => (0, 59),
        }
    }

    /// Names of values, in lower case; the first one stands for the number given with them.
    pub(super) const fn value_names(self) -> (u16, &'static [&'static str]) {
        match self {
            Self::Month => {
                (1, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
            }
            Self::DayOfWeek => (0, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
            _ => (0, &[]),
        }
    }

    /// The number that `word` names, in any case.
    pub(super) fn value_of_name(self, word: &str) -> Option<u16> {
        let (first, names) = self.value_names();
        names.iter().zip(first..).find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| value)
    }

    /// The text of the field when it is left out and a more significant field is the least significant given
    /// one.
    pub(super) const fn default_below(self) -> &'static str {
        match self {
            Self::Year | Self::Week | Self::DayOfWeek => "*",
            Self::Month | Self::Day => "1",
            Self::Hour | Self::Minute | Self::Second => "0",
        }
    }

    /// One value, in the words of an error.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Year => "a year",
            Self::Month => "a month",
            Self::Day => "a day",
            Self::Week => "a week",
            Self::DayOfWeek => "a weekday",
            Self::Hour => "an hour",
            Self::Minute => "a minute",
            Self::Second => "a second",
        }
    }

    /// What may stand where a value begins, in the words of an error.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Year => "a year (1970-9999)",
            Self::Month => "a month (1-12 or jan-dec)",
            Self::Day => "a day (1-31, last, L, L-3, LW, 15W, 2nd fri or last sun)",
            Self::Week => "a week (1-53)",
            Self::DayOfWeek => "a weekday (0-7 or mon-sun)",
            Self::Hour => "an hour (0-23)",
            Self::Minute => "a minute (0-59)",
            Self::Second => "a second (0-59)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_the_least_value_or_any() {
        for field in Field::ALL {
            let default = field.default_below();
            assert!(default == "*" || default.parse() == Ok(field.range().0), "{field:?}");
        }
    }

    #[test]
    fn names_stand_for_numbers_in_any_case() {
        for (field, name, value) in [
            (Field::Month, "jan", Some(1)),
            (Field::Month, "DEC", Some(12)),
            (Field::DayOfWeek, "Sun", Some(0)),
            (Field::DayOfWeek, "sat", Some(6)),
            (Field::DayOfWeek, "monday", None),
            (Field::Hour, "mon", None),
        ] {
            assert_eq!(field.value_of_name(name), value, "{name}");
        }
    }
}
