//! A worker that is put together from the core, one store and one broker; or, told a number, a client of such workers that has it
//! doubled. The facade brings nothing that a program needs and could not have by itself.
//!
//! `without_facade <url of Redis> <channel> <url of SQLite> [number]`

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use apsched_broker_redis::{RedisBroker, RedisConfig};
use apsched_core::Task;
use apsched_core::engine::Role;
use apsched_core::event::Health;
use apsched_core::scheduler::handler::Tasks;
use apsched_core::scheduler::{Scheduler, SchedulerBuilder};
use apsched_store_sql::SqlDataStore;
use tokio::io::AsyncReadExt;

/// Gives the process that ran it, too.
const DOUBLE: Task<u64, (u64, u32)> = Task::new("double");

/// Nobody looks at the database by himself within the time of a test.
const POLL_INTERVAL: Duration = Duration::from_secs(3600);

fn builder(redis: &str, channel: &str, database: &str) -> Result<SchedulerBuilder, Box<dyn Error>> {
    let broker = RedisBroker::new(RedisConfig::from_url(redis)?.channel(channel))?;
    let store = SqlDataStore::open(database)?;
    Ok(Scheduler::builder().data_store(store).event_broker(broker).poll_interval(POLL_INTERVAL))
}

/// Works until the process that started it closes the line.
async fn work(builder: SchedulerBuilder) -> Result<(), Box<dyn Error>> {
    let tasks = Tasks::<()>::new().task(DOUBLE, async |number: u64| (2 * number, std::process::id()));
    let worker = builder.tasks(tasks).start_in_background().await?;
    is_connected(&worker)?;
    worker.wait_until_idle().await;
    say("ready");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    worker.shutdown(Duration::ZERO).await;
    Ok(())
}

async fn ask(builder: SchedulerBuilder, number: u64) -> Result<(), Box<dyn Error>> {
    let client = builder.role(Role::Scheduler).start_in_background().await?;
    is_connected(&client)?;
    let (doubled, process) = client.run_job(DOUBLE, number).await?;
    say(&format!("{doubled} by {process}"));
    client.shutdown(Duration::ZERO).await;
    Ok(())
}

fn is_connected(scheduler: &Scheduler) -> Result<(), Box<dyn Error>> {
    match scheduler.broker_health() {
        Health::Unhealthy(reason) => Err(reason.into()),
        Health::Healthy => Ok(()),
    }
}

/// Writes a line that whoever started the program sees at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.expect("whoever started the program reads what it says");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [redis, channel, database] => work(builder(redis, channel, database)?).await,
        [redis, channel, database, number] => ask(builder(redis, channel, database)?, number.parse()?).await,
        _ => Err("expected the URL of Redis, a channel, the URL of SQLite, and perhaps a number".into()),
    }
}
