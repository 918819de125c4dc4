//! The step `examples`: every example is run as its reader would run it, and must end by itself, with success, before
//! its deadline.
//!
//! The list ([`EXAMPLES`]) and the examples there are must agree, so that none is written and never run. The features that one
//! needs are read from its manifest. An example that needs a server belongs, as a test target does, to the backends whose names
//! are words of its own: `postgres_cluster`. It is told the URL by a variable ([`variable`]), and left out by name where the
//! server is missing, unless it is required; the house rule `backend_example` sees to it that no other example needs one.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::backend::Backend;
use crate::cargo::Cargo;
use crate::deadline::{self, Ending};
use crate::metadata::{Package, Target};
use crate::server::{Absent, Servers};
use crate::suite;

/// The examples, in the order in which a newcomer meets them. Each is run with these
/// arguments.
const EXAMPLES: &[Example] = &[
    Example { name: "quickstart", arguments: &[] },
    Example { name: "crond", arguments: &["examples/data/crontab", "--for", "5s"] },
    Example { name: "job_queue", arguments: &[] },
    Example { name: "persistent_sqlite", arguments: &["--twice"] },
    Example { name: "transactional_enqueue", arguments: &[] },
    Example { name: "separate_worker", arguments: &[] },
    Example { name: "postgres_cluster", arguments: &[] },
    Example { name: "redis_cluster", arguments: &[] },
    Example { name: "mqtt_cluster", arguments: &[] },
    Example { name: "custom_trigger", arguments: &[] },
    Example { name: "graceful_shutdown", arguments: &[] },
    Example { name: "events", arguments: &[] },
];

/// How long an example may run. Building it does not count.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
struct Example {
    name: &'static str,
    arguments: &'static [&'static str],
}

impl Example {
    fn building(&self, features: &[String]) -> Cargo {
        self.cargo("build", features)
    }

    fn running(&self, features: &[String]) -> Cargo {
        let cargo = self.cargo("run", features);
        if self.arguments.is_empty() {
            cargo
        } else {
            cargo.args(["--"]).args(self.arguments.iter().copied())
        }
    }

    fn cargo(&self, verb: &str, features: &[String]) -> Cargo {
        let cargo = Cargo::new(&[verb, "--quiet", "--example", self.name]);
        if features.is_empty() { cargo } else { cargo.args(["--features", &features.join(",")]) }
    }
}

/// The backends with a server that examples of `packages` belong to.
pub(crate) fn backends(packages: &[Package]) -> Vec<Backend> {
    let names: Vec<&str> = packages.iter().flat_map(Package::examples).map(|it| it.name.as_str()).collect();
    let is_used = |backend: &Backend| names.iter().any(|name| served(name).any(|used| used == *backend));
    Backend::ALL.into_iter().filter(is_used).collect()
}

/// The backends with a server that the example of this name belongs to.
pub(crate) fn served(name: &str) -> impl Iterator<Item = Backend> {
    let with_server = Backend::ALL.into_iter().filter(|backend| backend.server().is_some());
    with_server.filter(move |backend| suite::belongs(name, *backend))
}

/// The variable by which a program is told where its server is; what other programs use as well.
pub(crate) const fn variable(backend: Backend) -> Option<&'static str> {
    match backend {
        Backend::Sqlite => None,
        Backend::Postgres | Backend::Mysql | Backend::Mongodb => Some("DATABASE_URL"),
        Backend::Redis => Some("REDIS_URL"),
        Backend::Mqtt => Some("MQTT_URL"),
    }
}

/// Runs every example. `Ok(Err(…))` says what is wrong with the first one that fails.
pub(crate) fn run(servers: &mut Servers) -> Result<Result<String, String>> {
    servers.look()?;
    let present: Vec<&Target> = servers.metadata.packages.iter().flat_map(Package::examples).collect();
    let differences = differences(EXAMPLES, &present);
    if !differences.is_empty() {
        return Ok(Err(differences.join("; ")));
    }
    let mut skipped = Vec::new();
    for example in EXAMPLES {
        let environment = match environment(example.name, |backend| servers.url_of(backend)) {
            Ok(environment) => environment,
            Err(Absent::Failure(why)) => return Ok(Err(format!("example `{}`: {why}", example.name))),
            Err(Absent::Excuse(why)) => {
                println!("skipped: example `{}`, {why}", example.name);
                skipped.push(format!("{} ({why})", example.name));
                continue;
            }
        };
        let target = present.iter().find(|target| target.name == example.name);
        let features = target.map_or(&[][..], |target| &target.required_features);
        if let Some(problem) = problem_of(example, features, &environment)? {
            return Ok(Err(problem));
        }
    }
    let run = format!("{} run", EXAMPLES.len() - skipped.len());
    Ok(Ok(if skipped.is_empty() { run } else { format!("{run}; skipped: {}", skipped.join(", ")) }))
}

