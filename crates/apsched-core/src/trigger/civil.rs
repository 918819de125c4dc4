//! At which instants does the wall clock of a zone show a given time?
//!
//! Mostly at one. When clocks are put forward, the times in between are shown at no instant at all (a *gap*);
//! when they are put back, some times are shown twice (a *fold*). [`DstPolicy`] says what a trigger does
//! about either. Cron and calendar interval both ask here, so that they agree.
//!
//! ```text
//!   gap, 02:00 -> 03:00                       fold, 03:00 -> 02:00
//!   clock  01:30   |03:00      03:30          clock  02:30 (1st)   |02:00      02:30 (2nd)
//!                  ^           ^                     ^                         ^
//!   02:30: NextValid           ShiftForward   02:30: First                     Last
//!          (Skip: never)                             (Both: at each)
//! ```
//!
//! Not here: which wall-clock times a trigger asks for, and which policy it has when none is given.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Serialize};

/// What happens to a wall-clock time that a day does not have, because clocks are put forward over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It does not exist, so nothing fires.
    Skip,
    /// Fires at the first instant after the gap: 02:30 fires when the clock jumps from 02:00 to 03:00.
    /// Several times in one gap fire once.
    NextValid,
    /// Fires as much real time after the last shown time before it as if the clock had not been changed:
    /// 02:30 fires at 03:30 when the clock jumps from 02:00 to 03:00.
    ShiftForward,
}

/// What happens to a wall-clock time that a day has twice, because clocks are put back over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// Fires the first time only.
    First,
    /// Fires the second time only.
    Last,
    /// Fires both times.
    Both,
}

/// What a trigger does with wall-clock times that clock changes skip or repeat.
///
/// In zones without clock changes, such as UTC, it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DstPolicy {
    /// For times that the clock skips.
    pub gap: Gap,
    /// For times that the clock shows twice.
    pub fold: Fold,
}

impl DstPolicy {
    /// Exactly once on every day: in a gap at the first instant after it, in a fold the first time. The
    /// default of triggers with a fixed time of day.
    pub const FIXED_TIME: Self = Self { gap: Gap::NextValid, fold: Fold::First };

    /// Follows real time: skipped times do not fire, repeated times fire twice. The default of cron triggers
    /// whose hour or minute is `*`, a range or a step, so that "every 10 minutes" stays every 10 minutes.
    pub const REAL_TIME: Self = Self { gap: Gap::Skip, fold: Fold::Both };

    /// The literal reading of the wall clock, as APScheduler and Temporal have it: skipped times do not fire,
    /// repeated times fire twice, also for a fixed time of day.
    pub const SKIP_AND_REPEAT: Self = Self { gap: Gap::Skip, fold: Fold::Both };
}

/// No, one or two instants, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instants([Option<DateTime<Utc>>; 2]);

