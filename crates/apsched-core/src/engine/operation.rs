//! One thing the engine does with the store again and again: when it is due, whether it is under way.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::backoff::Backoff;
use crate::instant;

/// Delays after failures of one operation.
const BACKOFF: Backoff =
    Backoff { initial: Duration::from_millis(200), factor: 2.0, max: Duration::from_secs(30), jitter: 0.2 };

/// At most one request of its kind is under way; after a failure it waits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Operation {
    due_at: Option<DateTime<Utc>>,
    progress: Progress,
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Idle,
    UnderWay,
}

impl Operation {
    /// Makes it due at `at`, or earlier if it is already.
    pub(super) fn wake(&mut self, at: DateTime<Utc>) {
        self.due_at = Some(self.due_at.map_or(at, |due| due.min(at)));
    }

    /// Makes it due at `at`, whatever was known before.
    pub(super) const fn reschedule(&mut self, at: Option<DateTime<Utc>>) {
        self.due_at = at;
    }

    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self.progress, Progress::UnderWay)
    }

    /// When to look at it again. `None`: not before something happens.
    pub(super) fn timeout(&self) -> Option<DateTime<Utc>> {
        let due = self.due_at.filter(|_| !self.is_under_way())?;
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// When it could be done if it were due at `now`: later after a failure. `None`: it is under way.
    pub(super) fn at_once(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Self { due_at: Some(now), ..*self }.timeout()
    }

    /// It is under way; wakes from now on concern the next time.
    pub(super) const fn begin(&mut self) {
        self.progress = Progress::UnderWay;
        self.due_at = None;
    }

    /// Something that goes before it is under way in its place; when it is due is not forgotten.
    pub(super) const fn begin_before_it_is_due(&mut self) {
        self.progress = Progress::UnderWay;
    }

    /// Whether it failed when it was asked last.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// It is not waited with any longer, and pauses begin anew.
    pub(super) const fn end_pause(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }

    /// It was done.
    pub(super) const fn succeed(&mut self) {
        self.progress = Progress::Idle;
        self.end_pause();
    }

    /// It failed; it is due again after a growing delay.
    pub(super) fn fail(&mut self, now: DateTime<Utc>, random: f64) {
        self.progress = Progress::Idle;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(instant::after(now, BACKOFF.delay(self.failures, random)));
        self.due_at = Some(now);
    }

    /// The clock was stepped back: what was planned by the old time is due now.
    pub(super) fn forget_times(&mut self, now: DateTime<Utc>) {
        self.due_at = Some(now);
        self.not_before = None;
    }
}
