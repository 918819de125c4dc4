//! The syntax of one cron field: which texts can be written, and what values each of them stands for.
//!
//! ```text
//! expression  = item { "," item }                      spaces may surround an item
//! item        = "*" [ "/" step ]                       every value, or every step-th from the least
//!             | value [ "/" step ]                     one value; with a step: from it to the greatest
//!             | value "-" value [ "/" step ]           from the first to the second
//! value       = number | name                          names of months and weekdays, in any case
//!
//! day         = "last" | "L"                           the last day of the month
//!             | "L-" number                            that many days before the last day
//!             | number "W"                             the weekday (Mon to Fri) nearest to that day, in its month
//!             | "LW"                                   the last weekday (Monday to Friday) of the month
//!             | ( "1st" … "5th" | "last" ) name        the n-th or last Friday of the month
//! day_of_week = value "L" | value "#" ( "1" … "5" )    the last or n-th Friday of the month
//! crontab     = "?"                                    as "*", in `day` and `day_of_week` only
//! ```
//!
//! The whole text must be consumed: whatever is left over is an error, and so are a value out of range, a
//! range that runs backwards (weekdays may wrap: `sat-mon`) and a step wider than its range. `a/n` for
//! weekdays runs to 7, the Sunday that ends the week.

use std::borrow::Cow;

use super::field::Field;
use crate::trigger::TriggerError;

/// Longest text of a field or crontab line, in characters.
pub(super) const MAX_LENGTH: usize = 1_000;

/// Which texts are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// A field of the builder.
    Field,
    /// A field of a crontab line, which may also be `?`.
    Crontab,
}

/// The text of a field, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression {
    pub(super) field: Field,
    /// At least one.
    pub(super) items: Vec<Item>,
}

/// What stands between two commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// `first`, `first + step`, … up to `last`. Weekdays may run past 6: then they are taken modulo 7.
    Values { shape: Shape, first: u16, last: u16, step: u16 },
    /// The day that many days before the last day of the month.
    LastDay { before: u16 },
    /// The weekday nearest to this day, in the same month.
    NearestWeekday { day: u16 },
    /// The last weekday (Monday to Friday) of the month.
    LastWeekday,
    /// The n-th such weekday of the month, from 1 to 5.
    NthWeekday { nth: u16, weekday: u16 },
    /// The last such weekday of the month.
    LastOfWeekday { weekday: u16 },
}

/// How values were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `*`, `*/n` or `?`.
    Any,
    /// `a`.
    One,
    /// `a-b` or `a-b/n`.
    Range,
    /// `a/n`.
    From,
}

impl Expression {
    /// Reads the text of a field.
    pub(super) fn parse(field: Field, text: &str, syntax: Syntax) -> Result<Self, TriggerError> {
        let mut cursor = Cursor { field, text, rest: text };
        if let Some((end, _)) = text.char_indices().nth(MAX_LENGTH) {
            return Err(cursor.error(&text[end..], format!("at most {MAX_LENGTH} characters")));
        }
        let mut items = Vec::new();
        loop {
            cursor.skip_spaces();
            items.push(cursor.item(syntax)?);
            cursor.skip_spaces();
            if cursor.rest.is_empty() {
                return Ok(Self { field, items });
            }
            if !cursor.take(',') {
                return Err(cursor.error(cursor.rest, "\",\" or the end"));
            }
        }
    }

    /// Whether the text starts with `*` (or `?`), which makes a crontab field unrestricted.
    pub(super) fn starts_with_star(&self) -> bool {
        matches!(self.items[0], Item::Values { shape: Shape::Any, .. })
    }

    /// Whether it is `*`: every value, however it is written.
    pub(super) fn is_any(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Values { shape: Shape::Any, step: 1, .. }))
    }

    /// Whether every item is a single value, so that the field is a fixed time rather than a period.
    pub(super) fn is_fixed(&self) -> bool {
        self.items.iter().all(|item| matches!(item, Item::Values { shape: Shape::One, .. }))
    }

    /// The single value, if it is written as one.
    pub(super) fn single(&self) -> Option<u16> {
        match self.items[..] {
            [Item::Values { shape: Shape::One, first, .. }] => Some(first),
            _ => None,
        }
    }

    /// The bits of the plain values, for fields whose values are below 64.
    pub(super) fn bits(&self) -> u64 {
        let modulus = if self.field == Field::DayOfWeek { 7 } else { 64 };
        self.items.iter().flat_map(Item::values).fold(0, |bits, value| bits | 1 << (value % modulus))
    }
}

