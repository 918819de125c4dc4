//! What a simulation went through, in numbers.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use super::ledger::Tally;

/// What one seed, or many, went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Virtual time that passed.
    pub time: Duration,
    /// Events that happened.
    pub events: u64,
    /// Calls that the store performed.
    pub calls: u64,
    /// Calls that failed, before or after they did their work.
    pub failures: u64,
    /// Jobs that were added or made by schedules.
    pub jobs: u64,
    /// Fire times that became a job or a recorded skip.
    pub fire_times: u64,
    /// Changes that users made.
    pub edits: u64,
    /// Processes that crashed.
    pub crashes: u64,
    /// Processes that froze for a while.
    pub freezes: u64,
    /// Processes that were stopped and stopped.
    pub stops: u64,
    /// Clocks that were stepped.
    pub clock_steps: u64,
    /// Writes that were refused because the claim no longer held.
    pub refused: u64,
    /// Claims that were taken back from vanished holders.
    pub recovered: u64,
}

impl Summary {
    pub(super) fn add_tally(&mut self, tally: Tally, time: Duration) {
        self.seeds = 1;
        self.time = time;
        self.jobs = tally.jobs;
        self.fire_times = tally.fire_times;
        self.refused = tally.refused;
        self.recovered = tally.recovered;
    }
}

impl Add for Summary {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            seeds: self.seeds + other.seeds,
            time: self.time + other.time,
            events: self.events + other.events,
            calls: self.calls + other.calls,
            failures: self.failures + other.failures,
            jobs: self.jobs + other.jobs,
            fire_times: self.fire_times + other.fire_times,
            edits: self.edits + other.edits,
            crashes: self.crashes + other.crashes,
            freezes: self.freezes + other.freezes,
            stops: self.stops + other.stops,
            clock_steps: self.clock_steps + other.clock_steps,
            refused: self.refused + other.refused,
            recovered: self.recovered + other.recovered,
        }
    }
}

impl Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(summaries: I) -> Self {
        summaries.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Summary {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} seeds, {} s of virtual time, {} events, {} store calls ({} failed), {} jobs, {} fire times, \
             {} edits, {} crashes, {} freezes, {} stops, {} clock steps, {} stale writes refused, {} claims taken back",
            self.seeds,
            self.time.as_secs(),
            self.events,
            self.calls,
            self.failures,
            self.jobs,
            self.fire_times,
            self.edits,
            self.crashes,
            self.freezes,
            self.stops,
            self.clock_steps,
            self.refused,
            self.recovered,
        )
    }
}
