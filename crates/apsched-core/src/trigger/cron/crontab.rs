//! Crontab lines: five fields (or six, with seconds first), nicknames, and the rule for day and weekday.
//!
//! ```text
//! minute hour day month day_of_week              second minute hour day month day_of_week
//! 0      9    *   *     mon-fri                  0      0      9    *   *     mon-fri
//! ```
//!
//! If both `day` and `day_of_week` are restricted, a day matches when *either* does: `0 0 13 * fri` fires on
//! every 13th and on every Friday. A field that starts with `*` (so also `*/2`) or is `?` is not restricted;
//! then both must match.
//!
//! # Source
//! crontab(5) of Vixie cron and cronie, for the rule and the nicknames.

use super::day::DayRule;
use super::expression::{Expression, MAX_LENGTH, Syntax};
use super::field::Field;
use crate::trigger::TriggerError;

/// Whether a line has a field for seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seconds {
    /// Five fields; fires at second 0.
    Left,
    /// Six fields, seconds first.
    First,
    /// Whatever the number of fields says.
    ByCount,
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads a line: the expressions in the order of [`Field::ALL`], and how day and weekday go together.
pub(super) fn parse(line: &str, seconds: Seconds) -> Result<([Expression; 8], DayRule), TriggerError> {
    let texts = split(line, seconds)?;
    let mut fields = Vec::with_capacity(8);
    for (field, text) in Field::ALL.into_iter().zip(texts) {
        fields.push(Expression::parse(field, text, Syntax::Crontab)?);
    }
    let fields: [Expression; 8] = fields.try_into().expect("one expression for each of eight fields");
    let is_restricted = |field: Field| !fields[field as usize].starts_with_star();
    let rule = match is_restricted(Field::Day) && is_restricted(Field::DayOfWeek) {
        true => DayRule::Either,
        false => DayRule::Both,
    };
    Ok((fields, rule))
}

/// The texts of all fields, in the order of [`Field::ALL`].
pub(super) fn split(line: &str, seconds: Seconds) -> Result<[&str; 8], TriggerError> {
    let error = |expected: String, found: String| TriggerError::Crontab {
        expected: expected.into(),
        found: found.into(),
        text: TriggerError::excerpt(line),
    };
    if line.len() > MAX_LENGTH {
        return Err(error(format!("at most {MAX_LENGTH} bytes"), format!("{} bytes", line.len())));
    }
    let mut texts: Vec<&str> = line.split_whitespace().collect();
    if let [nickname] = texts[..]
        && nickname.starts_with('@')
    {
        let line = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(nickname));
        let Some((_, line)) = line else {
            let expected = "@yearly, @annually, @monthly, @weekly, @daily, @midnight or @hourly".to_owned();
            return Err(error(expected, format!("{:?}", TriggerError::excerpt(nickname))));
        };
        texts = line.split(' ').collect();
        texts.insert(0, "0");
    } else if seconds == Seconds::Left || (seconds == Seconds::ByCount && texts.len() == 5) {
        texts.insert(0, "0");
        if texts.len() != 6 {
            let expected = "5 fields (minute hour day month day_of_week)".to_owned();
            return Err(error(expected, fields_found(texts.len() - 1)));
        }
    }
    let [second, minute, hour, day, month, day_of_week] = texts[..] else {
        let expected = "6 fields (second minute hour day month day_of_week)".to_owned();
        return Err(error(expected, fields_found(texts.len())));
    };
    Ok(["*", month, day, "*", day_of_week, hour, minute, second])
}

fn fields_found(count: usize) -> String {
    match count {
        1 => "1 field".to_owned(),
        _ => format!("{count} fields"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_read_field_by_field() {
        for (line, seconds, expected) in [
            ("1 2 3 4 5", Seconds::Left, ["*", "4", "3", "*", "5", "2", "1", "0"]),
            ("  1\t2 3 4   5 ", Seconds::Left, ["*", "4", "3", "*", "5", "2", "1", "0"]),
            ("0 1 2 3 4 5", Seconds::First, ["*", "4", "3", "*", "5", "2", "1", "0"]),
            ("7 1 2 3 4 5", Seconds::ByCount, ["*", "4", "3", "*", "5", "2", "1", "7"]),
            ("1 2 3 4 5", Seconds::ByCount, ["*", "4", "3", "*", "5", "2", "1", "0"]),
            ("@yearly", Seconds::Left, ["*", "1", "1", "*", "*", "0", "0", "0"]),
            ("@annually", Seconds::Left, ["*", "1", "1", "*", "*", "0", "0", "0"]),
            ("@monthly", Seconds::Left, ["*", "*", "1", "*", "*", "0", "0", "0"]),
            ("@weekly", Seconds::Left, ["*", "*", "*", "*", "0", "0", "0", "0"]),
            ("@daily", Seconds::Left, ["*", "*", "*", "*", "*", "0", "0", "0"]),
            ("@midnight", Seconds::First, ["*", "*", "*", "*", "*", "0", "0", "0"]),
            (" @Hourly ", Seconds::ByCount, ["*", "*", "*", "*", "*", "*", "0", "0"]),
        ] {
            assert_eq!(split(line, seconds).unwrap(), expected, "{line:?}");
            assert!(parse(line, seconds).is_ok(), "{line:?}");
        }
    }

    #[test]
    fn error_says_what_was_expected_instead_of_the_line() {
        for (line, seconds, expected) in [
            (
                "",
                Seconds::Left,
                "\"\": expected 5 fields (minute hour day month day_of_week), found 0 fields",
            ),
            ("@", Seconds::Left, "found \"@\""),
            (
                "@reboot",
                Seconds::Left,
                "\"@reboot\": expected @yearly, @annually, @monthly, @weekly, @daily, @midnight or @hourly, \
                 found \"@reboot\"",
            ),
            ("@daily 5", Seconds::Left, "found 2 fields"),
            ("0 9 * *", Seconds::Left, "found 4 fields"),
            ("0 0 9 * * *", Seconds::Left, "found 6 fields"),
            ("x", Seconds::Left, "found 1 field"),
            (
                "0 9 * * *",
                Seconds::First,
                "expected 6 fields (second minute hour day month day_of_week), found 5 fields",
            ),
            ("0 0 9 * * * 2026", Seconds::ByCount, "found 7 fields"),
        ] {
            let error = parse(line, seconds).unwrap_err().to_string();

            assert!(error.starts_with("crontab ") && error.ends_with(expected), "{line:?}: {error}");
        }
        let error = parse(&"* ".repeat(1_000), Seconds::Left).unwrap_err().to_string();
        assert!(error.ends_with("expected at most 1000 bytes, found 2000 bytes"), "{error}");
    }

    #[test]
    fn either_day_may_match_if_both_are_restricted() {
        for (line, expected) in [
            ("0 0 13 * fri", DayRule::Either),
            ("0 0 1-31 * fri", DayRule::Either),
            ("0 0 L * 5L", DayRule::Either),
            ("0 0 13 * *", DayRule::Both),
            ("0 0 * * fri", DayRule::Both),
            ("0 0 ? * fri", DayRule::Both),
            ("0 0 13 * ?", DayRule::Both),
            ("0 0 */2 * fri", DayRule::Both),
            ("0 0 13 * */2", DayRule::Both),
        ] {
            assert_eq!(parse(line, Seconds::Left).unwrap().1, expected, "{line}");
        }
    }
}
