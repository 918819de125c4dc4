//! What the user reads at the end: a line a step, the backends and the skipped tests, how it went, and the test runner's own
//! words.

use std::fmt;
use std::time::Duration;

use crate::cargo::Cargo;
use crate::cli::TestOptions;
use crate::closing_line::ClosingLines;
use crate::paint::Paint;
use crate::skipped::Skipped;
use crate::step::Step;

/// How a step ended, with a few words for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed(String),
    Failed(String),
    Skipped(String),
}

#[derive(Debug)]
pub(crate) struct Report {
    steps: Vec<Step>,
    /// To run the failed step again as it was run.
    options: TestOptions,
    done: Vec<Done>,
    pub(crate) closing_lines: ClosingLines,
    /// Lines about the backends whose tests ran or were skipped; empty before.
    pub(crate) backends: String,
    pub(crate) skipped: Skipped,
    paint: Paint,
}

#[derive(Debug)]
struct Done {
    verdict: Verdict,
    /// What was run, for a step that is one cargo command.
    cargo: Option<Cargo>,
    elapsed: Duration,
}

impl Report {
    /// Of a run of `steps`, of which none is done, as these options wanted it.
    pub(crate) fn new(steps: &[Step], options: &TestOptions, paint: Paint) -> Self {
        Self {
            steps: steps.to_vec(),
            options: options.clone(),
            done: Vec::new(),
            closing_lines: ClosingLines::default(),
            backends: String::new(),
            skipped: Skipped::default(),
            paint,
        }
    }

    /// The next step ended so, after `elapsed`.
    pub(crate) fn push(&mut self, verdict: Verdict, cargo: Option<Cargo>, elapsed: Duration) {
        self.done.push(Done { verdict, cargo, elapsed });
    }

    /// The step that failed; the run ends with it.
    pub(crate) fn failed_step(&self) -> Option<Step> {
        self.failure().map(|(step, _)| step)
    }

    fn failure(&self) -> Option<(Step, &Done)> {
        let mut steps = self.steps.iter().copied().zip(&self.done);
        steps.find(|(_, done)| matches!(done.verdict, Verdict::Failed(_)))
    }

    fn line(&self, step: Step, done: Option<&Done>) -> String {
        let paint = self.paint;
        let name = format!("{:<9}", step.name());
        let Some(Done { verdict, elapsed, .. }) = done else { return paint.dim(&format!("{name} not run")) };
        let elapsed = format!("{:>10}", seconds(*elapsed));
        let (word, note) = match verdict {
            Verdict::Passed(note) => (paint.green("passed "), note),
            Verdict::Failed(note) => (paint.red("failed "), note),
            Verdict::Skipped(note) => (paint.yellow("skipped"), note),
        };
        format!("{name} {word} {elapsed}   {}", paint.dim(note)).trim_end().to_owned()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for (index, &step) in self.steps.iter().enumerate() {
            writeln!(f, "  {}", self.line(step, self.done.get(index)))?;
        }
        write!(f, "{}{}", self.backends, self.skipped)?;
        let total = seconds(self.done.iter().map(|done| done.elapsed).sum());
        match self.failure() {
            None => writeln!(f, "\n{} in {total}", self.paint.green(&self.paint.bold("passed")))?,
            Some((step, done)) => {
                let again = TestOptions { only: Some(step), ..self.options.clone() };
                let again = format!("cargo xtask test{again}");
                writeln!(
                    f,
                    "\n{} after {total}; again: {again}",
                    self.paint.red(&self.paint.bold("failed"))
                )?;
                if let Some(cargo) = &done.cargo {
                    writeln!(f, "which is: {cargo}")?;
                }
            }
        }
        write!(f, "{}", self.closing_lines)
    }
}

/// To a tenth of a second, with minutes where there are some.
fn seconds(elapsed: Duration) -> String {
    let tenths = (elapsed.as_millis() + 50) / 100;
    let (minutes, tenths) = (tenths / 600, tenths % 600);
    let seconds = format!("{}.{} s", tenths / 10, tenths % 10);
    if minutes == 0 { seconds } else { format!("{minutes} min {seconds}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    const CLOSING: &str =
        "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";

    fn report(steps: &[Step], verdicts: &[(Verdict, u64)]) -> Report {
        let mut report = Report::new(steps, &TestOptions::default(), Paint::Plain);
        for (step, (verdict, millis)) in steps.iter().zip(verdicts) {
            report.push(verdict.clone(), step.cargo(), Duration::from_millis(*millis));
        }
        report
    }

    #[test]
    fn passed_run_ends_with_the_runners_own_words() {
        let mut report = report(
            &[Step::Fmt, Step::Deny, Step::Test],
            &[
                (Verdict::Passed(String::new()), 420),
                (Verdict::Skipped("cargo-deny is not installed".into()), 20),
                (Verdict::Passed("2 passed".into()), 61_000),
            ],
        );
        report.closing_lines.observe(CLOSING);

        let expected = "
  fmt       passed       0.4 s
  deny      skipped      0.0 s   cargo-deny is not installed
  test      passed  1 min 1.0 s   2 passed

passed in 1 min 1.4 s
";
        assert_eq!(report.to_string(), format!("{expected}{CLOSING}\n"));
        assert_eq!(report.failed_step(), None);
    }

    #[test]
    fn failed_run_says_how_to_run_the_step_again() {
        let report = report(
            &[Step::Fmt, Step::Core, Step::Test],
            &[(Verdict::Passed(String::new()), 100), (Verdict::Failed("exit status: 101".into()), 2_000)],
        );

        let expected = "
  fmt       passed       0.1 s
  core      failed       2.0 s   exit status: 101
  test      not run

failed after 2.1 s; again: cargo xtask test --only core
which is: cargo check --package apsched-core --no-default-features
";
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.failed_step(), Some(Step::Core));
    }

    #[test]
    fn failed_run_of_a_backend_is_run_again_with_the_same_options() {
        let options = TestOptions { backends: vec![Backend::Redis], require: true, ..TestOptions::default() };
        let mut report = Report::new(&[Step::Services, Step::Test], &options, Paint::Plain);

        report.push(Verdict::Failed("redis: nobody listens".into()), None, Duration::ZERO);

        let text = report.to_string();
        let again = "again: cargo xtask test --only services --backend redis --require\n";
        assert!(text.ends_with(again), "{text}");
    }

    #[test]
    fn backends_and_skipped_tests_stand_below_the_steps() {
        let mut report = report(&[Step::Test], &[(Verdict::Passed("2 passed".into()), 100)]);
        report.backends = "\n  redis     skipped   nobody listens\n".into();

        let expected = "
  test      passed       0.1 s   2 passed

  redis     skipped   nobody listens

passed in 0.1 s
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn time_is_rounded_to_a_tenth_of_a_second() {
        assert_eq!(seconds(Duration::ZERO), "0.0 s");
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.3 s");
        assert_eq!(seconds(Duration::from_millis(59_960)), "1 min 0.0 s");
    }
}
