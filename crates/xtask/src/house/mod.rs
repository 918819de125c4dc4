//! The house rules: what we hold to and clippy cannot express. One file a rule.
//!
//! A rule is a pure function from the workspace to its findings. A new rule is a file here and a line in [`RULES`].

mod backend_test;
mod crate_arrow;
mod crate_document;
mod example_length;
mod feature_comment;
mod file_name;
mod ignored_test;
mod leftover;
mod machine_path;
mod sleep_in_test;

use std::fmt;

use crate::workspace::Workspace;

/// A rule, by the name of its file.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    check: fn(&Workspace) -> Vec<Finding>,
}

/// Every rule, in the order of their names.
pub(crate) const RULES: [Rule; 10] = [
    Rule { name: "backend_test", check: backend_test::check },
    Rule { name: "crate_arrow", check: crate_arrow::check },
    Rule { name: "crate_document", check: crate_document::check },
    Rule { name: "example_length", check: example_length::check },
    Rule { name: "feature_comment", check: feature_comment::check },
    Rule { name: "file_name", check: file_name::check },
    Rule { name: "ignored_test", check: ignored_test::check },
    Rule { name: "leftover", check: leftover::check },
    Rule { name: "machine_path", check: machine_path::check },
    Rule { name: "sleep_in_test", check: sleep_in_test::check },
];

/// One place where a rule does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// From 1; `None` when it is about the whole file.
    line: Option<usize>,
    message: String,
}

impl Finding {
    pub(crate) fn at_line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), message: message.into() }
    }

    pub(crate) fn in_file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Every finding of every rule, with the rule's name.
pub(crate) fn findings(workspace: &Workspace) -> Vec<(&'static str, Finding)> {
    let of = |rule: &'static Rule| (rule.check)(workspace).into_iter().map(|finding| (rule.name, finding));
    RULES.iter().flat_map(of).collect()
}

/// The lines of `text` with their numbers, from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_reads_as_an_editor_can_open_it() {
        assert_eq!(Finding::at_line("src/a.rs", 3, "too long").to_string(), "src/a.rs:3: too long");
        assert_eq!(Finding::in_file("src/a.rs", "too long").to_string(), "src/a.rs: too long");
    }

    #[test]
    fn rules_are_in_order_and_told_with_their_findings() {
        assert!(RULES.is_sorted_by_key(|rule| rule.name));

        let workspace = Workspace::of_files(&[("src/utils.rs", "")]);

        let rules: Vec<_> = findings(&workspace).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["file_name"]);
    }
}
