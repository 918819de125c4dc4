//! An example fits on a screen or two: at most 80 lines. A longer one is asking for a shorter API.

use super::Finding;
use crate::workspace::Workspace;

const MAX_LINES: usize = 80;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let examples = workspace.rust_files().filter(|file| file.directories().any(|it| it == "examples"));
    examples
        .map(|file| (file, file.text.lines().count()))
        .filter(|&(_, lines)| lines > MAX_LINES)
        .map(|(file, lines)| {
            Finding::in_file(&file.path, format!("{lines} lines, at most {MAX_LINES} are allowed"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_has_at_most_80_lines() {
        let long = "\n".repeat(81);
        let workspace = Workspace::of_files(&[
            ("examples/crond.rs", &long),
            ("crates/one/examples/two.rs", &long),
            ("examples/quickstart.rs", &long[1..]),
            ("crates/one/src/lib.rs", &long),
            ("examples/data/crontab", &long),
        ]);

        let found: Vec<_> = check(&workspace).iter().map(ToString::to_string).collect();

        let expected = ["examples/crond.rs", "crates/one/examples/two.rs"];
        assert_eq!(found, expected.map(|path| format!("{path}: 81 lines, at most 80 are allowed")));
    }
}
