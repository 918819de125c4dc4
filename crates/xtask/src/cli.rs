//! What the user may type after `cargo xtask`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

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
    Test {
        /// Run this step alone
        #[arg(long, value_enum, value_name = "STEP")]
        only: Option<Step>,
    },
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

    #[test]
    fn test_runs_every_step_unless_one_is_named() {
        assert_eq!(parse("xtask test").unwrap(), Task::Test { only: None });
        assert_eq!(parse("xtask test --only clippy").unwrap(), Task::Test { only: Some(Step::Clippy) });
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
