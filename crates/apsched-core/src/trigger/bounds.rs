//! From when until when a trigger fires: its `start_time` and `end_time`, and the moment at which it was added.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::TriggerError;
use super::resolution::{floor, just_before};

/// The range of a trigger, both ends inclusive.
///
/// `start_time` is what the user wrote; `anchored_at`, the moment of adding, stands in for it where it is missing.
/// They are kept apart so that definitions can be compared without the anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start_time: Option<DateTime<Utc>>,
    pub(crate) end_time: Option<DateTime<Utc>>,
    pub(crate) anchored_at: Option<DateTime<Utc>>,
}

impl Bounds {
    /// Bounds as read from a store, brought to whole microseconds.
    pub(crate) fn new(
        start_time: Option<DateTime<Utc>>,
        end_time: Option<DateTime<Utc>>,
        anchored_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            start_time: start_time.map(floor),
            end_time: end_time.map(floor),
            anchored_at: anchored_at.map(floor),
        }
    }

    /// The same range, added at `at`: it starts there unless the user gave a start.
    pub(crate) fn anchored_at(self, at: DateTime<Utc>) -> Self {
        Self { anchored_at: self.start_time.is_none().then(|| floor(at)), ..self }
    }

    /// Whether the user gave the same range, whenever it was added.
    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        (self.start_time, self.end_time) == (other.start_time, other.end_time)
    }

    /// The instant from which the trigger counts: the Unix epoch as long as it is not anchored.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.start_time.or(self.anchored_at).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// `after`, or the last instant before the start if that is later: nothing fires before the start.
    pub(crate) fn clamp_after(&self, after: DateTime<Utc>) -> DateTime<Utc> {
        after.max(just_before(self.start()))
    }

    /// Whether `fire_time` is not past the end.
    pub(crate) fn contains_end(&self, fire_time: DateTime<Utc>) -> bool {
        self.end_time.is_none_or(|end| fire_time <= end)
    }

    /// Refuses an end before the start, as both were written by the user.
    pub(crate) fn check(&self, trigger: &'static str) -> Result<(), TriggerError> {
        match (self.start_time, self.end_time) {
            (Some(start), Some(end)) if end < start => Err(TriggerError::invalid(
                trigger,
                "end_time",
                format!("an instant at or after start_time ({})", rfc3339(start)),
                rfc3339(end),
            )),
            _ => Ok(()),
        }
    }
}

/// ` from … until …`, as far as there are bounds.
impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = self.start_time.or(self.anchored_at) {
            write!(f, " from {}", rfc3339(start))?;
        }
        match self.end_time {
            Some(end) => write!(f, " until {}", rfc3339(end)),
            None => Ok(()),
        }
    }
}

/// The form in which instants are shown: `2026-01-31T09:00:00Z`, with a fraction only where there is one.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
