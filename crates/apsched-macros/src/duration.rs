//! Durations as text: `"1h30m"`.

use std::time::Duration;

/// The units, from large to small, in microseconds.
const UNITS: [(&str, u64); 7] = [
    ("w", 7 * 86_400_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Reads whole numbers with units, from large to small, each unit at most once.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected =
        "expected a duration such as \"30s\" or \"1h30m\" (units w, d, h, m, s, ms, us, from large to small)";
    let wrong = || format!("{expected}, found {text:?}");
    let mut rest = text;
    let mut units = &UNITS[..];
    let mut total: u64 = 0;
    while !rest.is_empty() || total == 0 && units.len() == UNITS.len() {
        let (number, after) = split_at(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_at(after, |c| c.is_ascii_digit());
        let index = units.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let too_long = || format!("a duration of more than 500,000 years: {text:?}");
        if number.is_empty() {
            return Err(wrong());
        }
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let part = number.checked_mul(units[index].1).ok_or_else(too_long)?;
        total = total.checked_add(part).ok_or_else(too_long)?;
        units = &units[index + 1..];
        rest = after;
    }
    Ok(Duration::from_micros(total))
}

fn split_at(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_added() {
        let cases = [
            ("0s", Duration::ZERO),
            ("5m", Duration::from_secs(300)),
            ("1h30m", Duration::from_secs(5_400)),
            ("2w1d", Duration::from_secs(15 * 86_400)),
            ("1s250ms7us", Duration::from_micros(1_250_007)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", " ", "5", "m", "5 m", "-5m", "1.5h", "5min", "1m1h", "1m2m", "5m!", "٣m"] {
            assert!(parse(text).unwrap_err().starts_with("expected a duration"), "{text}");
        }
        assert!(parse("99999999999999999999w").unwrap_err().starts_with("a duration of more than"));
        assert!(parse("99999999w").unwrap_err().starts_with("a duration of more than"));
    }
}
