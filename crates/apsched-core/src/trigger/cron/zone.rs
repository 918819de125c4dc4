//! When does the wall clock of a zone jump? Every zone as a short table of spans with a constant offset from
//! UTC.
//!
//! chrono-tz answers for one time at a time. The search needs to know how long an answer holds, so the table
//! of a zone is made when the zone is first used in the process (about a millisecond, by asking chrono-tz for
//! every day and then for the exact second), and kept. It is a pure function of the time zone data that is
//! compiled in. Times before 1970 have the offset of the end of 1969, since cron triggers fire from 1970 on.
//! After the last year that the data has rules for (2099), the last offset stays.

use std::sync::OnceLock;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::time_of_day::DAY;

/// A time during which the wall clock of a zone runs evenly, up to the start of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first second, as seconds since 1970-01-01 00:00:00 UTC; `i64::MIN` in the first span.
    pub(super) start: i64,
    /// What the wall clock is ahead of UTC, in seconds.
    pub(super) offset: i64,
}

/// 1969-12-30: a wall clock that shows 1970 is never more than a day behind UTC.
const FIRST: i64 = -2 * DAY;

/// 2101-01-01, after all rules of chrono-tz.
const END: i64 = 4_133_980_800;

/// The spans of a zone, ascending; at least one. Neighbors have different offsets.
pub(super) fn spans(zone: Tz) -> &'static [Span] {
    static TABLES: [OnceLock<Box<[Span]>>; TZ_VARIANTS.len()] =
        [const { OnceLock::new() }; TZ_VARIANTS.len()];
    TABLES[zone as usize].get_or_init(|| find_spans(zone))
}

/// No zone changes its clock twice within a day: the shortest time between changes since 1970 is just under a
/// week.
fn find_spans(zone: Tz) -> Box<[Span]> {
    let mut spans = vec![Span { start: i64::MIN, offset: offset_at(zone, FIRST) }];
    let mut before = spans[0];
    for time in (FIRST..=END).step_by(DAY as usize) {
        let offset = offset_at(zone, time);
        if offset != before.offset {
            let (mut low, mut high) = (time - DAY, time);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if offset_at(zone, middle) == offset {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            before = Span { start: high, offset };
            spans.push(before);
        }
    }
    spans.into()
}

fn offset_at(zone: Tz, time: i64) -> i64 {
    let utc = DateTime::from_timestamp(time, 0).expect("times from 1969 to 2101 are in chrono's range");
    zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_has_one_span() {
        assert_eq!(spans(Tz::UTC), [Span { start: i64::MIN, offset: 0 }]);
    }

    #[test]
    fn table_finds_the_exact_second() {
        let starts_in_2026 = |zone| -> Vec<(String, i64)> {
            let spans = spans(zone).iter().filter(|span| span.start > 0);
            spans
                .map(|span| (DateTime::from_timestamp(span.start, 0).unwrap().to_rfc3339(), span.offset))
                .filter(|(start, _)| start.starts_with("2026"))
                .collect()
        };

        assert_eq!(
            starts_in_2026(Tz::Europe__Berlin),
            [("2026-03-29T01:00:00+00:00".to_owned(), 7200), ("2026-10-25T01:00:00+00:00".to_owned(), 3600)]
        );
        assert_eq!(
            starts_in_2026(Tz::Australia__Lord_Howe),
            [
                ("2026-04-04T15:00:00+00:00".to_owned(), 37_800),
                ("2026-10-03T15:30:00+00:00".to_owned(), 39_600)
            ]
        );
        assert_eq!(starts_in_2026(Tz::Asia__Kolkata), []);
    }

    #[test]
    fn nothing_changes_after_the_end_of_the_table() {
        for zone in TZ_VARIANTS {
            let last = offset_at(zone, END);
            for quarters in 1..1_600 {
                assert_eq!(offset_at(zone, END + quarters * 91 * DAY), last, "{zone}");
            }
        }
    }

    #[test]
    fn table_agrees_with_chrono_tz_in_every_zone() {
        // Every zone on another grid, so that together they cover all hours of the day.
        for (index, zone) in TZ_VARIANTS.into_iter().enumerate() {
            let spans = spans(zone);
            for time in (FIRST + index as i64 * 150..END).step_by(7 * DAY as usize - 3_600) {
                let span = spans[spans.partition_point(|span| span.start <= time) - 1];

                assert_eq!(span.offset, offset_at(zone, time), "{zone} at {time}");
            }
        }
    }
}
