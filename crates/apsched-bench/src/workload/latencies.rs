//! Latencies by rank, round by round.

use crate::figure::{Figure, Unit, percentile};

/// Percentiles of each round.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    pub(crate) p50: Vec<f64>,
    pub(crate) p99: Vec<f64>,
}

impl Latencies {
    /// Takes the microseconds of one round.
    pub(crate) fn push(&mut self, mut micros: Vec<f64>) {
        micros.sort_by(f64::total_cmp);
        self.p50.push(percentile(&micros, 0.5));
        self.p99.push(percentile(&micros, 0.99));
    }

    /// The figures p50 and p99.
    pub(crate) fn figures(self, what: &str) -> [Figure; 2] {
        let figure = |rank, samples| Figure::new(format!("{what}, {rank}"), Unit::Microseconds, samples);
        [figure("p50", self.p50), figure("p99", self.p99)]
    }
}
