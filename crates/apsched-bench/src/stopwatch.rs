//! The one place of the benchmarks that reads a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time that passes")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// So many a second, for `count` things since the start.
    pub(crate) fn rate(self, count: usize) -> f64 {
        count as f64 / self.elapsed().as_secs_f64()
    }
}

/// Time since the first call, in nanoseconds; to be compared between threads.
pub(crate) fn nanos() -> u64 {
    static START: OnceLock<Stopwatch> = OnceLock::new();
    let elapsed = START.get_or_init(Stopwatch::start).elapsed();
    u64::try_from(elapsed.as_nanos()).expect("a benchmark does not run for centuries")
}

/// Time between two moments that [`nanos`] told.
pub(crate) fn micros_between(earlier: u64, later: u64) -> f64 {
    (later - earlier) as f64 / 1000.0
}

/// Waits, so that what is measured next finds everybody asleep.
#[expect(clippy::disallowed_methods, reason = "being idle is what is measured")]
pub(crate) async fn rest(duration: Duration) {
    tokio::time::sleep(duration).await;
}
