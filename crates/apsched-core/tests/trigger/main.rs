//! What triggers promise: tables that read as a specification, and the laws that hold for all of them.

#![expect(clippy::unwrap_used, reason = "everything here is a test")]

mod and;
mod arbitrary;
mod calendar_interval;
mod custom;
mod date;
mod interval;
mod latest;
mod laws;
mod or;
mod oracle;
mod preview;
mod stored;

use apsched_core::trigger::{AnyTrigger, TriggerExt};
use chrono::{DateTime, Utc};

/// An instant as text: `2026-01-31T09:00:00Z`, or a date for its midnight in UTC.
fn at(text: &str) -> DateTime<Utc> {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    text.parse().expect("an instant")
}

/// The first `n` fire times, in the notation of [`at`].
fn first(n: usize, trigger: impl Into<AnyTrigger>) -> Vec<String> {
    let fire_times = trigger.into().preview_after(DateTime::<Utc>::MIN_UTC, n).expect("fire times");
    fire_times.into_iter().map(|t| t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)).collect()
}
