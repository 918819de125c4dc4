//! What can be wrong with a trigger: with its definition (at construction) or with its answer (when it is
//! asked).

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Why a trigger cannot be made, or cannot tell when it fires.
///
/// Texts that come from the user are quoted, with control characters escaped, and shortened where they are
/// long.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// The text of a cron field cannot be read.
    ///
    /// It reads like `cron field "day_of_week", position 5: expected a weekday (0-7 or mon-sun), found "mox"
    /// in "mon,mox"`.
    #[error("cron field \"{field}\", position {position}: expected {expected}, found {}", Found { found, text })]
    CronField {
        /// Name of the field, as in the builder: `year`, `month`, `day`, `week`, `day_of_week`, `hour`,
        /// `minute`, `second`.
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
}

impl TriggerError {
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