impl Item {
    /// The plain values; none for items that depend on the month.
    pub(super) fn values(&self) -> impl Iterator<Item = u16> + use<> {
        let (first, last, step) = match *self {
            Self::Values { first, last, step, .. } => (first, last, step),
            _ => (1, 0, 1),
        };
        (first..=last).step_by(step.into())
    }
}

/// Reads a text from left to right.
struct Cursor<'a> {
    field: Field,
    text: &'a str,
    /// What has not been read, a suffix of `text`.
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn item(&mut self, syntax: Syntax) -> Result<Item, TriggerError> {
        let (least, greatest) = self.field.range();
        let may_be_question_mark =
            syntax == Syntax::Crontab && matches!(self.field, Field::Day | Field::DayOfWeek);
        if may_be_question_mark && self.take('?') {
            return Ok(Item::Values { shape: Shape::Any, first: least, last: greatest, step: 1 });
        }
        if self.take('*') {
            return self.stepped(Shape::Any, least, greatest);
        }
        let special = match self.field {
            Field::Day => self.special_day()?,
            Field::DayOfWeek => self.special_weekday()?,
            _ => None,
        };
        match special {
            Some(item) => Ok(item),
            None => self.values(),
        }
    }

    /// `a`, `a/n`, `a-b` or `a-b/n`.
    fn values(&mut self) -> Result<Item, TriggerError> {
        let start = self.rest;
        let first = self.word();
        let first = self.value(first).ok_or_else(|| self.error(start, self.field.expected()))?;
        if self.take('-') {
            let start = self.rest;
            let last = self.word();
            let last = self.value(last).ok_or_else(|| self.error(start, self.field.expected()))?;
            return match (last >= first, self.field) {
                (true, _) => self.stepped(Shape::Range, first, last),
                (false, Field::DayOfWeek) => self.stepped(Shape::Range, first, last + 7),
                (false, _) => {
                    let expected = format!("{} from {first} to {}", self.field.noun(), self.field.range().1);
                    Err(self.error(start, expected))
                }
            };
        }
        if self.rest.starts_with('/') {
            return self.stepped(Shape::From, first, self.field.range().1);
        }
        Ok(Item::Values { shape: Shape::One, first, last: first, step: 1 })
    }

    /// The values from `first` to `last`, with the step that may follow.
    fn stepped(&mut self, shape: Shape, first: u16, last: u16) -> Result<Item, TriggerError> {
        if !self.take('/') {
            return Ok(Item::Values { shape, first, last, step: 1 });
        }
        let step = self.number_between(1, (last - first).max(1), "a step")?;
        Ok(Item::Values { shape, first, last, step })
    }

    /// An item that only `day` may have, if there is one.
    fn special_day(&mut self) -> Result<Option<Item>, TriggerError> {
        const POSITIONS: [&str; 5] = ["1st", "2nd", "3rd", "4th", "5th"];
        let start = self.rest;
        let word = self.word();
        if let Some(index) = POSITIONS.iter().position(|position| position.eq_ignore_ascii_case(word)) {
            self.skip_spaces();
            let weekday = self.weekday_name()?;
            return Ok(Some(Item::NthWeekday { nth: index as u16 + 1, weekday }));
        }
        if word.eq_ignore_ascii_case("last") {
            let after_word = self.rest;
            self.skip_spaces();
            if self.rest.starts_with(char::is_alphanumeric) && self.rest.len() < after_word.len() {
                return Ok(Some(Item::LastOfWeekday { weekday: self.weekday_name()? }));
            }
            return Ok(Some(Item::LastDay { before: 0 }));
        }
        if word.eq_ignore_ascii_case("l") {
            let before = if self.take('-') { self.number_between(1, 30, "a number of days")? } else { 0 };
            return Ok(Some(Item::LastDay { before }));
        }
        if word.eq_ignore_ascii_case("lw") {
            return Ok(Some(Item::LastWeekday));
        }
        if let Some(day) = word.strip_suffix(['w', 'W']).and_then(|day| self.value(day)) {
            return Ok(Some(Item::NearestWeekday { day }));
        }
        self.rest = start;
        Ok(None)
    }

    /// An item that only `day_of_week` may have, if there is one.
    fn special_weekday(&mut self) -> Result<Option<Item>, TriggerError> {
        let start = self.rest;
        let word = self.word();
        if let Some(weekday) = word.strip_suffix(['l', 'L']).and_then(|weekday| self.value(weekday)) {
            return Ok(Some(Item::LastOfWeekday { weekday: weekday % 7 }));
        }
        if let Some(weekday) = self.value(word)
            && self.take('#')
        {
            let nth = self.number_between(1, 5, "a position in the month")?;
            return Ok(Some(Item::NthWeekday { nth, weekday: weekday % 7 }));
        }
        self.rest = start;
        Ok(None)
    }

    /// The weekday named by the next word.
    fn weekday_name(&mut self) -> Result<u16, TriggerError> {
        let start = self.rest;
        let word = self.word();
        Field::DayOfWeek.value_of_name(word).ok_or_else(|| self.error(start, "a weekday (mon-sun)"))
    }

    /// The value of the field that `word` stands for, if it does.
    fn value(&self, word: &str) -> Option<u16> {
        let (least, greatest) = self.field.range();
        number(word)
            .filter(|value| (least..=greatest).contains(value))
            .or_else(|| self.field.value_of_name(word))
    }

    fn number_between(&mut self, least: u16, greatest: u16, noun: &str) -> Result<u16, TriggerError> {
        let start = self.rest;
        let word = self.word();
        number(word).filter(|value| (least..=greatest).contains(value)).ok_or_else(|| {
            let expected = match greatest {
                1 => format!("{noun} of 1"),
                _ => format!("{noun} from {least} to {greatest}"),
            };
            self.error(start, expected)
        })
    }

    /// Takes the letters and digits that follow, which may be none.
    fn word(&mut self) -> &'a str {
        let (word, rest) = self.rest.split_at(word_length(self.rest));
        self.rest = rest;
        word
    }

    fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// An error about what stands at the beginning of `at`, a suffix of the text.
    fn error(&self, at: &str, expected: impl Into<Cow<'static, str>>) -> TriggerError {
        let found = match word_length(at) {
            0 => at.chars().next().map(String::from).unwrap_or_default(),
            length => at[..length].to_owned(),
        };
        TriggerError::CronField {
            field: self.field.name(),
            position: self.text[..self.text.len() - at.len()].chars().count() + 1,
            expected: expected.into(),
            found: TriggerError::excerpt(&found),
            text: TriggerError::excerpt(self.text),
        }
    }
}

