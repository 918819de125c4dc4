//! What did not run, and why: printed, and written down for who counts.
//!
//! The test runner hides the output of a test that passes, and a skipped test passes. So each skipped test is a line in the
//! file that `APSCHED_SKIPPED_FILE` names as well, where it names one: the test program, the test and the reason, with tabs
//! between them. `cargo xtask test` reads that file for its report.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The environment variable that names the file.
const FILE_VARIABLE: &str = "APSCHED_SKIPPED_FILE";

/// Says by name that a test did not run, and why. The suites of [`conformance`](crate::conformance) do so by themselves.
///
/// ```
/// use apsched_testkit::backend::Backend;
/// use apsched_testkit::report_skipped;
///
/// fn reconnects_after_a_restart() {
///     if let Some(why) = Backend::Redis.missing() {
///         return report_skipped("reconnects_after_a_restart", &why);
///     }
///     // …
/// }
/// # let _ = reconnects_after_a_restart;
/// ```
///
/// # Panics
/// When the file of `APSCHED_SKIPPED_FILE` cannot be written: a test that nobody hears of is lost.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen in the output of the test runner")]
pub fn report_skipped(test: &str, why: &str) {
    println!("skipped {test}: {why}");
    let Some(file) = std::env::var_os(FILE_VARIABLE).filter(|file| !file.is_empty()) else { return };
    let program = std::env::current_exe().unwrap_or_default();
    let noted = note(Path::new(&file), &line(&program, test, why));
    noted.unwrap_or_else(|error| {
        panic!("writing {} ({FILE_VARIABLE}): {error}", PathBuf::from(&file).display())
    });
}

fn line(program: &Path, test: &str, why: &str) -> String {
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    // Cargo puts a hash behind the name.
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let one_line = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    format!("{}\t{}\t{}\n", one_line(program), one_line(test), one_line(why))
}

/// Appends in one write, so that the lines of several programs do not mix.
fn note(file: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_tells_the_program_the_test_and_the_reason() {
        assert_eq!(
            line(Path::new("deps/postgres-0a1b2c"), "a_test", "no\npostgres"),
            "postgres\ta_test\tno postgres\n"
        );
        assert_eq!(line(Path::new("postgres.exe"), "a", "b"), "postgres\ta\tb\n");
    }

    #[test]
    fn notes_are_appended() {
        let file = std::env::temp_dir().join(format!("apsched-skipped-{}", std::process::id()));

        note(&file, "one\n").unwrap();
        note(&file, "two\n").unwrap();

        let written = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(written, "one\ntwo\n");
    }
}
