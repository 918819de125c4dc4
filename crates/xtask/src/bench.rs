//! `cargo xtask bench`: the benchmarks, always built for release.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cargo::Cargo;

/// Runs apsched-bench with `arguments`. Fails as it does.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let cargo = Cargo::new(&["run", "--release", "--package", "apsched-bench", "--"])
        .args(arguments.iter().map(String::as_str));
    let status = cargo.command().status().with_context(|| format!("running `{cargo}`"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