/// The variables that an example is told, or why it cannot be run.
fn environment<'u>(
    name: &str,
    url_of: impl Fn(Backend) -> Result<&'u str, Absent>,
) -> Result<Vec<(&'static str, &'u str)>, Absent> {
    let told = served(name).filter_map(|backend| Some((backend, variable(backend)?)));
    told.map(|(backend, variable)| Ok((variable, url_of(backend)?))).collect()
}

fn problem_of(
    example: &Example,
    features: &[String],
    environment: &[(&str, &str)],
) -> Result<Option<String>> {
    let (building, running) = (example.building(features), example.running(features));
    println!("$ {running}");
    let is_built = building.command().status().with_context(|| format!("running `{building}`"))?.success();
    if !is_built {
        return Ok(Some(format!("`{building}` failed")));
    }
    let mut command = running.command();
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    Ok(match deadline::run(&mut command, DEADLINE)? {
        Ending::ByItself(status) if status.success() => None,
        Ending::ByItself(status) => Some(format!("`{running}` ended with {status}")),
        Ending::Killed => Some(format!("`{running}` did not end within {DEADLINE:?}")),
    })
}

/// What stands in the list and is missing, then what is present and not in the list.
fn differences(list: &[Example], present: &[&Target]) -> Vec<String> {
    let missing = list.iter().filter(|example| present.iter().all(|target| target.name != example.name));
    let missing =
        missing.map(|it| format!("example `{}` is in the list of xtask's example.rs but missing", it.name));
    let unlisted = present.iter().filter(|target| list.iter().all(|example| example.name != target.name));
    let unlisted =
        unlisted.map(|it| format!("example `{}` is not in the list of xtask's example.rs", it.name));
    missing.chain(unlisted).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUICKSTART: Example = Example { name: "quickstart", arguments: &[] };
    const CROND: Example = Example { name: "crond", arguments: &["data/crontab", "--for", "5s"] };

    fn package(examples: &[&str]) -> Package {
        let targets = examples.iter().map(|name| json!({ "name": name, "kind": ["example"] }));
        let targets: Vec<_> = targets.collect();
        serde_json::from_value(json!({
            "name": "examples", "manifest_path": "Cargo.toml", "publish": [], "dependencies": [], "targets": targets,
        }))
        .unwrap()
    }

    #[test]
    fn example_is_run_as_its_reader_would() {
        let features = ["sqlite".to_owned(), "cbor".to_owned()];

        assert_eq!(QUICKSTART.running(&[]).to_string(), "cargo run --quiet --example quickstart");
        assert_eq!(
            CROND.running(&features).to_string(),
            "cargo run --quiet --example crond --features sqlite,cbor -- data/crontab --for 5s"
        );
    }

    #[test]
    fn list_and_examples_agree() {
        let (both, other) = (package(&["crond", "quickstart"]), package(&["crond", "events"]));
        let present = |package| Package::examples(package).collect::<Vec<_>>();

        assert!(differences(&[QUICKSTART, CROND], &present(&both)).is_empty());
        assert_eq!(
            differences(&[QUICKSTART, CROND], &present(&other)),
            [
                "example `quickstart` is in the list of xtask's example.rs but missing",
                "example `events` is not in the list of xtask's example.rs",
            ]
        );
    }

    #[test]
    fn servers_of_examples_are_those_that_they_are_named_for() {
        let package = package(&["quickstart", "persistent_sqlite", "postgres_cluster"]);

        assert_eq!(backends(&[package]), [Backend::Postgres]);
    }

    #[test]
    fn example_is_told_where_its_servers_are_and_left_out_without_one() {
        let listens = |backend: Backend| match backend {
            Backend::Mqtt => Err(Absent::Excuse("nobody listens".into())),
            _ => Ok("url"),
        };

        assert_eq!(environment("quickstart", listens), Ok(vec![]));
        let both = vec![("DATABASE_URL", "url"), ("REDIS_URL", "url")];
        assert_eq!(environment("postgres_redis", listens), Ok(both));
        assert_eq!(environment("mqtt_cluster", listens), Err(Absent::Excuse("nobody listens".into())));
    }
}
