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
//!             | number "W"                             the weekday (Monday to Friday) nearest to that day, in the same month
//!             | "LW"                                   the last weekday (Monday to Friday) of the month
//!             | ( "1st" … "5th" | "last" ) name        the n-th or last Friday of the month
//! day_of_week = value "L" | value "#" ( "1" … "5" )    the last or n-th Friday of the month
//! crontab     = "?"                                    as "*", in `day` and `day_of_week` only
//! ```
//!
//! The whole text must be consumed: whatever is left over is an error, and so are a value out of range, a range that
//! runs backwards (weekdays may wrap: `sat-mon`) and a step wider than its range. `a/n` for weekdays runs to 7, the
//! Sunday that ends the week.

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
