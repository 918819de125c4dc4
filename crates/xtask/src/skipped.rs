//! Which tests said that they did not run, and why.
//!
//! The test runner hides the output of tests that pass, and skipped ones pass. So the testkit writes a line for each into the file
//! that a variable names: the test program, the test and the reason, with tabs between them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The environment variable of the testkit that names the file.
pub(crate) const FILE_VARIABLE: &str = "APSCHED_SKIPPED_FILE";

/// How many tests were skipped, by program and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    counts: BTreeMap<(String, String), usize>,
    file: PathBuf,
}

/// The file of a run, below this directory of build output; without what an earlier run left in it.
pub(crate) fn empty_file(target_directory: &Path) -> Result<PathBuf> {
    let file = target_directory.join("skipped-tests");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file.display()))
        }
        _ => Ok(file),
    }
}

impl Skipped {
    /// What has been written into `file`; nothing when there is none.
    pub(crate) fn read(file: PathBuf) -> Result<Self> {
        let text = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.with_context(|| format!("reading {}", file.display()))?,
        };
        Ok(Self::parse(&String::from_utf8_lossy(&text), file))
    }

    fn parse(text: &str, file: PathBuf) -> Self {
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, '\t');
            let program = parts.next().unwrap_or_default();
            let why = parts.nth(1).unwrap_or("it does not say why");
            *counts.entry((program.to_owned(), why.to_owned())).or_default() += 1;
        }
        Self { counts, file }
    }

    pub(crate) fn count(&self) -> usize {
        self.counts.values().sum()
    }
}

/// A line for each program and reason, and where the names stand; nothing where no test was skipped.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n  skipped: {}, by name in {}", self.count(), self.file.display())?;
        let width = self.counts.keys().map(|(program, _)| program.len()).max().unwrap_or(0);
        let mut lines = self.counts.iter();
        lines.try_for_each(|((program, why), count)| writeln!(f, "  {program:width$}  {count:>5}   {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_is_the_one_that_the_testkit_reads() {
        let testkit = include_str!("../../apsched-testkit/src/skipped.rs");

        assert!(testkit.contains(&format!("\"{FILE_VARIABLE}\"")));
    }

    #[test]
    fn tests_are_counted_by_program_and_reason() {
        let text = "redis\ta\tno redis\nmemory\tb\tcannot spoil\nredis\tc\tno redis\nredis\td\n";

        let skipped = Skipped::parse(text, "target/skipped-tests".into());

        let expected = "
  skipped: 4, by name in target/skipped-tests
  memory      1   cannot spoil
  redis       1   it does not say why
  redis       2   no redis
";
        assert_eq!(skipped.to_string(), expected);
    }

    #[test]
    fn nothing_is_said_where_nothing_was_skipped() {
        let never_written = std::env::temp_dir().join("apsched-no-such-file");

        assert_eq!(Skipped::read(never_written).unwrap().to_string(), "");
    }
}
