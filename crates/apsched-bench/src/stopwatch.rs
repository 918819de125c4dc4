//! The one place of the benchmarks that reads a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

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

/// Time since 1970 by the machine's clock, in nanoseconds; to be compared between processes of one machine.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time that passes")]
pub(crate) fn wall_nanos() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).expect("1970 is not centuries away")
}

/// Time between two moments that one of the clocks told; none where it was set back.
pub(crate) fn micros_between(earlier: u64, later: u64) -> f64 {
    later.saturating_sub(earlier) as f64 / 1000.0
}

/// Waits, so that what is measured next finds everybody asleep.
#[expect(clippy::disallowed_methods, reason = "being idle is what is measured")]
pub(crate) async fn rest(duration: Duration) {
    tokio::time::sleep(duration).await;
}
