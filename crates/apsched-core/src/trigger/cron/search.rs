//! When does a pattern of wall-clock times fire next in a zone?
//!
//! Within a span of constant offset, real time and wall clock run alike, so the next fire time there is the
//! next matching local time, if the span still shows it. Where a span begins, the clock has jumped:
//!
//! - forward, over a gap: the times in it fire as [`Gap`] says, after the jump;
//! - back, by a fold: the span shows some times for the second time, and [`Fold`] says which of the two fire.
//!
//! So the search walks over the spans, from the one that contains the start, and stops at the first that has
//! a fire time. A later span can never have an earlier one. The pattern is asked again only where the last
//! answer does not hold any more, so a pattern that matches decades ahead costs one search and a walk over
//! two spans a year.

use chrono_tz::Tz;

use super::pattern::Pattern;
use super::zone::{self, Span};
use crate::trigger::{DstPolicy, Fold, Gap};

/// Later than every time.
const NEVER: i64 = i64::MAX;

/// The first fire time at or after `from`; both in seconds since 1970-01-01 00:00:00 UTC.
pub(super) fn fire_time_at_or_after(
    from: i64,
    pattern: &Pattern,
    zone: Tz,
    policy: DstPolicy,
) -> Option<i64> {
    let spans = zone::spans(zone);
    if let [span] = spans {
        return pattern.at_or_after(from + span.offset).map(|local| local - span.offset);
    }
    let mut matches = Matches { pattern, asked: NEVER, answer: NEVER };
    let first = spans.partition_point(|span| span.start <= from) - 1;
    (first..spans.len()).find_map(|index| {
        let before = index.checked_sub(1).map(|before| spans[before]);
        let stretch = Stretch { span: spans[index], before, after: spans.get(index + 1).copied() };
        stretch.fire_time_at_or_after(from, &mut matches, policy)
    })
}

/// The matching local times, with the last answer remembered.
struct Matches<'a> {
    pattern: &'a Pattern,
    asked: i64,
    answer: i64,
}

impl Matches<'_> {
    /// The first match at or after `local`, or [`NEVER`].
    fn at_or_after(&mut self, local: i64) -> i64 {
        if !(self.asked..=self.answer).contains(&local) {
            (self.asked, self.answer) = (local, self.pattern.at_or_after(local).unwrap_or(NEVER));
        }
        self.answer
    }
}

/// A span and its neighbors.
struct Stretch {
    span: Span,
    before: Option<Span>,
    after: Option<Span>,
}

impl Stretch {
    /// The first fire time at or after `from` in this span.
    fn fire_time_at_or_after(&self, from: i64, matches: &mut Matches<'_>, policy: DstPolicy) -> Option<i64> {
        let from = from.max(self.span.start);
        let in_gap = self.after_gap(from, matches, policy.gap);
        let regular = self.on_the_clock(from, matches, policy.fold);
        match (in_gap, regular) {
            (Some(in_gap), Some(regular)) => Some(in_gap.min(regular)),
            (in_gap, regular) => in_gap.or(regular),
        }
    }

    /// The first fire time for a local time that the jump at the start of the span left out.
    fn after_gap(&self, from: i64, matches: &mut Matches<'_>, gap: Gap) -> Option<i64> {
        let Span { start, offset } = self.span;
        let before = self.before?.offset;
        let end_of_gap = start + offset;
        match gap {
            Gap::Skip => None,
            Gap::NextValid => {
                (from <= start && matches.at_or_after(start + before) < end_of_gap).then_some(start)
            }
            Gap::ShiftForward => {
                let local = from + before;
                let found = if local < end_of_gap { matches.at_or_after(local) } else { NEVER };
                (found < end_of_gap).then(|| found - before)
            }
        }
    }

    /// The first fire time for a local time that the span shows.
    fn on_the_clock(&self, from: i64, matches: &mut Matches<'_>, fold: Fold) -> Option<i64> {
        let Span { start, offset } = self.span;
        let mut local = from + offset;
        if let (Fold::First, Some(before)) = (fold, self.before) {
            // What the clock showed before it was put back has fired.
            local = local.max(start + before.offset);
        }
        let end = match (self.after, fold) {
            (None, _) => NEVER,
            // What the clock will show again fires then.
            (Some(after), Fold::Last) => after.start + offset.min(after.offset),
            (Some(after), _) => after.start + offset,
        };
        let found = matches.at_or_after(local);
        (found < end).then(|| found - offset)
    }
}
