//! What the user may type after `cargo xtask`.

use std::fmt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backend::Backend;
use crate::step::Step;

/// The tasks of the apsched workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Task {
    /// Check everything that a change must pass, in steps, up to the first failure
    Test(TestOptions),
    /// Start, stop or list the servers that tests need
    Services {
        #[arg(value_enum)]
        task: ServicesTask,
        /// This one alone (may be repeated)
        #[arg(long = "backend", value_name = "NAME", value_parser = backend_names())]
        backends: Vec<Backend>,
    },
    /// Run the benchmarks, built for release
    #[command(disable_help_flag = true)]
    Bench {
        /// Handed on to apsched-bench; `--help` lists its workloads
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        arguments: Vec<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct TestOptions {
    /// Run this step alone
    #[arg(long, value_enum, value_name = "STEP")]
    pub(crate) only: Option<Step>,
    /// Run the suites of this backend alone (may be repeated)
    #[arg(long = "backend", value_name = "NAME", value_parser = backend_names())]
    pub(crate) backends: Vec<Backend>,
    /// Fail where a server is missing, as in CI, instead of skipping its tests
    #[arg(long)]
    pub(crate) require: bool,
}

impl TestOptions {
    /// The steps that are run.
    pub(crate) fn steps(&self) -> Vec<Step> {
        match self.only {
            Some(step) => vec![step],
            None if self.backends.is_empty() => Step::all().to_vec(),
            None => vec![Step::Services, Step::Test],
        }
    }
}

/// As it is typed behind `cargo xtask test`, with a space before each.
impl fmt::Display for TestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.only {
            write!(f, " --only {}", step.name())?;
        }
        self.backends.iter().try_for_each(|backend| write!(f, " --backend {backend}"))?;
        if self.require { f.write_str(" --require") } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServicesTask {
    /// use what listens, start what does not: with Docker, or as a process of this machine
    Up,
    /// stop what `up` has started, and remove its data
    Down,
    /// list the servers: where they are, whether they can be used, how to get them
    Status,
}

fn backend_names() -> impl TypedValueParser<Value = Backend> {
    let names = PossibleValuesParser::new(Backend::ALL.map(Backend::as_str));
    names.try_map(|name| name.parse::<Backend>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Task, clap::Error> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.task)
    }

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    fn test_options(line: &str) -> TestOptions {
        let Ok(Task::Test(options)) = parse(line) else { panic!("{line} is no test") };
        options
    }

    #[test]
    fn test_runs_every_step_unless_one_is_named() {
        assert_eq!(test_options("xtask test").steps(), Step::all());
        assert_eq!(test_options("xtask test --only clippy").steps(), [Step::Clippy]);
    }

    #[test]
    fn test_of_a_backend_starts_its_server_and_runs_its_suites() {
        let options = test_options("xtask test --backend postgres --backend redis");

        assert_eq!(options.backends, [Backend::Postgres, Backend::Redis]);
        assert_eq!(options.steps(), [Step::Services, Step::Test]);
        assert_eq!(test_options("xtask test --backend postgres --only test").steps(), [Step::Test]);
    }

    #[test]
    fn test_options_read_as_they_are_typed() {
        for line in ["", " --only test", " --backend postgres --backend redis --require"] {
            assert_eq!(test_options(&format!("xtask test{line}")).to_string(), line);
        }
    }

    #[test]
    fn unknown_step_is_refused_with_the_steps_there_are() {
        let message = parse("xtask test --only clipy").unwrap_err().to_string();

        assert!(message.contains("clippy"), "{message}");
    }

    #[test]
    fn services_are_all_unless_some_are_named() {
        let (up, status) = (ServicesTask::Up, ServicesTask::Status);

        assert_eq!(parse("xtask services up").unwrap(), Task::Services { task: up, backends: vec![] });
        assert_eq!(
            parse("xtask services status --backend redis --backend mqtt").unwrap(),
            Task::Services { task: status, backends: vec![Backend::Redis, Backend::Mqtt] }
        );
    }

    #[test]
    fn unknown_backend_is_refused_with_the_backends_there_are() {
        let message = parse("xtask services up --backend oracle").unwrap_err().to_string();

        assert!(message.contains("sqlite, postgres, mysql, mongodb, redis, mqtt"), "{message}");
    }

    #[test]
    fn bench_hands_every_argument_on() {
        for arguments in ["memory --seconds 3", "--help", "--list -v"] {
            let expected = arguments.split(' ').map(String::from).collect();

            assert_eq!(
                parse(&format!("xtask bench {arguments}")).unwrap(),
                Task::Bench { arguments: expected }
            );
        }
    }
}
