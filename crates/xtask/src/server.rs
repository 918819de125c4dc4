//! Which servers a run of the tests needs, which it has, and which it must have.
//!
//! Needed are those of the backends that test targets and examples are named for ([`Suites`], [`example`]). The step `services` starts what is not there, as
//! `cargo xtask services up` does, but installs no package on somebody's machine unasked. What stays missing is skipped by
//! name, or fails the step where it is required: always in CI, with `--require`, and where `APSCHED_REQUIRE_BACKENDS`
//! names it. A server that listens and does not let the tests in fails the step in any case, since they would fail as well.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::backend::{Backend, REQUIRED_VARIABLE, Required, Server};
use crate::cargo::Cargo;
use crate::cli::TestOptions;
use crate::example;
use crate::metadata::Metadata;
use crate::report::Verdict;
use crate::service::{self, Availability, Consent};
use crate::skipped;
use crate::suite::Suites;

#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) metadata: Metadata,
    /// The suites that the user named; `None` for all tests.
    selected: Option<Suites>,
    /// The backends of the tests that are run.
    needed: Vec<Backend>,
    required: Vec<Backend>,
    consent: Consent,
    /// In the order of `needed`, as far as it has been looked.
    found: Vec<(Backend, Availability)>,
}

impl Servers {
    /// Of a run with these options. Fails when a backend was named that no test belongs to.
    pub(crate) fn of(options: &TestOptions) -> Result<Self> {
        let metadata = Metadata::load()?;
        let all = Suites::of(&metadata.packages);
        for &backend in &options.backends {
            if !all.backends().contains(&backend) {
                bail!("no test target is named for {backend}, such as `tests/{backend}.rs`");
            }
        }
        let selected = (!options.backends.is_empty()).then(|| all.of_backends(&options.backends));
        let mut needed = selected.as_ref().unwrap_or(&all).backends();
        if selected.is_none() {
            needed.extend(example::backends(&metadata.packages));
            needed.sort_unstable();
            needed.dedup();
        }
        let requires_all = options.require || is_ci(std::env::var("CI").ok().as_deref());
        let named = Required::from_environment()?;
        let required = needed.iter().copied().filter(|it| requires_all || named.contains(*it)).collect();
        let consent = if requires_all { Consent::Given } else { Consent::Withheld };
        Ok(Self { metadata, selected, needed, required, consent, found: Vec::new() })
    }

    /// The step `services`: starts what is needed and not there.
    pub(crate) fn start(&mut self) -> Result<Verdict> {
        let (consent, metadata) = (self.consent, &self.metadata);
        self.found = found(&self.needed, |backend, server| service::up(backend, server, metadata, consent))?;
        for (backend, availability) in &self.found {
            println!("{backend}: {availability}");
        }
        Ok(self.verdict())
    }

    /// Looks what is there, where nothing was started.
    pub(crate) fn look(&mut self) -> Result<()> {
        if self.found.is_empty() {
            self.found = found(&self.needed, service::look)?;
        }
        Ok(())
    }

    /// The command that runs the tests.
    pub(crate) fn cargo(&self) -> Option<Cargo> {
        self.selected.as_ref().map(Suites::cargo)
    }

    /// What tests are told by variables.
    pub(crate) fn environment(&self, skipped_file: &Path) -> Vec<(String, String)> {
        let mut environment =
            vec![(skipped::FILE_VARIABLE.to_owned(), skipped_file.to_string_lossy().into_owned())];
        for (backend, availability) in &self.found {
            if let (Some(server), Availability::Up(service)) = (backend.server(), availability) {
                environment.push((server.variable.to_owned(), service.url.clone()));
            }
        }
        let required: Vec<_> = self.required.iter().map(|backend| backend.as_str()).collect();
        environment.push((REQUIRED_VARIABLE.to_owned(), required.join(",")));
        environment
    }

    /// Where the server of a backend is, once it has been looked for.
    pub(crate) fn url_of(&self, backend: Backend) -> Result<&str, Absent> {
        let found = self.found.iter().find(|(found, _)| *found == backend);
        match found.map(|(_, availability)| availability) {
            Some(Availability::Up(service)) => Ok(&service.url),
            Some(Availability::Unusable(why)) => Err(Absent::Failure(format!("{backend}: {why}"))),
            Some(Availability::Missing(why)) if self.required.contains(&backend) => {
                Err(Absent::Failure(format!("{backend}: {why}")))
            }
            Some(Availability::Missing(why)) => Err(Absent::Excuse(format!("{backend}: {why}"))),
            None => Err(Absent::Failure(format!("nobody has looked for {backend}"))),
        }
    }

    fn verdict(&self) -> Verdict {
        let is_fatal = |backend: &Backend, it: &Availability| match it {
            Availability::Up(_) => false,
            Availability::Missing(_) => self.required.contains(backend),
            Availability::Unusable(_) => true,
        };
        let fatal = self.found.iter().find(|(backend, availability)| is_fatal(backend, availability));
        if let Some((backend, availability)) = fatal {
            return Verdict::Failed(format!("{backend}: {availability}"));
        }
        let names = |is_up: bool| {
            let names = self.found.iter().filter(|(_, it)| matches!(it, Availability::Up(_)) == is_up);
            names.map(|(backend, _)| backend.as_str()).collect::<Vec<_>>().join(", ")
        };
        Verdict::Passed(match (names(true), names(false)) {
            _ if self.found.is_empty() => "no test needs a server".into(),
            (up, missing) if missing.is_empty() => up,
            (up, missing) if up.is_empty() => format!("missing: {missing}"),
            (up, missing) => format!("{up}; missing: {missing}"),
        })
    }
}

