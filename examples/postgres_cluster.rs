//! Several processes on one PostgreSQL: whichever is free runs a fire time, and each fire time runs once.
//!
//! cargo run --example postgres_cluster --features postgres -- worker-1   # in three terminals, with three names
//! cargo run --example postgres_cluster --features postgres               # or all three by itself, for five seconds
//!
//! `DATABASE_URL` names the database; without it, `postgres://postgres@127.0.0.1:5432/postgres`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use apsched::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The tables are kept apart from others of the database, and can be dropped with this schema.
const SCHEMA: &str = "apsched_example";

/// At most two at once, in all processes together.
#[apsched::task(max_running_jobs = 2)]
async fn count_stock(State(worker): State<String>, job: JobContext) {
    println!("{worker} ran the fire time {}", job.fire_time().unwrap_or_default().format("%T%.3f"));
    tokio::time::sleep(300.milliseconds()).await; // hard work
}

async fn work(url: &str, name: String) -> apsched::Result<()> {
    let store = SqlDataStore::connect_with(url, SqlOptions::new().schema(SCHEMA)).await?;
    let tasks = Tasks::new().add(count_stock).with_state(name.clone());
    let scheduler = Scheduler::builder().data_store(store).tasks(tasks).identity(name).build()?;
    // Every process says the same; the first one adds the schedule.
    scheduler
        .add_schedule(count_stock, (), IntervalTrigger::every(250.milliseconds()))
        .id("count-stock")
        .coalesce(Coalesce::All)
        .conflict_policy(ConflictPolicy::DoNothing)
        .await?;
    scheduler.run_until_stopped().await // Ctrl-C or SIGTERM
}

/// Starts three, ends them after a while, and counts what they said.
fn play(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (lines, said) = mpsc::channel();
    let mut workers = Vec::new();
    for name in ["worker-1", "worker-2", "worker-3"] {
        let mut command = Command::new(std::env::current_exe()?);
        let mut worker = command.arg(name).env("DATABASE_URL", url).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(worker.stdout.take().expect("it is piped"));
        let (mut output, lines) = (output.lines().map_while(Result::ok), lines.clone());
        std::thread::spawn(move || output.try_for_each(|line| lines.send(line)));
        workers.push(worker);
    }
    drop(lines);
    std::thread::sleep(5.seconds());
    workers.iter_mut().try_for_each(std::process::Child::kill)?; // as a crash would: what they hold is lost with them

    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for line in said {
        println!("{line}");
        *runs.entry(line.split(" ran ").last().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let twice = runs.values().filter(|runs| **runs > 1).count();
    println!("\n{} fire times ran, {twice} of them more than once", runs.len());
    assert!(!runs.is_empty() && twice == 0);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".into());
    if let Some(name) = std::env::args().nth(1) {
        return Ok(work(&url, name).await?);
    }
    let drop_tables = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
    let mut connection = PgConnection::connect(&url).await.map_err(|error| format!("PostgreSQL: {error}"))?;
    connection.execute(AssertSqlSafe(drop_tables.clone())).await?;
    play(&url)?;
    connection.execute(AssertSqlSafe(drop_tables)).await?;
    Ok(())
}
