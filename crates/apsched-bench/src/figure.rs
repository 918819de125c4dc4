//! What a figure is: a quantity that was measured several times in one run, and what it is held against.

use serde::Serialize;

/// One line of a table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    what: String,
    unit: Unit,
    median: f64,
    /// Smallest and largest of the samples: what lies between is noise.
    low: f64,
    high: f64,
    samples: usize,
    bar: Option<Bar>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    PerSecond,
    PerMinute,
    Microseconds,
    Bytes,
    /// One figure divided by another.
    Ratio,
    Count,
}

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bar {
    better: Better,
    /// What must be reached.
    first: f64,
    /// What we want.
    goal: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Better {
    More,
    Less,
}

impl Figure {
    /// The figure whose samples these are.
    ///
    /// # Panics
    /// Without a sample.
    pub(crate) fn new(what: impl Into<String>, unit: Unit, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let (low, high) = (samples[0], samples[samples.len() - 1]);
        Self {
            what: what.into(),
            unit,
            median: median(&samples),
            low,
            high,
            samples: samples.len(),
            bar: None,
        }
    }

    /// What is divided by `by`, sample by sample: both were taken one after the other.
    pub(crate) fn ratio(what: impl Into<String>, samples: &[f64], by: &[f64]) -> Self {
        let ratios = samples.iter().zip(by).map(|(sample, by)| sample / by);
        Self::new(what, Unit::Ratio, ratios.collect())
    }

    /// More is better: at least `first`, in the end `goal`.
    pub(crate) fn at_least(mut self, first: f64, goal: f64) -> Self {
        self.bar = Some(Bar { better: Better::More, first, goal });
        self
    }

    /// Less is better: at most `first`, in the end `goal`.
    pub(crate) fn at_most(mut self, first: f64, goal: f64) -> Self {
        self.bar = Some(Bar { better: Better::Less, first, goal });
        self
    }

    /// What stands in the columns of a table: what it is, median, spread, verdict.
    pub(crate) fn cells(&self) -> [String; 4] {
        let spread = format!("{} – {}", self.show(self.low), self.show(self.high));
        [self.what.clone(), self.show(self.median), spread, self.verdict()]
    }

    /// A value in the figure's unit.
    fn show(&self, value: f64) -> String {
        match self.unit {
            Unit::PerSecond => format!("{}/s", short(value)),
            Unit::PerMinute => format!("{value:.0}/min"),
            Unit::Microseconds if value >= 10_000.0 => format!("{:.1} ms", value / 1000.0),
            Unit::Microseconds => format!("{value:.1} µs"),
            Unit::Bytes => format!("{value:.0} B"),
            Unit::Ratio => format!("{value:.2} ×"),
            Unit::Count => format!("{value:.0}"),
        }
    }

    /// How the figure stands to its bar. Empty without one.
    fn verdict(&self) -> String {
        let Some(bar) = self.bar else { return String::new() };
        let (sign, reached) = match bar.better {
            Better::More => ('≥', [self.median >= bar.first, self.median >= bar.goal]),
            Better::Less => ('≤', [self.median <= bar.first, self.median <= bar.goal]),
        };
        let word = match reached {
            [_, true] => "goal",
            [true, false] => "ok",
            [false, false] => "MISSED",
        };
        format!("{word}: {sign} {}, goal {}", self.show(bar.first), self.show(bar.goal))
    }
}

/// The value below which the share `at` (0 to 1) of the sorted values lies.
pub(crate) fn percentile(sorted: &[f64], at: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = ((sorted.len() - 1) as f64 * at).round() as usize;
    sorted[place]
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{:.2} M", value / 1e6),
        1e4.. => format!("{:.0} k", value / 1e3),
        1e3.. => format!("{:.1} k", value / 1e3),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_its_median_between_its_extremes() {
        let figure = Figure::new("jobs", Unit::PerSecond, vec![3e6, 1e6, 2e6]).at_least(1e6, 4e6);

        assert_eq!((figure.low, figure.median, figure.high), (1e6, 2e6, 3e6));
        assert_eq!(figure.verdict(), "ok: ≥ 1.00 M/s, goal 4.00 M/s");
        assert_eq!(Figure::new("size", Unit::Bytes, vec![1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn a_missed_bar_is_seen() {
        let figure = Figure::new("latency", Unit::Microseconds, vec![60.0]).at_most(50.0, 10.0);

        assert_eq!(figure.verdict(), "MISSED: ≤ 50.0 µs, goal 10.0 µs");
    }

    #[test]
    fn percentiles_are_values_of_the_list() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();

        assert_eq!(
            [percentile(&sorted, 0.5), percentile(&sorted, 0.99), percentile(&sorted, 1.0)],
            [50.0, 99.0, 100.0]
        );
    }
}
