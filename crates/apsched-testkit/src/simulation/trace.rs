//! The last events of a run, for a reader who wants to know how it came to a breach.
//!
//! Text costs more than the simulation itself, so nothing is written down until a breach was found; then the seed is
//! run again with the trace on.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// Most events that are kept.
const KEPT: usize = 200;

/// What happened last.
#[derive(Debug)]
pub(super) enum Trace {
    Off,
    On { start: DateTime<Utc>, lines: VecDeque<String> },
}

impl Trace {
    pub(super) const fn on(start: DateTime<Utc>) -> Self {
        Self::On { start, lines: VecDeque::new() }
    }

    /// Keeps what `line` says happened at `now`.
    pub(super) fn note(&mut self, now: DateTime<Utc>, line: impl FnOnce() -> String) {
        if let Self::On { start, lines } = self {
            if lines.len() == KEPT {
                lines.pop_front();
            }
            let micros = (now - *start).num_microseconds().unwrap_or(i64::MAX);
            lines.push_back(format!("{:4}.{:06} s  {}", micros / 1_000_000, micros % 1_000_000, line()));
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        match self {
            Self::Off => Vec::new(),
            Self::On { lines, .. } => lines.into(),
        }
    }
}
