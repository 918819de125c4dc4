//! A program with one job that ends when a line arrives on standard input; stopped by a signal from outside.

use std::io::Write;
use std::time::Duration;

use apsched::prelude::*;

/// Runs until it is told to finish, whatever happens meanwhile.
#[apsched::task]
async fn patient() -> Result<String, JobError> {
    say("running");
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut tokio::io::BufReader::new(tokio::io::stdin()), &mut line)
        .await?;
    Ok(line.trim().to_owned())
}

#[tokio::main]
async fn main() -> apsched::Result<()> {
    let builder = Scheduler::builder()
        .task(patient)
        .drain_timeout(Duration::from_secs(600))
        .cancel_grace_period(Duration::ZERO);
    let scheduler = builder.build()?;
    // Added before the start: once it runs, signals are listened to.
    let job = scheduler.add_job(patient, ()).keep_result(Duration::from_secs(600)).await?;
    scheduler.run_until_stopped().await?;
    match job.result().await {
        Ok(word) => say(&format!("stopped after the job returned {word:?}")),
        Err(error) => say(&format!("stopped: {error}")),
    }
    Ok(())
}

/// Writes a line that whoever started the program sees at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("whoever started the program reads what it says");
}
