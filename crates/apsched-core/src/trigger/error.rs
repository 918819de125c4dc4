//! What can be wrong with a trigger: with its definition (at construction) or with its answer (when it is asked).

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::bounds::rfc3339;

/// Why a trigger cannot be made, or cannot tell when it fires.
///
/// ```
/// use apsched_core::trigger::IntervalTrigger;
///
/// let error = IntervalTrigger::builder().minutes(-5).build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "interval trigger, minutes: expected a finite number, zero or more, of at most 292,000 years, found -5"
/// );
/// ```
///
/// Texts that come from the user are quoted, with control characters escaped, and shortened where they are long.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// The text of a cron field cannot be read.
    ///
    /// It reads like `cron field "day_of_week", position 5: expected a weekday (0-7 or mon-sun), found "mox" in
    /// "mon,mox"`.
    #[error("cron field \"{field}\", position {position}: expected {expected}, found {}", Found { found, text })]
    CronField {
        /// Name of the field, as in the builder: `year`, `month`, `day`, `week`, `day_of_week`, `hour`, `minute`, `second`.
        field: &'static str,
        /// Where in `text` the trouble starts, counted in characters from 1.
        position: usize,
        /// What may stand there.
        expected: Cow<'static, str>,
        /// What stands there; empty at the end of the text.
        found: Box<str>,
        /// The text of the field.
        text: Box<str>,
    },

    /// A crontab line has the wrong number of fields or an unknown nickname.
    #[error("crontab {text:?}: expected {expected}, found {found}")]
    Crontab {
        /// What was expected instead.
        expected: Cow<'static, str>,
        /// What was found, in words.
        found: Box<str>,
        /// The line.
        text: Box<str>,
    },

    /// No field of a cron trigger is given, so there is nothing to fire at.
    #[error("cron trigger: expected at least one field, found none")]
    NoCronField,

    /// The trigger is well formed, but there is no time at which it could fire.
    #[error("{trigger} never fires: {reason}")]
    NeverFires {
        /// The trigger, as text.
        trigger: Box<str>,
        /// Why there is no such time.
        reason: Cow<'static, str>,
    },

    /// A part of the definition has a value that cannot be used.
    #[error("{trigger}, {field}: expected {expected}, found {found}")]
    InvalidField {
        /// The kind of trigger, in words.
        trigger: &'static str,
        /// Name of the part, as in the builder.
        field: &'static str,
        /// What may stand there.
        expected: Box<str>,
        /// What stands there.
        found: Box<str>,
    },

    /// No custom trigger of this name is registered, so nobody knows when it fires.
    #[error("no custom trigger named {name:?} is registered")]
    NotRegistered {
        /// The name that the stored trigger carries.
        name: Box<str>,
    },

    /// Another custom trigger is already registered under this name.
    #[error("a custom trigger named {name:?} is already registered")]
    AlreadyRegistered {
        /// The name that both have.
        name: Box<str>,
    },

    /// What is stored of a custom trigger cannot be written, or not be read back.
    #[error("definition of the custom trigger {name:?}: {message}")]
    Definition {
        /// Name of the custom trigger.
        name: Box<str>,
        /// What is wrong with it.
        message: Box<str>,
    },

    /// The answer of a trigger is not later than the instant that it was asked with.
    #[error("trigger {trigger:?} went backwards: asked for a fire time after {}, it answered {}", rfc3339(*after), rfc3339(*answer))]
    WentBackwards {
        /// The trigger, as text.
        trigger: Box<str>,
        /// The instant that it was asked with.
        after: DateTime<Utc>,
        /// The fire time that it gave.
        answer: DateTime<Utc>,
    },

    /// The parts of an [`AndTrigger`](super::AndTrigger) did not agree on a fire time within the allowed iterations.
    #[error("the parts of an and-trigger found no common fire time after {} in {iterations} iterations", rfc3339(*after))]
    NoAgreement {
        /// The instant that it was asked with.
        after: DateTime<Utc>,
        /// How many iterations were tried.
        iterations: u32,
    },

    /// A custom trigger cannot tell its fire time, for a reason of its own.
    #[error("custom trigger: {0}")]
    Custom(Box<str>),

    /// A custom trigger panicked when it was asked.
    #[error("custom trigger {name:?} panicked: {message}")]
    Panicked {
        /// Name of the custom trigger.
        name: Box<str>,
        /// The text of the panic.
        message: Box<str>,
    },
}

impl TriggerError {
    /// An error of a custom trigger, in its own words (a lower-case fragment).
    ///
    /// ```
    /// use apsched_core::trigger::TriggerError;
    ///
    /// let error = TriggerError::custom("the almanac ends with 2099");
    /// assert_eq!(error.to_string(), "custom trigger: the almanac ends with 2099");
    /// ```
    pub fn custom(message: impl fmt::Display) -> Self {
        Self::Custom(message.to_string().into())
    }

    pub(crate) fn invalid(
        trigger: &'static str,
        field: &'static str,
        expected: impl Into<Box<str>>,
        found: impl Into<Box<str>>,
    ) -> Self {
        Self::InvalidField { trigger, field, expected: expected.into(), found: found.into() }
    }

    /// Longest piece of the user's text that is kept in an error, in characters.
    pub(crate) const EXCERPT: usize = 100;

    /// `text`, or its beginning and an ellipsis if it is longer than [`Self::EXCERPT`] characters.
    pub(crate) fn excerpt(text: &str) -> Box<str> {
        match text.char_indices().nth(Self::EXCERPT) {
            None => text.into(),
            Some((end, _)) => format!("{}…", &text[..end]).into(),
        }
    }
}

/// `"mox" in "mon,mox"`, or `the end of "mon,"`.
struct Found<'a> {
    found: &'a str,
    text: &'a str,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.found, self.text) {
            ("", "") => f.write_str("an empty text"),
            ("", text) => write!(f, "the end of {text:?}"),
            (found, text) => write!(f, "{found:?} in {text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_a_field_names_field_position_expected_and_found() {
        let error = |found: &str, text: &str| TriggerError::CronField {
            field: "day_of_week",
            position: 5,
            expected: "a weekday (0-7 or mon-sun)".into(),
            found: found.into(),
            text: text.into(),
        };

        assert_eq!(
            error("mox", "mon,mox").to_string(),
            "cron field \"day_of_week\", position 5: expected a weekday (0-7 or mon-sun), found \"mox\" in \"mon,mox\""
        );
        assert!(error("", "mon,").to_string().ends_with("found the end of \"mon,\""));
        assert!(error("", "").to_string().ends_with("found an empty text"));
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(&*TriggerError::excerpt("0 9 * * *"), "0 9 * * *");
        assert_eq!(TriggerError::excerpt(&"é".repeat(1_000)).chars().count(), TriggerError::EXCERPT + 1);
    }
}
