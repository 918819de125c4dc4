//! A server as a process of ours, which outlives this program: started away from the terminal, found again by its number and
//! its beginning, and stopped.
//!
//! A number alone would not do: after a restart of the machine it may be anybody's.

use std::fs::{self, File, OpenOptions};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::place::Place;
use super::recipe::Recipe;
use crate::deadline;

/// How long a server may take to end before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What became of a server that was to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It ran, and ended.
    Ended,
    /// It had ended before.
    WasGone,
    /// It was not started here.
    NotOurs,
}

/// Prepares and starts a server, and notes whose it is.
pub(super) fn start(place: &Place, recipe: Recipe) -> Result<Child> {
    place.make()?;
    File::create(place.log()).with_context(|| format!("making {}", place.log().display()))?;
    let Recipe { prepare, mut serve } = recipe;
    if let Some(mut prepare) = prepare {
        let program = prepare.get_program().to_owned();
        let status = prepare.stdin(Stdio::null()).stdout(log(place)?).stderr(log(place)?).status();
        let status = status.with_context(|| format!("running {}", program.display()))?;
        if !status.success() {
            let said = place.end_of_log();
            place.forget()?;
            bail!("{} ended with {status}{said}", program.display());
        }
    }
    place.note_prepared()?;
    serve.stdin(Stdio::null()).stdout(log(place)?).stderr(log(place)?);
    apart(&mut serve);
    let child = serve.spawn().with_context(|| format!("starting {}", serve.get_program().display()))?;
    let beginning = beginning(child.id()).unwrap_or_default();
    let note = place.process();
    fs::write(&note, format!("{}\n{beginning}\n", child.id()))
        .with_context(|| format!("writing {}", note.display()))?;
    Ok(child)
}

/// The number of the process that was started for `place`, while it runs.
pub(super) fn running(place: &Place) -> Option<u32> {
    let note = fs::read_to_string(place.process()).ok()?;
    let (number, noted) = note.split_once('\n')?;
    let number = number.parse().ok()?;
    (beginning(number)? == noted.trim_end()).then_some(number)
}

/// Ends the server of `place`, if it was started here, and removes its data.
pub(super) fn stop(place: &Place) -> Result<Stopped> {
    if !place.process().exists() {
        return Ok(Stopped::NotOurs);
    }
    let stopped = match running(place) {
        None => Stopped::WasGone,
        Some(number) => {
            signal("TERM", number)?;
            let has_ended = || running(place).is_none().then_some(());
            if deadline::until(STOP_LIMIT, has_ended).is_none() {
                signal("KILL", number)?;
                let limit = STOP_LIMIT;
                deadline::until(limit, has_ended).with_context(|| {
                    format!("process {number} was killed and is still there after {limit:?}")
                })?;
            }
            Stopped::Ended
        }
    };
    place.forget()?;
    Ok(stopped)
}

fn log(place: &Place) -> Result<File> {
    let log = place.log();
    let file = OpenOptions::new().create(true).append(true).open(&log);
    file.with_context(|| format!("opening {}", log.display()))
}

/// What interrupts this program must not reach the server: it gets a process group of its own.
fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// The shell has `kill` built in; the program is missing on small machines.
fn signal(name: &str, number: u32) -> Result<()> {
    let line = format!("kill -{name} {number}");
    let status = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
    // A process that is gone by now is no failure; who waits for its end sees the others.
    status.with_context(|| format!("running `{line}`")).map(drop)
}

/// When a process began, in words that nobody needs to understand; `None` when there is none, or only what is left of one
/// that nobody has waited for.
fn beginning(number: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        // The second field, the name, stands in brackets and may hold anything; the third is the state, the 22nd the beginning.
        let fields = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let fields: Vec<_> = fields.rsplit_once(')')?.1.split_whitespace().collect();
        return fields.get(19).filter(|_| fields[0] != "Z").map(|it| (*it).to_owned());
    }
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &number.to_string()]).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let (state, beginning) = line.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| beginning.trim().to_owned())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    /// A place below the system's directory for such things, which is removed with it.
    struct Temporary(Place);

    impl Temporary {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("apsched-{name}-{}", std::process::id()));
            let place = Place { backend: Backend::Redis, directory };
            place.make().unwrap();
            fs::create_dir(place.data()).unwrap();
            Self(place)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0.directory).unwrap();
        }
    }

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn server_runs_until_it_is_stopped_and_its_data_go_with_it() {
        let Temporary(place) = &Temporary::new("stopped");
        let recipe = Recipe { prepare: Some(shell("echo prepared")), serve: shell("exec tail -f /dev/null") };

        let mut child = start(place, recipe).unwrap();

        assert_eq!(running(place), Some(child.id()));
        assert_eq!(fs::read_to_string(place.log()).unwrap(), "prepared\n");
        assert_eq!(stop(place).unwrap(), Stopped::Ended);
        child.wait().unwrap();
        assert!(running(place).is_none() && !place.data().exists());
        assert_eq!(stop(place).unwrap(), Stopped::NotOurs);
    }

    #[test]
    fn server_that_ended_is_not_running() {
        let Temporary(place) = &Temporary::new("ended");

        start(place, Recipe { prepare: None, serve: shell("exit 3") }).unwrap().wait().unwrap();

        assert_eq!(stop(place).unwrap(), Stopped::WasGone);
    }

    #[test]
    fn process_of_another_beginning_is_not_ours() {
        let Temporary(place) = &Temporary::new("other");

        fs::write(place.process(), format!("{}\n0\n", std::process::id())).unwrap();

        assert_eq!((running(place), stop(place).unwrap()), (None, Stopped::WasGone));
    }

    #[test]
    fn failed_preparation_tells_the_end_of_the_log_and_leaves_nothing() {
        let Temporary(place) = &Temporary::new("failed");
        let recipe = Recipe { prepare: Some(shell("echo no space; exit 1")), serve: shell("exit 0") };

        let error = start(place, recipe).unwrap_err();

        assert_eq!(error.to_string(), "sh ended with exit status: 1\n    no space");
        assert!(!place.data().exists() && !place.prepared().exists());
    }
}
