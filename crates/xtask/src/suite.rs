//! Which tests belong to which backend.
//!
//! A test target (a file or directory of `tests/`) belongs to every backend whose name is a word of its own: `postgres.rs`,
//! `mysql_reconnect.rs`, and both for `postgres_redis.rs`. The backends of the workspace are those that a target belongs
//! to, so a new plug-in is found by its tests. The house rule `backend_test` sees to it that no other target needs a server.

use crate::backend::Backend;
use crate::cargo::Cargo;
use crate::metadata::Package;

/// The test targets that belong to a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suites(Vec<Suite>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Suite {
    package: String,
    target: String,
}

/// Whether the test target of this name belongs to `backend`.
pub(crate) fn belongs(target: &str, backend: Backend) -> bool {
    target.split(['_', '-']).any(|word| word == backend.as_str())
}

impl Suites {
    /// Those of `packages`.
    pub(crate) fn of(packages: &[Package]) -> Self {
        let targets =
            packages.iter().flat_map(|package| package.tests().map(move |target| (package, target)));
        let suites =
            targets.map(|(package, target)| Suite { package: package.name.clone(), target: target.into() });
        Self(suites.filter(|it| Backend::ALL.iter().any(|backend| belongs(&it.target, *backend))).collect())
    }

    /// Those that belong to one of `backends`.
    pub(crate) fn of_backends(&self, backends: &[Backend]) -> Self {
        let is_meant = |suite: &&Suite| backends.iter().any(|backend| belongs(&suite.target, *backend));
        Self(self.0.iter().filter(is_meant).cloned().collect())
    }

    /// The backends that they belong to.
    pub(crate) fn backends(&self) -> Vec<Backend> {
        let is_used = |backend: &Backend| self.0.iter().any(|suite| belongs(&suite.target, *backend));
        Backend::ALL.into_iter().filter(is_used).collect()
    }

    /// The command that runs them and no other.
    pub(crate) fn cargo(&self) -> Cargo {
        let sorted = |word: fn(&Suite) -> &str| {
            let mut words: Vec<_> = self.0.iter().map(word).collect();
            words.sort_unstable();
            words.dedup();
            words
        };
        let packages = sorted(|suite| &suite.package).into_iter().flat_map(|name| ["--package", name]);
        let targets = sorted(|suite| &suite.target).into_iter().flat_map(|name| ["--test", name]);
        Cargo::new(&["test", "--all-features"]).args(packages).args(targets)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(name: &str, tests: &[&str]) -> Value {
        let tests = tests.iter().map(|test| json!({ "name": test, "kind": ["test"] }));
        let others = [json!({ "name": "redis", "kind": ["example"] })];
        json!({
            "name": name, "manifest_path": "Cargo.toml", "publish": null, "dependencies": [],
            "targets": tests.chain(others).collect::<Vec<_>>(),
        })
    }

    fn suites() -> Suites {
        let packages = json!([
            package("apsched-core", &["cron_laws"]),
            package("apsched-store-sql", &["sqlite", "postgres", "postgres_reconnect", "mysql"]),
            package("apsched-tests", &["signal", "mysql_mqtt"]),
        ]);
        Suites::of(&serde_json::from_value::<Vec<Package>>(packages).unwrap())
    }

    #[test]
    fn backends_are_those_that_tests_are_named_for() {
        assert_eq!(suites().backends(), [Backend::Sqlite, Backend::Postgres, Backend::Mysql, Backend::Mqtt]);
        assert_eq!(Suites::default().backends(), []);
    }

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(belongs("takeover_postgres", Backend::Postgres));
        assert!(!belongs("postgresql", Backend::Postgres));
    }

    #[test]
    fn suites_of_a_backend_can_be_run_alone() {
        assert_eq!(
            suites().of_backends(&[Backend::Mysql]).cargo().to_string(),
            "cargo test --all-features --package apsched-store-sql --package apsched-tests --test mysql --test mysql_mqtt"
        );
    }

    #[test]
    fn a_suite_of_two_backends_needs_both() {
        assert_eq!(suites().of_backends(&[Backend::Mqtt]).backends(), [Backend::Mysql, Backend::Mqtt]);
    }
}
