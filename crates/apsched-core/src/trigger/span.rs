//! A length of time as people write it: `{"hours": 1, "minutes": 30}`, or "1 hour 30 minutes".
//!
//! Weeks, days, hours, minutes and seconds are elapsed time here (a day is 24 hours) and may have a fraction. What is
//! read is kept in whole microseconds; what is written has whole numbers only.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// Units by name, largest first, with their length in microseconds.
pub(crate) const UNITS: [(&str, u64); 6] = [
    ("weeks", 604_800_000_000),
    ("days", 86_400_000_000),
    ("hours", 3_600_000_000),
    ("minutes", 60_000_000),
    ("seconds", 1_000_000),
    ("microseconds", 1),
];

/// A duration in whole microseconds, written and read by units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    /// How often each unit fits in, largest first; `None` when the duration is longer than 580,000 years.
    fn units(self) -> Option<impl Iterator<Item = (&'static str, u64)>> {
        let mut rest = u64::try_from(self.0.as_micros()).ok()?;
        Some(UNITS.iter().filter_map(move |(name, length)| {
            let count = rest / length;
            rest %= length;
            (count > 0).then_some((*name, count))
        }))
    }
}

/// `1 hour 30 minutes`; `0 seconds` for nothing.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(units) = self.units() else { return write!(f, "{:?}", self.0) };
        let mut separator = "";
        for (name, count) in units {
            let name = if count == 1 { &name[..name.len() - 1] } else { name };
            write!(f, "{separator}{count} {name}")?;
            separator = " ";
        }
        if separator.is_empty() { f.write_str("0 seconds") } else { Ok(()) }
    }
}

/// A number of units that a user gave: `count` times `length` microseconds, to the nearest microsecond.
///
/// `None` when it is negative, not a number, or longer than a `u64` of microseconds.
pub(crate) fn micros_of(count: f64, length: u64) -> Option<u64> {
    if !(0.0..18_446_744_073_709_551_616.0).contains(&count) {
        return None;
    }
    // Whole and fractional part apart, so that large whole numbers stay exact.
    let whole = (count.trunc() as u64).checked_mul(length)?;
    whole.checked_add((count.fract() * length as f64).round() as u64)
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = self.units().ok_or_else(|| serde::ser::Error::custom("the duration is too long"))?;
        let mut map = serializer.serialize_map(None)?;
        for (name, count) in units {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpanVisitor)
    }
}

struct SpanVisitor;

impl<'de> Visitor<'de> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as {\"hours\": 1, \"minutes\": 30}")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Span, A::Error> {
        let mut seen = [false; UNITS.len()];
        let mut total = 0_u64;
        while let Some(name) = map.next_key::<String>()? {
            let Some(index) = UNITS.iter().position(|(unit, _)| *unit == name) else {
                return Err(de::Error::unknown_field(
                    &name,
                    &["weeks", "days", "hours", "minutes", "seconds", "microseconds"],
                ));
            };
            let (unit, length) = UNITS[index];
            if std::mem::replace(&mut seen[index], true) {
                return Err(de::Error::duplicate_field(unit));
            }
            let micros = match map.next_value::<Amount>()? {
                Amount::Whole(count) => count.checked_mul(length),
                Amount::Fraction(count) => micros_of(count, length),
            };
            total = micros.and_then(|micros| total.checked_add(micros)).ok_or_else(|| {
                de::Error::custom(format_args!("{unit}: the duration is too long or negative"))
            })?;
        }
        Ok(Span(Duration::from_micros(total)))
    }
}

/// A number of units as it stands in a stored trigger.
enum Amount {
    Whole(u64),
    Fraction(f64),
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;

        impl Visitor<'_> for AmountVisitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, zero or more")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Amount, E> {
                Ok(Amount::Whole(count))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Amount, E> {
                u64::try_from(count)
                    .map(Amount::Whole)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))
            }

            fn visit_f64<E: de::Error>(self, count: f64) -> Result<Amount, E> {
                Ok(Amount::Fraction(count))
            }
        }

        deserializer.deserialize_any(AmountVisitor)
    }
}
