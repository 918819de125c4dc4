//! A small cron daemon: reads a crontab file and runs its commands, their output in the log.
//!
//! cargo run --example crond -- examples/data/crontab --for 5s

mod crontab;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use apsched::prelude::*;
use clap::Parser;
use crontab::Command;
use tokio::io::AsyncWriteExt;

/// Runs the commands of a crontab file. Times are UTC, unless the file sets CRON_TZ.
#[derive(Parser)]
struct Arguments {
    /// The crontab file: the usual lines, and `@every 90s command`
    file: PathBuf,
    /// How long to run, such as 10s or 2h [default: until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    run_for: Option<Duration>,
}

/// Runs a command by its shell. As many commands may run at once as are due, but each only once: a line that is due
/// again while its command still runs is skipped, which is a schedule's default.
#[apsched::task(max_running_jobs = None)]
async fn run(command: Command, job: JobContext) -> Result<(), JobError> {
    let line = job.schedule_id().map(ToString::to_string).unwrap_or_default();
    tracing::info!("{line} $ {}", command.text);
    let mut child = tokio::process::Command::new(command.shell())
        .arg("-c")
        .arg(&command.text)
        .envs(&command.variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true) // when the job is cancelled, its future is dropped, and the command goes with it
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        _ = stdin.write_all(command.input.as_bytes()).await; // a command need not read what it is given
    }
    let output = child.wait_with_output().await?;
    String::from_utf8_lossy(&output.stdout).lines().for_each(|text| tracing::info!("{line} > {text}"));
    String::from_utf8_lossy(&output.stderr).lines().for_each(|text| tracing::warn!("{line} > {text}"));
    if !output.status.success() {
        tracing::error!("{line} ended with {}", output.status);
        return Err(JobError::new(output.status));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { file, run_for } = Arguments::parse();
    tracing_subscriber::fmt().with_target(false).with_ansi(std::io::stdout().is_terminal()).init();
    let name = file.display();
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {name}"))?;
    let scheduler = Scheduler::builder().task(run).build()?;
    for (number, line) in crontab::lines(&text) {
        let place = || format!("{name}, line {number}");
        let (trigger, command) = line.with_context(place)?;
        tracing::info!("line {number}: {} — {trigger}", command.text);
        scheduler
            .add_schedule(run, command, trigger)
            .id(format!("line {number}"))
            .await
            .with_context(place)?;
    }
    // Ctrl-C and SIGTERM end it as well. Commands that still run have 3 seconds to finish.
    let stopped = scheduler.run_until_stopped();
    tokio::time::timeout(run_for.unwrap_or(Duration::MAX), stopped).await.unwrap_or(Ok(()))?;
    scheduler.shutdown(3.seconds()).await;
    Ok(())
}
