//! Runs a command that must end by itself, up to a deadline.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often a running command is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    ByItself(ExitStatus),
    /// It was still running at the deadline and has been killed.
    Killed,
}

/// Runs `command` to its end, or kills it `limit` after its start.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Ending> {
    let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    end(child, limit)
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a child process is one of real time")]
fn end(mut child: Child, limit: Duration) -> Result<Ending> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().context("waiting for a child process")? {
            return Ok(Ending::ByItself(status));
        }
        thread::sleep(POLL_INTERVAL);
    }
    child.kill().context("killing a child process")?;
    child.wait().context("waiting for a killed child process")?;
    Ok(Ending::Killed)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rustc(argument: &str) -> Command {
        let mut command = Command::new("rustc");
        command.arg(argument).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[test]
    fn command_that_ends_by_itself_tells_how() {
        let Ending::ByItself(good) = run(&mut rustc("--version"), MINUTE).unwrap() else { panic!("killed") };
        let Ending::ByItself(bad) = run(&mut rustc("--no-such-option"), MINUTE).unwrap() else {
            panic!("killed")
        };

        assert!(good.success() && !bad.success());
    }

    #[test]
    fn command_past_its_deadline_is_killed() {
        let waits_for_input = rustc("-").spawn().unwrap();

        assert_eq!(end(waits_for_input, Duration::from_millis(50)).unwrap(), Ending::Killed);
    }

    #[test]
    fn command_that_cannot_start_is_named() {
        let error = run(&mut Command::new("no-such-program"), MINUTE).unwrap_err();

        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
