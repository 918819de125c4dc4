//! Servers in containers: Docker Compose and `tests/compose.yaml`, whose services have the names of the backends.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::place::Place;
use crate::deadline::{self, Ending};
use crate::metadata::Metadata;

/// Relative to the root of the workspace.
const FILE: &str = "tests/compose.yaml";

/// By its directory the project would be called `tests`, as others are.
const PROJECT: &str = "apsched-tests";

/// How long Docker may take to say whether it is there.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How Compose is called on this machine: as a part of `docker`, or the older program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compose(&'static [&'static str]);

/// Compose, where it is installed and an engine answers.
pub(super) fn engine() -> Option<Compose> {
    let is_fine = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        matches!(deadline::run(&mut command, ANSWER_LIMIT), Ok(Ending::ByItself(status)) if status.success())
    };
    if !is_fine(&["docker", "info"]) {
        return None;
    }
    let programs: [&'static [&'static str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    programs.into_iter().find(|words| is_fine(&[words, &["version"][..]].concat())).map(Compose)
}

impl Compose {
    /// Starts the container of a backend.
    pub(super) fn up(self, place: &Place, metadata: &Metadata) -> Result<()> {
        self.run(metadata, &["up", "--detach", place.backend.as_str()])?;
        place.note_composed()
    }

    /// Stops the container of a backend and removes it with its data.
    pub(super) fn down(self, place: &Place, metadata: &Metadata) -> Result<()> {
        self.run(metadata, &["rm", "--stop", "--force", "-v", place.backend.as_str()])
    }

    fn run(self, metadata: &Metadata, arguments: &[&str]) -> Result<()> {
        let line = format!("{self} --project-name {PROJECT} --file {FILE} {}", arguments.join(" "));
        println!("$ {line}");
        let mut command = Command::new(self.0[0]);
        command.args(&self.0[1..]).args(["--project-name", PROJECT, "--file", FILE]).args(arguments);
        command.current_dir(&metadata.workspace_root).stdin(Stdio::null());
        let status = command.status().with_context(|| format!("running `{line}`"))?;
        if !status.success() {
            bail!("`{line}` ended with {status}");
        }
        Ok(())
    }
}

impl fmt::Display for Compose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
