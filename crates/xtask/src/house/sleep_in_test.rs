//! No test sleeps and hopes that something has happened by then.
//!
//! It waits for a signal, moves a manual clock, or waits for a condition up to a bound. Clippy refuses two sleeps
//! everywhere (`disallowed_methods`); this rule knows their relatives too, and takes no exception.

use super::{Finding, numbered};
use crate::test_code::test_code;
use crate::workspace::Workspace;

const SLEEPS: [&str; 5] = ["sleep", "sleep_ms", "sleep_until", "park_timeout", "delay_for"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in workspace.rust_files() {
        for (line, code) in numbered(&test_code(file)) {
            if let Some(sleep) = SLEEPS.iter().find(|sleep| calls(code, sleep)) {
                let message =
                    format!("`{sleep}` in a test: wait for a signal or a condition, or move a manual clock");
                findings.push(Finding::at_line(&file.path, line, message));
            }
        }
    }
    findings
}

/// Whether the free function `name` is called. A method of that name belongs to a clock, which a test may hold.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(start, _)| {
        let before = &code[..start];
        let is_whole_name = !before.ends_with(|char: char| char.is_alphanumeric() || char == '_');
        let is_free_call = !before.ends_with('.') && !before.trim_end().ends_with("fn");
        is_whole_name && is_free_call && code[start + name.len()..].starts_with('(')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<Option<usize>> {
        check(&Workspace::of_files(&[(path, text)])).into_iter().map(|it| it.line).collect()
    }

    #[test]
    fn sleep_in_a_test_is_found() {
        assert_eq!(lines("tests/src/a.rs", "fn a() {\n    std::thread::sleep(b);\n}"), [Some(2)]);
        assert_eq!(lines("tests/src/a.rs", "async fn a() {\n    sleep_until(b).await;\n}"), [Some(2)]);
        assert_eq!(
            lines("src/a.rs", "#[cfg(test)]\nmod tests {\n    fn a() { park_timeout(b) }\n}"),
            [Some(3)]
        );
    }

    #[test]
    fn sleep_outside_of_tests_is_clippys() {
        assert_eq!(lines("src/a.rs", "fn a() { sleep(b) }"), []);
    }

    #[test]
    fn clock_of_the_test_may_sleep() {
        assert_eq!(
            lines("tests/src/a.rs", "clock.sleep_until(a).await;\nfn sleep(a: B) {}\nlet asleep = 1;"),
            []
        );
    }
}
