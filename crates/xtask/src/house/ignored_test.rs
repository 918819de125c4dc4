//! No test is switched off: neither by an attribute nor, in a doctest, by the word after the fence.
//!
//! A test that needs what this machine lacks says so by name when it runs and passes; one that is wrong is mended or
//! removed.

use super::{Finding, numbered};
use crate::rust_source::RustSource;
use crate::workspace::Workspace;

const SWITCH: &str = "ignore";

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in workspace.rust_files() {
        let source = RustSource::new(&file.text);
        for (line, code) in numbered(&source.code) {
            if is_ignored_test(code) {
                findings.push(Finding::at_line(
                    &file.path,
                    line,
                    "this test never runs: mend it or remove it",
                ));
            }
        }
        for (line, comment) in numbered(&source.comments) {
            if is_ignored_doctest(comment) {
                let message =
                    "this doctest never runs: use `no_run`, `compile_fail`, or `text` for what is not Rust";
                findings.push(Finding::at_line(&file.path, line, message));
            }
        }
    }
    findings
}

/// `#[ignore]` with or without a reason, or behind a condition.
fn is_ignored_test(code: &str) -> bool {
    let attribute = code.trim_start().strip_prefix("#[").unwrap_or_default();
    let mut words = attribute.split(|char: char| !char.is_alphanumeric() && char != '_');
    match words.next() {
        Some("cfg_attr") => words.any(|word| word == SWITCH),
        first => first == Some(SWITCH),
    }
}

fn is_ignored_doctest(comment: &str) -> bool {
    let line = comment.trim_start().trim_start_matches(['/', '!', '*']).trim_start();
    let Some(info) = line.strip_prefix("```") else { return false };
    info.split([',', ' '])
        .any(|word| word == SWITCH || word.strip_prefix(SWITCH).is_some_and(|it| it.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Option<usize>> {
        check(&Workspace::of_files(&[("src/lib.rs", text)])).into_iter().map(|it| it.line).collect()
    }

    #[test]
    fn attribute_that_switches_a_test_off_is_found() {
        assert_eq!(lines("#[test]\n#[ignore]\nfn a() {}"), [Some(2)]);
        assert_eq!(lines("#[test]\n    #[ignore = \"slow\"]\nfn a() {}"), [Some(2)]);
        assert_eq!(lines("#[test]\n#[cfg_attr(miri, ignore)]\nfn a() {}"), [Some(2)]);
    }

    #[test]
    fn other_uses_of_the_word_are_fine() {
        assert_eq!(lines("#[serde(ignore)]\n#[test]\nfn ignore() {} // #[ignore]"), []);
        assert_eq!(lines("let a = \"\n#[ignore]\n\";"), []);
    }

    #[test]
    fn doctest_that_never_runs_is_found() {
        assert_eq!(lines("/// ```ignore\n/// a()\n/// ```"), [Some(1)]);
        assert_eq!(lines("//! ```rust,ignore\n//! ```"), [Some(1)]);
        assert_eq!(lines("/// ```ignore-windows\n/// ```"), [Some(1)]);
        assert_eq!(lines("/// ```no_run\n/// ```\n/// ```text\n/// ignore\n/// ```"), []);
    }
}
