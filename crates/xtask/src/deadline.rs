//! What must happen by a deadline: a command that ends by itself, a condition that comes true.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often a running command or a condition is looked at.
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

/// Looks until there is something, for at most `limit`, and at least once.
#[expect(clippy::disallowed_methods, reason = "processes and servers take real time")]
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = look();
        if found.is_some() || start.elapsed() >= limit {
            return found;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn end(mut child: Child, limit: Duration) -> Result<Ending> {
    let status = until(limit, || child.try_wait().transpose());
    if let Some(status) = status {
        return Ok(Ending::ByItself(status.context("waiting for a child process")?));
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
    fn condition_is_looked_at_until_it_comes_true() {
        let mut looks = 0;
        let third = until(MINUTE, || {
            looks += 1;
            (looks == 3).then_some("third")
        });

        assert_eq!(third, Some("third"));
        assert_eq!(until(Duration::ZERO, || None::<()>), None);
    }

    #[test]
    fn command_that_cannot_start_is_named() {
        let error = run(&mut Command::new("no-such-program"), MINUTE).unwrap_err();

        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