/// Why there is no server, and what follows for whoever needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It is left out, by name.
    Excuse(String),
    /// It fails.
    Failure(String),
}

/// A line for each backend whose tests were run or skipped.
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.needed.is_empty() {
            writeln!(f)?;
        }
        self.needed.iter().try_for_each(|backend| {
            let found = self.found.iter().find(|(found, _)| found == backend);
            let (word, note) = match found.map(|(_, availability)| availability) {
                None => ("ran", "it needs no server".to_owned()),
                Some(Availability::Up(service)) => ("ran", service.to_string()),
                Some(absent) => ("skipped", absent.to_string()),
            };
            writeln!(f, "  {:<9} {word:<18}   {note}", backend.as_str())
        })
    }
}

/// What `ask` says of each backend that has a server.
fn found(
    needed: &[Backend],
    ask: impl Fn(Backend, &Server) -> Result<Availability>,
) -> Result<Vec<(Backend, Availability)>> {
    let servers = needed.iter().filter_map(|backend| Some((*backend, backend.server()?)));
    servers.map(|(backend, server)| Ok((backend, ask(backend, &server)?))).collect()
}

/// Whether this is a machine of CI, by the value of the variable that they all set.
fn is_ci(value: Option<&str>) -> bool {
    value.is_some_and(|value| !["", "0", "false"].contains(&value))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::service::Service;

    fn up(backend: Backend, server: &str) -> (Backend, Availability) {
        let (url, address) = backend.server().unwrap().locate(None).unwrap();
        (backend, Availability::Up(Service::of(server, &url, address)))
    }

    fn missing(backend: Backend) -> (Backend, Availability) {
        (backend, Availability::Missing("nobody listens".into()))
    }

    fn servers(required: &[Backend], found: Vec<(Backend, Availability)>) -> Servers {
        let needed = [Backend::Sqlite].into_iter().chain(found.iter().map(|(backend, _)| *backend)).collect();
        let metadata =
            Metadata { workspace_root: PathBuf::new(), target_directory: PathBuf::new(), packages: vec![] };
        let (consent, required) = (Consent::Withheld, required.to_vec());
        Servers { metadata, selected: None, needed, required, consent, found }
    }

    #[test]
    fn tests_without_servers_need_none() {
        assert_eq!(servers(&[], vec![]).verdict(), Verdict::Passed("no test needs a server".into()));
    }

    #[test]
    fn missing_server_is_told_where_it_is_not_required() {
        let found = vec![up(Backend::Postgres, "PostgreSQL 15"), missing(Backend::Redis)];

        let verdict = servers(&[Backend::Postgres], found).verdict();

        assert_eq!(verdict, Verdict::Passed("postgres; missing: redis".into()));
    }

    #[test]
    fn missing_server_that_is_required_fails() {
        let verdict = servers(&[Backend::Redis], vec![missing(Backend::Redis)]).verdict();

        assert_eq!(verdict, Verdict::Failed("redis: nobody listens".into()));
    }

    #[test]
    fn server_that_cannot_be_used_fails_even_where_it_is_not_required() {
        let refuses = (Backend::Mysql, Availability::Unusable("refuses".into()));

        assert_eq!(servers(&[], vec![refuses]).verdict(), Verdict::Failed("mysql: refuses".into()));
    }

    #[test]
    fn who_needs_a_missing_server_is_excused_unless_it_is_required() {
        let found =
            || vec![up(Backend::Postgres, "PostgreSQL 15"), missing(Backend::Redis), missing(Backend::Mqtt)];
        let servers = servers(&[Backend::Redis], found());

        assert_eq!(servers.url_of(Backend::Postgres), Ok("postgres://postgres@127.0.0.1:5432/postgres"));
        let excuse = Absent::Excuse("mqtt: nobody listens".into());
        assert_eq!(servers.url_of(Backend::Mqtt), Err(excuse));
        let failure = Absent::Failure("redis: nobody listens".into());
        assert_eq!(servers.url_of(Backend::Redis), Err(failure));
    }

    #[test]
    fn every_backend_is_told_that_ran_or_was_skipped_and_why() {
        let found = vec![up(Backend::Postgres, "PostgreSQL 15"), missing(Backend::Redis)];

        let expected = "
  sqlite    ran                  it needs no server
  postgres  ran                  PostgreSQL 15 at 127.0.0.1:5432
  redis     skipped              nobody listens
";
        assert_eq!(servers(&[], found).to_string(), expected);
    }

    #[test]
    fn tests_are_told_the_urls_and_what_is_required() {
        let found = vec![up(Backend::Redis, "Redis"), missing(Backend::Mqtt)];

        let environment = servers(&[Backend::Sqlite, Backend::Redis], found).environment(Path::new("file"));

        let expected = [
            ("APSCHED_SKIPPED_FILE", "file"),
            ("APSCHED_TEST_REDIS_URL", "redis://127.0.0.1:6379/"),
            ("APSCHED_REQUIRE_BACKENDS", "sqlite,redis"),
        ];
        assert_eq!(environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn machine_of_ci_says_so_by_a_variable() {
        assert!(is_ci(Some("true")) && is_ci(Some("1")) && is_ci(Some("woodpecker")));
        assert!(!is_ci(None) && !is_ci(Some("")) && !is_ci(Some("false")) && !is_ci(Some("0")));
    }
}
