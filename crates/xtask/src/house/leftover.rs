//! No note of unfinished work is left in a comment: it is done, or it is an issue.
//!
//! The macros that say the same are clippy's (`todo`, `unimplemented`, `dbg_macro`).

use super::{Finding, numbered};
use crate::rust_source::RustSource;
use crate::workspace::Workspace;

const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in workspace.rust_files() {
        let comments = RustSource::new(&file.text).comments;
        for (line, comment) in numbered(&comments) {
            let mut words = comment.split(|char: char| !char.is_alphanumeric() && char != '_');
            if let Some(mark) = words.find(|word| MARKS.contains(word)) {
                findings.push(Finding::at_line(&file.path, line, format!("{mark}: do it, or open an issue")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check(&Workspace::of_files(&[("src/lib.rs", text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn note_of_unfinished_work_is_found() {
        assert_eq!(found("fn a() {}\n// TODO(me): b"), ["src/lib.rs:2: TODO: do it, or open an issue"]);
        assert_eq!(found("/* FIXME */ fn a() {}"), ["src/lib.rs:1: FIXME: do it, or open an issue"]);
    }

    #[test]
    fn names_and_strings_are_fine() {
        assert!(found("const TODO: &str = \"// TODO\"; // a TODOLIST").is_empty());
    }
}