impl IntoIterator for Instants {
    type Item = DateTime<Utc>;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<DateTime<Utc>>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// The instants at which the wall clock of `zone` shows `local`, or stands for it under `policy`.
///
/// None if it is skipped (or if chrono cannot represent the instant, at the ends of its range).
pub(crate) fn instants(local: NaiveDateTime, zone: Tz, policy: DstPolicy) -> Instants {
    let at = |offset: FixedOffset| local.checked_sub_offset(offset).map(|utc| utc.and_utc());
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => Instants([at(offset.fix()), None]),
        LocalResult::Ambiguous(first, last) => match policy.fold {
            Fold::First => Instants([at(first.fix()), None]),
            Fold::Last => Instants([at(last.fix()), None]),
            Fold::Both => Instants([at(first.fix()), at(last.fix())]),
        },
        LocalResult::None => match (policy.gap, GapInfo::new(&local, &zone).and_then(|gap| gap.begin)) {
            (Gap::Skip, _) | (_, None) => Instants([None, None]),
            (Gap::NextValid, Some((begin, before))) => {
                Instants([begin.checked_sub_offset(before.fix()).map(|utc| utc.and_utc()), None])
            }
            (Gap::ShiftForward, Some((_, before))) => Instants([at(before.fix()), None]),
        },
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    const SKIP: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::First };
    const NEXT_VALID: DstPolicy = DstPolicy { gap: Gap::NextValid, fold: Fold::First };
    const SHIFT_FORWARD: DstPolicy = DstPolicy { gap: Gap::ShiftForward, fold: Fold::First };
    const LAST: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::Last };
    const BOTH: DstPolicy = DstPolicy { gap: Gap::Skip, fold: Fold::Both };

    #[test]
    fn wall_clock_time_becomes_the_instants_that_the_policy_says() {
        for (local, zone, policy, expected) in [
            ("2026-03-29T01:59:59", Tz::Europe__Berlin, SKIP, &["2026-03-29T00:59:59Z"][..]),
            // A gap from 02:00 to 03:00.
            ("2026-03-29T02:00:00", Tz::Europe__Berlin, SKIP, &[]),
            ("2026-03-29T02:30:00", Tz::Europe__Berlin, SKIP, &[]),
            ("2026-03-29T02:30:00", Tz::Europe__Berlin, NEXT_VALID, &["2026-03-29T01:00:00Z"]),
            ("2026-03-29T02:30:00", Tz::Europe__Berlin, SHIFT_FORWARD, &["2026-03-29T01:30:00Z"]),
            ("2026-03-29T03:00:00", Tz::Europe__Berlin, SKIP, &["2026-03-29T01:00:00Z"]),
            // A fold from 03:00 to 02:00.
            ("2026-10-25T02:30:00", Tz::Europe__Berlin, NEXT_VALID, &["2026-10-25T00:30:00Z"]),
            ("2026-10-25T02:30:00", Tz::Europe__Berlin, LAST, &["2026-10-25T01:30:00Z"]),
            (
                "2026-10-25T02:30:00",
                Tz::Europe__Berlin,
                BOTH,
                &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
            ),
            ("2026-10-25T03:00:00", Tz::Europe__Berlin, BOTH, &["2026-10-25T02:00:00Z"]),
            // Half an hour, at 02:00.
            ("2026-10-04T02:15:00", Tz::Australia__Lord_Howe, SHIFT_FORWARD, &["2026-10-03T15:45:00Z"]),
            ("2026-10-04T02:15:00", Tz::Australia__Lord_Howe, NEXT_VALID, &["2026-10-03T15:30:00Z"]),
            // Midnight does not exist.
            ("2026-03-29T00:00:00", Tz::Asia__Beirut, NEXT_VALID, &["2026-03-28T22:00:00Z"]),
            ("2026-03-08T00:00:00", Tz::America__Havana, NEXT_VALID, &["2026-03-08T05:00:00Z"]),
            // A day does not exist.
            ("2011-12-30T09:00:00", Tz::Pacific__Apia, SKIP, &[]),
            ("2011-12-30T09:00:00", Tz::Pacific__Apia, NEXT_VALID, &["2011-12-30T10:00:00Z"]),
            ("2011-12-30T09:00:00", Tz::Pacific__Apia, SHIFT_FORWARD, &["2011-12-30T19:00:00Z"]),
            // Winter is the exception by law, but the clock does what it does elsewhere.
            ("2026-03-29T01:30:00", Tz::Europe__Dublin, SHIFT_FORWARD, &["2026-03-29T01:30:00Z"]),
            // Put back for Ramadan, put forward after it.
            ("2026-03-22T02:30:00", Tz::Africa__Casablanca, NEXT_VALID, &["2026-03-22T02:00:00Z"]),
            ("2026-03-22T02:30:00", Tz::UTC, NEXT_VALID, &["2026-03-22T02:30:00Z"]),
        ] {
            let found = instants(local.parse().unwrap(), zone, policy);

            let expected: Vec<DateTime<Utc>> = expected.iter().map(|t| t.parse().unwrap()).collect();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{local} {zone} {policy:?}");
        }
    }

    #[test]
    fn ends_of_the_range_of_chrono_do_not_panic() {
        for local in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            for zone in [Tz::Asia__Tokyo, Tz::America__New_York, Tz::UTC] {
                let _ = instants(local, zone, DstPolicy::REAL_TIME).into_iter().count();
            }
        }
    }

    #[test]
    fn policy_is_stored_as_two_words() {
        let json = serde_json::to_string(&DstPolicy::FIXED_TIME).unwrap();

        assert_eq!(json, r#"{"gap":"next_valid","fold":"first"}"#);
        assert_eq!(serde_json::from_str::<DstPolicy>(&json).unwrap(), DstPolicy::FIXED_TIME);
        assert!(serde_json::from_str::<DstPolicy>(r#"{"gap":"skip","fold":"both","x":1}"#).is_err());
    }
}
