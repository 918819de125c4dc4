//! The step `examples`: every example is run as its reader would run it, and must end by itself, with success, before
//! its deadline.
//!
//! The list ([`EXAMPLES`]) and the examples there are must agree, so that none is written and never run. One that needs a
//! server is handed its URL; where the server is missing, it is named as skipped, since without a server it
//! would rightly fail.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::backend::Backend;
use crate::cargo::Cargo;
use crate::deadline::{self, Ending};
use crate::metadata::Package;
use crate::server::Servers;

/// The examples, in the order in which a newcomer meets them. Each is run with these
/// arguments.
const EXAMPLES: &[Example] = &[
    Example::new("quickstart"),
    Example { arguments: &["examples/data/crontab", "--for", "5s"], ..Example::new("crond") },
    Example::new("job_queue"),
    Example::new("custom_trigger"),
    Example::new("graceful_shutdown"),
    Example::new("events"),
    Example { server: Some(Backend::Redis), ..Example::new("redis_cluster") },
    Example { server: Some(Backend::Mqtt), ..Example::new("mqtt_cluster") },
];

/// How long an example may run. Building it does not count.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
struct Example {
    name: &'static str,
    arguments: &'static [&'static str],
    /// What it cannot do without, and whose URL is its last argument.
    server: Option<Backend>,
}

impl Example {
    const fn new(name: &'static str) -> Self {
        Self { name, arguments: &[], server: None }
    }

    fn building(&self) -> Cargo {
        Cargo::new(&["build", "--quiet", "--example", self.name])
    }

    fn running(&self, url: Option<&str>) -> Cargo {
        let cargo = Cargo::new(&["run", "--quiet", "--example", self.name]);
        if self.arguments.is_empty() && url.is_none() {
            cargo
        } else {
            cargo.args(["--"]).args(self.arguments.iter().copied()).args(url)
        }
    }
}

/// Runs every example. `Ok(Err(…))` says what is wrong with the first one that fails.
pub(crate) fn run(servers: &Servers) -> Result<Result<String, String>> {
    let present: Vec<&str> = servers.metadata.packages.iter().flat_map(Package::examples).collect();
    let differences = differences(EXAMPLES, &present);
    if !differences.is_empty() {
        return Ok(Err(differences.join("; ")));
    }
    let mut skipped = Vec::new();
    for example in EXAMPLES {
        let url = match example.server.map(|backend| servers.url(backend)) {
            None => None,
            Some(Ok(url)) => Some(url),
            Some(Err(why)) => {
                skipped.push(format!("{} ({why})", example.name));
                continue;
            }
        };
        if let Some(problem) = problem_of(example, url)? {
            return Ok(Err(problem));
        }
    }
    let run = format!("{} run", EXAMPLES.len() - skipped.len());
    Ok(Ok(if skipped.is_empty() { run } else { format!("{run}; skipped: {}", skipped.join(", ")) }))
}

fn problem_of(example: &Example, url: Option<&str>) -> Result<Option<String>> {
    let (building, running) = (example.building(), example.running(url));
    println!("$ {running}");
    let is_built = building.command().status().with_context(|| format!("running `{building}`"))?.success();
    if !is_built {
        return Ok(Some(format!("`{building}` failed")));
    }
    Ok(match deadline::run(running.command().stdin(Stdio::null()), DEADLINE)? {
        Ending::ByItself(status) if status.success() => None,
        Ending::ByItself(status) => Some(format!("`{running}` ended with {status}")),
        Ending::Killed => Some(format!("`{running}` did not end within {DEADLINE:?}")),
    })
}

/// What stands in the list and is missing, then what is present and not in the list.
fn differences(list: &[Example], present: &[&str]) -> Vec<String> {
    let missing = list.iter().filter(|example| !present.contains(&example.name));
    let missing =
        missing.map(|it| format!("example `{}` is in the list of xtask's example.rs but missing", it.name));
    let unlisted = present.iter().filter(|&&name| list.iter().all(|example| example.name != name));
    let unlisted = unlisted.map(|name| format!("example `{name}` is not in the list of xtask's example.rs"));
    missing.chain(unlisted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICKSTART: Example = Example::new("quickstart");
    const CROND: Example = Example { arguments: &["data/crontab", "--for", "5s"], ..Example::new("crond") };

    #[test]
    fn example_is_run_as_its_reader_would() {
        assert_eq!(QUICKSTART.running(None).to_string(), "cargo run --quiet --example quickstart");
        assert_eq!(
            CROND.running(None).to_string(),
            "cargo run --quiet --example crond -- data/crontab --for 5s"
        );
        assert_eq!(
            QUICKSTART.running(Some("redis://host")).to_string(),
            "cargo run --quiet --example quickstart -- redis://host"
        );
    }

    #[test]
    fn list_and_examples_agree() {
        assert!(differences(&[QUICKSTART, CROND], &["crond", "quickstart"]).is_empty());
        assert_eq!(
            differences(&[QUICKSTART, CROND], &["crond", "events"]),
            [
                "example `quickstart` is in the list of xtask's example.rs but missing",
                "example `events` is not in the list of xtask's example.rs",
            ]
        );
    }
}
