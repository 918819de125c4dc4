//! What the user wrote: the texts of the fields, or a crontab line. Everything else about the fields follows
//! from it.

use std::fmt;

use super::crontab::{self, Seconds};
use super::day::DayRule;
use super::expression::{Expression, Syntax};
use super::field::Field;
use crate::trigger::TriggerError;

/// The fields of a cron trigger as they were written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Definition {
    Fields(FieldTexts),
    Crontab(Box<str>),
}

/// The texts of the fields that are given; one allocation for all of them, because there may be many
/// triggers.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FieldTexts {
    /// The texts of the given fields one after the other, the most significant first.
    joined: Box<str>,
    /// Where each field's text ends in `joined`.
    ends: [u16; 8],
    /// Bit `i`: field `i` of [`Field::ALL`] is given.
    given: u8,
}

impl Definition {
    /// The expressions of all fields in the order of [`Field::ALL`], with those left out filled in.
    pub(super) fn read(&self) -> Result<([Expression; 8], DayRule), TriggerError> {
        match self {
            Self::Crontab(line) => crontab::parse(line, Seconds::ByCount),
            Self::Fields(texts) => Ok((texts.read()?, DayRule::Both)),
        }
    }

    /// [`Self::read`] of a definition that has been read before.
    pub(super) fn reread(&self) -> ([Expression; 8], DayRule) {
        self.read().expect("the definition of a trigger is read when the trigger is made")
    }

    /// The text of a field, given or filled in.
    pub(super) fn expanded(&self) -> [&str; 8] {
        match self {
            Self::Crontab(line) => {
                crontab::split(line, Seconds::ByCount).expect("the line is read when the trigger is made")
            }
            Self::Fields(texts) => texts.expanded(),
        }
    }
}

impl FieldTexts {
    /// From the texts in the order of [`Field::ALL`].
    pub(super) fn new(texts: [Option<&str>; 8]) -> Result<Self, TriggerError> {
        let (mut joined, mut ends, mut given) = (String::new(), [0; 8], 0);
        for (index, (field, text)) in Field::ALL.into_iter().zip(texts).enumerate() {
            if let Some(text) = text {
                // Checks the length too, so that the ends below cannot overflow.
                Expression::parse(field, text, Syntax::Field)?;
                joined.push_str(text);
                given |= 1 << index;
            }
            ends[index] = u16::try_from(joined.len()).expect("eight texts of limited length are short");
        }
        if given == 0 {
            return Err(TriggerError::NoCronField);
        }
        Ok(Self { joined: joined.into(), ends, given })
    }

    /// The text of a field, if it is given.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        let index = field as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (self.given >> index & 1 == 1).then(|| &self.joined[start.into()..self.ends[index].into()])
    }

    fn expanded(&self) -> [&str; 8] {
        let least_significant = Field::ALL.into_iter().rfind(|field| self.get(*field).is_some());
        Field::ALL.map(|field| match self.get(field) {
            Some(text) => text,
            None if Some(field) > least_significant => field.default_below(),
            None => "*",
        })
    }

    fn read(&self) -> Result<[Expression; 8], TriggerError> {
        let mut fields = Vec::with_capacity(8);
        for (field, text) in Field::ALL.into_iter().zip(self.expanded()) {
            fields.push(Expression::parse(field, text, Syntax::Field)?);
        }
        Ok(fields.try_into().expect("one expression for each of eight fields"))
    }
}

/// As written: `cron[hour=9 minute=*/5]`, `crontab "*/5 9 * * *"`.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crontab(line) => write!(f, "crontab {line:?}"),
            Self::Fields(texts) => {
                let given = Field::ALL.into_iter().filter_map(|field| Some((field, texts.get(field)?)));
                f.write_str("cron[")?;
                write_fields(f, given)?;
                f.write_str("]")
            }
        }
    }
}

/// `day="2nd fri" hour=9`.
pub(super) fn write_fields<'a>(
    f: &mut fmt::Formatter<'_>,
    fields: impl Iterator<Item = (Field, &'a str)>,
) -> fmt::Result {
    for (index, (field, text)) in fields.enumerate() {
        let space = if index == 0 { "" } else { " " };
        match text.contains(char::is_whitespace) {
            true => write!(f, "{space}{}={text:?}", field.name())?,
            false => write!(f, "{space}{}={text}", field.name())?,
        }
    }
    Ok(())
}