/// How many bytes of letters and digits `text` begins with.
fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())
}

/// The number that `word` is, in decimal digits only; `None` also if it does not fit.
fn number(word: &str) -> Option<u16> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(field: Field, text: &str) -> Result<Expression, TriggerError> {
        Expression::parse(field, text, Syntax::Field)
    }

    fn values(field: Field, text: &str) -> Vec<u16> {
        let bits = parse(field, text).unwrap().bits();
        (0..64).filter(|bit| bits >> bit & 1 == 1).collect()
    }

    #[test]
    fn text_stands_for_values() {
        for (field, text, expected) in [
            (Field::Minute, "5", &[5][..]),
            (Field::Minute, "05", &[5]),
            (Field::Minute, "*/15", &[0, 15, 30, 45]),
            (Field::Minute, "*/59", &[0, 59]),
            (Field::Minute, "10-12", &[10, 11, 12]),
            (Field::Minute, "7-7", &[7]),
            (Field::Minute, "7-7/1", &[7]),
            (Field::Minute, "59/1", &[59]),
            (Field::Minute, "40/7", &[40, 47, 54]),
            (Field::Minute, "1,2,2,1", &[1, 2]),
            (Field::Minute, " 1 , 5-6\t,9 ", &[1, 5, 6, 9]),
            (Field::Hour, "*/6,1", &[0, 1, 6, 12, 18]),
            (Field::Month, "jan", &[1]),
            (Field::Month, "OCT-Dec", &[10, 11, 12]),
            (Field::Month, "jan-12/5", &[1, 6, 11]),
            (Field::Month, "*/3", &[1, 4, 7, 10]),
            (Field::Week, "1,53", &[1, 53]),
            (Field::Day, "1,15", &[1, 15]),
        ] {
            assert_eq!(values(field, text), expected, "{field:?} {text:?}");
        }
    }

    #[test]
    fn step_of_a_range_is_not_ignored() {
        assert_eq!(values(Field::Minute, "1-5/2"), [1, 3, 5]);
        assert_eq!(values(Field::Day, "1-5/2"), [1, 3, 5]);
        assert_eq!(values(Field::DayOfWeek, "1-5/2"), [1, 3, 5]);
        assert_eq!(values(Field::DayOfWeek, "mon-fri/2"), [1, 3, 5]);
    }

    #[test]
    fn weekdays_count_from_sunday_and_may_wrap() {
        for (text, expected) in [
            ("0", &[0][..]),
            ("7", &[0]),
            ("sun", &[0]),
            ("SAT", &[6]),
            ("0-7", &[0, 1, 2, 3, 4, 5, 6]),
            ("*", &[0, 1, 2, 3, 4, 5, 6]),
            ("sun-sat", &[0, 1, 2, 3, 4, 5, 6]),
            ("sat-mon", &[0, 1, 6]),
            ("6-1", &[0, 1, 6]),
            ("fri-sun", &[0, 5, 6]),
            ("5-7", &[0, 5, 6]),
            ("7-2", &[0, 1, 2]),
            ("7-0", &[0]),
            ("mon-mon", &[1]),
            ("fri-mon/2", &[0, 5]),
            ("thu-wed/3", &[0, 3, 4]),
            ("*/2", &[0, 2, 4, 6]),
            ("0-6/2", &[0, 2, 4, 6]),
            ("1/2", &[0, 1, 3, 5]),
            ("mon/2", &[0, 1, 3, 5]),
            ("2/2", &[2, 4, 6]),
        ] {
            assert_eq!(values(Field::DayOfWeek, text), expected, "{text:?}");
        }
    }

    #[test]
    fn some_days_depend_on_the_month() {
        for (field, text, expected) in [
            (Field::Day, "last", Item::LastDay { before: 0 }),
            (Field::Day, "L", Item::LastDay { before: 0 }),
            (Field::Day, "l-3", Item::LastDay { before: 3 }),
            (Field::Day, "15W", Item::NearestWeekday { day: 15 }),
            (Field::Day, "1w", Item::NearestWeekday { day: 1 }),
            (Field::Day, "LW", Item::LastWeekday),
            (Field::Day, "2nd fri", Item::NthWeekday { nth: 2, weekday: 5 }),
            (Field::Day, "1ST  Mon", Item::NthWeekday { nth: 1, weekday: 1 }),
            (Field::Day, "last sun", Item::LastOfWeekday { weekday: 0 }),
            (Field::DayOfWeek, "5L", Item::LastOfWeekday { weekday: 5 }),
            (Field::DayOfWeek, "7L", Item::LastOfWeekday { weekday: 0 }),
            (Field::DayOfWeek, "friL", Item::LastOfWeekday { weekday: 5 }),
            (Field::DayOfWeek, "fri#2", Item::NthWeekday { nth: 2, weekday: 5 }),
            (Field::DayOfWeek, "7#1", Item::NthWeekday { nth: 1, weekday: 0 }),
        ] {
            assert_eq!(parse(field, text).unwrap().items, [expected], "{text:?}");
        }
        let items = parse(Field::Day, "last , 1, last sun,3rd tue").unwrap().items;
        assert_eq!(items.len(), 4);
    }

    #[test]
    fn error_says_where_what_was_expected_and_what_was_found() {
        for (field, text, expected) in [
            (Field::Minute, "", "position 1: expected a minute (0-59), found an empty text"),
            (Field::Minute, "60", "position 1: expected a minute (0-59), found \"60\" in \"60\""),
            (Field::Minute, "-1", "position 1: expected a minute (0-59), found \"-\" in \"-1\""),
            (Field::Minute, "99999", "position 1: expected a minute (0-59), found \"99999\" in \"99999\""),
            (Field::Minute, "1,", "position 3: expected a minute (0-59), found the end of \"1,\""),
            (Field::Minute, "1,,2", "position 3: expected a minute (0-59), found \",\" in \"1,,2\""),
            (Field::Minute, "1 2", "position 3: expected \",\" or the end, found \"2\" in \"1 2\""),
            (Field::Minute, "1.5", "position 2: expected \",\" or the end, found \".\" in \"1.5\""),
            (Field::Minute, "5-", "position 3: expected a minute (0-59), found the end of \"5-\""),
            (Field::Minute, "30-5", "position 4: expected a minute from 30 to 59, found \"5\" in \"30-5\""),
            (Field::Minute, "*/0", "position 3: expected a step from 1 to 59, found \"0\" in \"*/0\""),
            (Field::Minute, "*/60", "position 3: expected a step from 1 to 59, found \"60\" in \"*/60\""),
            (Field::Minute, "1-5/5", "position 5: expected a step from 1 to 4, found \"5\" in \"1-5/5\""),
            (Field::Minute, "55/5", "position 4: expected a step from 1 to 4, found \"5\" in \"55/5\""),
            (Field::Minute, "59/2", "position 4: expected a step of 1, found \"2\" in \"59/2\""),
            (Field::Minute, "*/", "position 3: expected a step from 1 to 59, found the end of \"*/\""),
            (Field::Minute, "?", "position 1: expected a minute (0-59), found \"?\" in \"?\""),
            (Field::Minute, "é,x", "position 1: expected a minute (0-59), found \"é\" in \"é,x\""),
            (Field::Minute, "1,é", "position 3: expected a minute (0-59), found \"é\" in \"1,é\""),
            (Field::Minute, "٣", "position 1: expected a minute (0-59), found \"٣\" in \"٣\""),
            (Field::Minute, "1\n", "position 2: expected \",\" or the end, found \"\\n\" in \"1\\n\""),
            (Field::Hour, "24", "position 1: expected an hour (0-23), found \"24\" in \"24\""),
            (
                Field::Month,
                "dec-jan",
                "position 5: expected a month from 12 to 12, found \"jan\" in \"dec-jan\"",
            ),
            (Field::Month, "foo", "position 1: expected a month (1-12 or jan-dec), found \"foo\" in \"foo\""),
            (Field::Year, "1969", "position 1: expected a year (1970-9999), found \"1969\" in \"1969\""),
            (Field::Week, "54", "position 1: expected a week (1-53), found \"54\" in \"54\""),
            (
                Field::DayOfWeek,
                "mon,mox",
                "position 5: expected a weekday (0-7 or mon-sun), found \"mox\" in \"mon,mox\"",
            ),
            (
                Field::DayOfWeek,
                "fri#6",
                "position 5: expected a position in the month from 1 to 5, found \"6\" in \"fri#6\"",
            ),
            (Field::DayOfWeek, "L", "position 1: expected a weekday (0-7 or mon-sun), found \"L\" in \"L\""),
            (Field::Day, "2nd", "position 4: expected a weekday (mon-sun), found the end of \"2nd\""),
            (Field::Day, "2nd fox", "position 5: expected a weekday (mon-sun), found \"fox\" in \"2nd fox\""),
            (Field::Day, "last 5", "position 6: expected a weekday (mon-sun), found \"5\" in \"last 5\""),
            (
                Field::Day,
                "L-31",
                "position 3: expected a number of days from 1 to 30, found \"31\" in \"L-31\"",
            ),
            (
                Field::Day,
                "L-3W",
                "position 3: expected a number of days from 1 to 30, found \"3W\" in \"L-3W\"",
            ),
        ] {
            let error = parse(field, text).unwrap_err().to_string();

            assert_eq!(error, format!("cron field \"{}\", {expected}", field.name()));
        }
    }

    #[test]
    fn suffix_is_never_accepted_silently() {
        for (field, text) in [
            (Field::Minute, "1-5/2x"),
            (Field::Minute, "5x"),
            (Field::Minute, "*x"),
            (Field::Minute, "**"),
            (Field::Minute, "*/5/5"),
            (Field::Minute, "*-5"),
            (Field::Minute, "1-5-7"),
            (Field::Minute, "1/5-7"),
            (Field::Day, "lastxyz"),
            (Field::Day, "last xyz"),
            (Field::Day, "last sunday"),
            (Field::Day, "lastsun"),
            (Field::Day, "2ndfri"),
            (Field::Day, "2nd friday"),
            (Field::Day, "2nd fri/2"),
            (Field::Day, "6th fri"),
            (Field::Day, "15WW"),
            (Field::Day, "32W"),
            (Field::Day, "LWx"),
            (Field::Day, "L/2"),
            (Field::Day, "1-15W"),
            (Field::Month, "january"),
            (Field::DayOfWeek, "monday"),
            (Field::DayOfWeek, "fri#2#3"),
            (Field::DayOfWeek, "fri#2/2"),
            (Field::DayOfWeek, "5LL"),
            (Field::DayOfWeek, "mon-5L"),
            (Field::DayOfWeek, "8"),
        ] {
            assert!(parse(field, text).is_err(), "{field:?} {text:?}");
        }
    }

    #[test]
    fn question_mark_is_for_day_and_weekday_of_a_crontab_only() {
        let is_any = |field| Expression::parse(field, "?", Syntax::Crontab).is_ok_and(|field| field.is_any());

        assert!(is_any(Field::Day) && is_any(Field::DayOfWeek));
        assert!(!is_any(Field::Hour));
        assert!(parse(Field::Day, "?").is_err());
        assert!(Expression::parse(Field::Day, "?/2", Syntax::Crontab).is_err());
    }

    #[test]
    fn text_may_have_a_thousand_characters() {
        let text = |length: usize| format!("1{}", ",1".repeat(length / 2));

        assert!(parse(Field::Minute, &text(999)).is_ok());
        assert!(
            parse(Field::Minute, &text(1_001))
                .unwrap_err()
                .to_string()
                .starts_with("cron field \"minute\", position 1001: expected at most 1000 characters, found")
        );
    }
}
