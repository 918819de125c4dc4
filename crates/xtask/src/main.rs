//! The tasks of the workspace: `cargo xtask test` checks everything that a change must pass, `cargo xtask services` starts
//! the servers that tests need, `cargo xtask bench` runs the benchmarks.
//!
//! A change is checked in steps ([`step::Step`]), cheapest first; the first failure ends the run. Most steps are one
//! cargo command. Three are our own: the house rules ([`house`]), for what clippy cannot express, the servers that tests
//! need ([`server`]), and the examples ([`example`]), which must end by themselves.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program talks to its user")]

#[path = "../../apsched-testkit/src/backend/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the testkit's own list: this program depends on no crate that it checks, and two lists would differ one day"
)]
mod backend;
mod bench;
mod cargo;
mod cli;
mod closing_line;
mod deadline;
mod deny;
mod example;
mod house;
mod metadata;
mod paint;
mod report;
mod rust_source;
mod server;
mod service;
mod skipped;
mod step;
mod suite;
mod test;
mod test_code;
mod tree;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Task};

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Services { task, backends } => service::run(task, &backends),
        Task::Bench { arguments } => bench::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
