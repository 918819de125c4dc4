//! The step `examples`: every example is run as its reader would run it, and must end by itself, with success, before
//! its deadline.
//!
//! The list ([`EXAMPLES`]) and the examples there are must agree, so that none is written and never run.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cargo::Cargo;
use crate::deadline::{self, Ending};
use crate::metadata::{Metadata, Package};

/// The examples, in the order in which a newcomer meets them. Each is run with these
/// arguments.
const EXAMPLES: &[Example] = &[
    Example { name: "quickstart", arguments: &[] },
    Example { name: "crond", arguments: &["examples/data/crontab", "--for", "5s"] },
    Example { name: "job_queue", arguments: &[] },
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
    fn building(&self) -> Cargo {
        Cargo::new(&["build", "--quiet", "--example", self.name])
    }

    fn running(&self) -> Cargo {
        let cargo = Cargo::new(&["run", "--quiet", "--example", self.name]);
        if self.arguments.is_empty() {
            cargo
        } else {
            cargo.args(["--"]).args(self.arguments.iter().copied())
        }
    }
}

/// Runs every example. `Ok(Err(…))` says what is wrong with the first one that fails.
pub(crate) fn run() -> Result<Result<String, String>> {
    let metadata = Metadata::load()?;
    let present: Vec<&str> = metadata.packages.iter().flat_map(Package::examples).collect();
    let differences = differences(EXAMPLES, &present);
    if !differences.is_empty() {
        return Ok(Err(differences.join("; ")));
    }
    for example in EXAMPLES {
        if let Some(problem) = problem_of(example)? {
            return Ok(Err(problem));
        }
    }
    Ok(Ok(format!("{} run", EXAMPLES.len())))
}

fn problem_of(example: &Example) -> Result<Option<String>> {
    let (building, running) = (example.building(), example.running());
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

    const QUICKSTART: Example = Example { name: "quickstart", arguments: &[] };
    const CROND: Example = Example { name: "crond", arguments: &["data/crontab", "--for", "5s"] };

    #[test]
    fn example_is_run_as_its_reader_would() {
        assert_eq!(QUICKSTART.running().to_string(), "cargo run --quiet --example quickstart");
        assert_eq!(CROND.running().to_string(), "cargo run --quiet --example crond -- data/crontab --for 5s");
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
