//! An example that is told where a server is, is named for the server's backend.
//!
//! By that name it is left out where there is no such server, and told its URL where there is one ([`example`]). An example
//! without the name would fail on every machine without the server, or be run against the one of a default that nobody knows.

use super::{Finding, numbered};
use crate::backend::Backend;
use crate::example;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in workspace.rust_files() {
        let Some(name) = example_of(&file.path) else { continue };
        for (line, text) in numbered(&file.text) {
            let told = |backend: &Backend| {
                example::variable(*backend).is_some_and(|variable| text.contains(variable))
            };
            let possible: Vec<Backend> = Backend::ALL.into_iter().filter(told).collect();
            let Some(first) = possible.first() else { continue };
            if !example::served(name).any(|backend| possible.contains(&backend)) {
                let message = format!(
                    "an example that is told where a server is, is named for its backend, such as `{first}_{name}`"
                );
                findings.push(Finding::at_line(&file.path, line, message));
                break;
            }
        }
    }
    findings
}

/// The name of the example that a file belongs to.
fn example_of(path: &str) -> Option<&str> {
    let inside =
        path.strip_prefix("examples/").or_else(|| path.split_once("/examples/").map(|(_, it)| it))?;
    Some(inside.split_once('/').map_or(inside.trim_end_matches(".rs"), |(directory, _)| directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Workspace::of_files(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    const READS: &str = "fn main() {\n    std::env::var(\"DATABASE_URL\");\n}";

    #[test]
    fn example_of_another_name_is_found() {
        assert_eq!(
            findings("examples/cluster.rs", READS),
            [
                "examples/cluster.rs:2: an example that is told where a server is, is named for its backend, such as `postgres_cluster`"
            ]
        );
        assert_eq!(findings("examples/redis_cluster/main.rs", READS).len(), 1, "that is another server");
        assert_eq!(findings("crates/one/examples/sqlite.rs", READS).len(), 1, "SQLite has no server");
    }

    #[test]
    fn example_of_its_name_and_other_files_are_fine() {
        for path in ["examples/postgres_cluster.rs", "examples/mysql/main.rs", "crates/one/src/lib.rs"] {
            assert!(findings(path, READS).is_empty(), "{path}");
        }
        assert!(findings("examples/quickstart.rs", "fn main() {}").is_empty());
    }
}
