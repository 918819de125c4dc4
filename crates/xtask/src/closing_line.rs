//! The lines with which the test runner closes each test binary (`test result: ok. 3 passed; …`): kept word for word,
//! and added up.

use std::fmt;

const PREFIX: &str = "test result: ";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ClosingLines {
    lines: Vec<String>,
}

impl ClosingLines {
    /// Keeps `line` if it closes a test binary.
    pub(crate) fn observe(&mut self, line: &str) {
        if line.starts_with(PREFIX) {
            self.lines.push(line.trim_end().to_owned());
        }
    }

    /// The sum over all binaries, in one short line.
    pub(crate) fn total(&self) -> String {
        let sum = |what: &str| self.lines.iter().map(|line| count(line, what)).sum::<u64>();
        let binaries = self.lines.len();
        format!(
            "{} passed, {} failed, {} ignored in {binaries} runs",
            sum("passed"),
            sum("failed"),
            sum("ignored")
        )
    }
}

/// The runner's own lines, one a line: of the binaries that ran a test, or of all where none did.
impl fmt::Display for ClosingLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_run = |line: &&String| count(line, "passed") + count(line, "failed") > 0;
        let are_all_empty = !self.lines.iter().any(|line| has_run(&line));
        self.lines
            .iter()
            .filter(|line| are_all_empty || has_run(line))
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The number before `what`; zero where there is none.
fn count(line: &str, what: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';']).collect();
    words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
    const BAD: &str =
        "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
    const EMPTY: &str =
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";

    fn closing_lines(lines: &[&str]) -> ClosingLines {
        let mut closing = ClosingLines::default();
        lines.iter().for_each(|line| closing.observe(line));
        closing
    }

    #[test]
    fn only_closing_lines_are_kept_and_word_for_word() {
        let closing = closing_lines(&["running 12 tests", "test a ... ok", GOOD, "", BAD]);

        assert_eq!(closing.to_string(), format!("{GOOD}\n{BAD}\n"));
    }

    #[test]
    fn binaries_are_added_up() {
        assert_eq!(closing_lines(&[GOOD, BAD, EMPTY]).total(), "15 passed, 2 failed, 1 ignored in 3 runs");
        assert_eq!(closing_lines(&[]).total(), "0 passed, 0 failed, 0 ignored in 0 runs");
    }

    #[test]
    fn binaries_without_tests_are_told_only_where_no_other_is() {
        assert_eq!(closing_lines(&[EMPTY, GOOD]).to_string(), format!("{GOOD}\n"));
        assert_eq!(closing_lines(&[EMPTY]).to_string(), format!("{EMPTY}\n"));
    }
}
