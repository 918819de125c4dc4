//! A file is named for its one concept. A name that says "various" hides the missing concept.

use super::Finding;
use crate::workspace::Workspace;

const VAGUE: [&str; 9] =
    ["util", "utils", "utilities", "helper", "helpers", "common", "misc", "manager", "managers"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let vague = |path: &str| vague_word(path).map(|word| (path.to_owned(), word));
    let found = workspace.rust_files().filter_map(|file| vague(&file.path));
    found
        .map(|(path, word)| {
            Finding::in_file(&path, format!("`{word}` names no concept: name the one it holds"))
        })
        .collect()
}

/// The first part of the path that is vague, as a whole or by its last word.
fn vague_word(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|part| {
        let stem = part.strip_suffix(".rs").unwrap_or(part);
        let last = stem.rsplit(['_', '-']).next().unwrap_or(stem);
        VAGUE.into_iter().find(|&word| word == last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(path: &str) -> bool {
        !check(&Workspace::of_files(&[(path, "")])).is_empty()
    }

    #[test]
    fn vague_files_and_directories_are_refused() {
        for path in
            ["src/utils.rs", "src/time_utils.rs", "tests/common/mod.rs", "crates/job-manager/src/lib.rs"]
        {
            assert!(is_refused(path), "{path}");
        }
    }

    #[test]
    fn concepts_are_fine() {
        for path in ["src/lease.rs", "src/common_prefix.rs", "docs/misc.md"] {
            assert!(!is_refused(path), "{path}");
        }
    }
}
