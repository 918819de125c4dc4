//! A cluster: two workers, each a process of its own, and this one, which adds jobs. They share a database, and Redis tells
//! each what the others do.
//!
//! `REDIS_URL` names the server; without it, `redis://127.0.0.1:6379`.
//!
//! cargo run --example redis_cluster --features redis,sqlite

use std::process::{Command, Stdio};
use std::time::Instant;

use apsched::event::Health;
use apsched::prelude::*;
use tokio::io::AsyncReadExt;

/// Says which process did it. Any number may run at once.
#[apsched::task(max_running_jobs = None)]
async fn square(number: u64) -> (u64, u32) {
    (number * number, std::process::id())
}

/// Both kinds of process are put together like this; without Redis they would look at the database every 10 seconds.
fn scheduler(redis: &str, database: &str) -> anyhow::Result<apsched::SchedulerBuilder> {
    let store = SqlDataStore::open(database)?;
    let broker = RedisBroker::connect(redis)?;
    Ok(Scheduler::builder().data_store(store).event_broker(broker).poll_interval(10.seconds()))
}

/// Runs jobs until the process that started it closes the line.
async fn work(redis: &str, database: &str) -> anyhow::Result<()> {
    let worker = scheduler(redis, database)?.task(square).start_in_background().await?;
    println!("worker {} has started", std::process::id());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    worker.shutdown(1.seconds()).await;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redis = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    if let Some(database) = std::env::args().nth(1) {
        return work(&redis, &database).await;
    }

    let directory = std::env::temp_dir().join(format!("apsched-cluster-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let database = format!("sqlite:{}?mode=rwc", directory.join("jobs.db").display());
    let done = add_jobs(&redis, &database).await;
    std::fs::remove_dir_all(directory)?;
    done
}

async fn add_jobs(redis: &str, database: &str) -> anyhow::Result<()> {
    let client = scheduler(redis, database)?.role(Role::Scheduler).start_in_background().await?;
    if let Health::Unhealthy(reason) = client.broker_health() {
        anyhow::bail!("the cluster would be slow: {reason}");
    }
    let this = std::env::current_exe()?;
    let start = || Command::new(&this).arg(database).stdin(Stdio::piped()).spawn();
    let mut workers = [start()?, start()?];

    client.run_job(square, 0).await?; // a worker is there
    for number in 1..=5 {
        let began = Instant::now();
        let (result, process) = client.run_job(square, number).await?;
        println!("{number}² = {result}, says process {process} after {:.1?}", began.elapsed());
        anyhow::ensure!(began.elapsed() < 5.seconds(), "nobody was told of the job");
    }

    for worker in &mut workers {
        drop(worker.stdin.take()); // closes the line
        worker.wait()?;
    }
    client.shutdown(1.seconds()).await;
    Ok(())
}
