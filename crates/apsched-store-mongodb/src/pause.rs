//! A short wait before something is tried again that stood in another's way. Nothing is decided by how long it takes.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(250);

/// Waits before the attempt after the `attempt`-th, counted from 1: up to 4 ms, 8 ms, 16 ms … 250 ms, at random so that
/// two who met do not meet again.
#[expect(clippy::disallowed_methods, reason = "spreads competing transactions; no rule depends on this wait")]
pub(crate) async fn pause(attempt: u32) {
    let longest = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST);
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}
