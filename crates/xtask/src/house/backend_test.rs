//! A test that needs a server stands in a test target that is named for its backend.
//!
//! By that name `cargo xtask test` knows which servers the workspace needs, and `--backend` which tests to run
//! ([`suite`]). A test that names `Backend::Redis` elsewhere would be skipped on every machine whose servers were
//! started by need. Files that several targets share are not looked at.

use super::{Finding, numbered};
use crate::backend::Backend;
use crate::suite;
use crate::test_code::test_code;
use crate::workspace::Workspace;

/// Where backends are made and tested themselves.
const HOME: [&str; 2] = ["crates/apsched-testkit/", "crates/xtask/"];

const TESTKIT: &str = "apsched_testkit";

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let away = workspace.rust_files().filter(|file| !HOME.iter().any(|home| file.path.starts_with(home)));
    for file in away {
        let target = match place(&file.path, workspace) {
            Place::Shared => continue,
            Place::Target(target) => target,
            Place::Source => "",
        };
        let code = test_code(file);
        // Other crates may have a `Backend` of their own.
        if !code.contains(TESTKIT) {
            continue;
        }
        for (line, code) in numbered(&code) {
            let named = Backend::ALL.into_iter().filter(|backend| names(code, *backend));
            findings.extend(named.filter(|backend| !suite::belongs(target, *backend)).map(|backend| {
                let message = format!(
                    "a test of {backend} stands in a target of that name, such as `tests/{backend}.rs`"
                );
                Finding::at_line(&file.path, line, message)
            }));
        }
    }
    findings
}

/// Whether `code` holds the variant of the backend, as a whole word.
fn names(code: &str, backend: Backend) -> bool {
    let variant = format!("Backend::{backend:?}");
    code.match_indices(&variant)
        .any(|(start, _)| !code[start + variant.len()..].starts_with(|next: char| next.is_alphanumeric()))
}

/// What a file is to the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    /// Of the test target of this name.
    Target(&'a str),
    /// In a directory of `tests/` that is no target: several may use it.
    Shared,
    /// Elsewhere, such as in `src/`.
    Source,
}

fn place<'a>(path: &'a str, workspace: &Workspace) -> Place<'a> {
    // The crate of the tests across the crates is itself called `tests`.
    let Some(start) = path.rfind("/tests/").map(|start| start + 1) else { return Place::Source };
    let (directory, inside) = path.split_at(start + "tests/".len());
    match inside.split_once('/') {
        None => Place::Target(inside.strip_suffix(".rs").unwrap_or(inside)),
        Some((name, _)) if workspace.has_file(&format!("{directory}{name}/main.rs")) => Place::Target(name),
        Some(_) => Place::Shared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        check(&Workspace::of_files(files)).iter().map(ToString::to_string).collect()
    }

    const NEEDS_REDIS: &str =
        "use apsched_testkit::backend::Backend;\nconst URL: String = Backend::Redis.url();";

    #[test]
    fn test_in_a_target_of_another_name_is_found() {
        assert_eq!(
            findings(&[("crates/a/tests/conformance.rs", NEEDS_REDIS)]),
            [
                "crates/a/tests/conformance.rs:2: a test of redis stands in a target of that name, such as `tests/redis.rs`"
            ]
        );
        assert_eq!(findings(&[("tests/tests/postgres_mysql.rs", NEEDS_REDIS)]).len(), 1);
        assert_eq!(
            findings(&[("crates/a/src/lib.rs", &format!("#[cfg(test)]\nmod tests {{ {NEEDS_REDIS} }}"))])
                .len(),
            1
        );
    }

    #[test]
    fn every_file_of_a_target_of_its_name_is_fine() {
        let main = ("crates/a/tests/redis_restart/main.rs", "mod story;");

        for path in [
            "crates/a/tests/redis.rs",
            "tests/tests/postgres_redis.rs",
            "crates/a/tests/redis_restart/story.rs",
        ] {
            assert!(findings(&[main, (path, NEEDS_REDIS)]).is_empty(), "{path}");
        }
    }

    #[test]
    fn other_files_of_a_target_are_held_to_its_name() {
        let main = ("crates/a/tests/conformance/main.rs", "mod story;");

        assert_eq!(findings(&[main, ("crates/a/tests/conformance/story.rs", NEEDS_REDIS)]).len(), 1);
    }

    #[test]
    fn what_targets_share_and_what_is_no_test_is_fine() {
        assert!(findings(&[("crates/a/tests/harness/mod.rs", NEEDS_REDIS)]).is_empty());
        assert!(findings(&[("crates/a/src/lib.rs", NEEDS_REDIS)]).is_empty());
        assert!(findings(&[("crates/apsched-testkit/src/backend/tests.rs", NEEDS_REDIS)]).is_empty());
        assert!(
            findings(&[("crates/a/tests/other.rs", "Backend::RedisCluster; // Backend::Redis")]).is_empty()
        );
    }
}
