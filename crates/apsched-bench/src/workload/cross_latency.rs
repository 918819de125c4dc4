//! W2 across processes: how long a job that one process adds waits for its handler in another, when nothing else happens.
//!
//! One process adds jobs and runs none; it is never started. The other is this program once more ([`Worker`]), with the one
//! task. A store and an event broker are all that they share. Both poll once a second as any scheduler does, so
//! that a message that is lost or late shows.
//!
//! The references are what the servers need at least: an insert by the database's driver alone, and a message from one connection of the
//! broker's server to another.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use apsched::Role;
use apsched::handler::Tasks;
use apsched::task::Task;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::latencies::Latencies;
use super::{Effort, runtime};
use crate::broker::Broker;
use crate::figure::Figure;
use crate::raw;
use crate::report::Table;
use crate::stopwatch::{micros_between, rest, wall_nanos};
use crate::store::{Area, Database, Store};

/// Says when it was called.
const WHEN: Task<()> = Task::new("when");

/// Microseconds to be reached by the 99th percentile: first bar, and what we want.
const BAR: (f64, f64) = (20_000.0, 5_000.0);

/// Long enough for the job's end to be written and everybody to fall asleep again.
const REST: Duration = Duration::from_millis(25);

/// Jobs at the beginning that do not count, for two seconds: the first connects the process that adds them, each connection prepares
/// its statements when it uses them for the first time, and for a second nobody knows which events others listen to, so that all
/// are sent.
const WARM_UP: usize = 80;

pub(crate) fn measure(store: Store, broker: Broker, effort: Effort) -> Result<Table> {
    let jobs = effort.pick(100, 300);
    let mut table = Table::new(title(store, broker, jobs));
    let Some(database) = store.database() else {
        table.note("not measured: no other process can use this store");
        return Ok(table);
    };
    if let Some(why) = store.missing().or_else(|| broker.missing()) {
        table.note(format!("not measured: {why}"));
        return Ok(table);
    }
    let runtime = runtime()?;
    let [mut insert, mut hearing, mut across] = <[Latencies; 3]>::default();
    // The first round warms the servers' caches up, and is thrown away.
    for round in 0..effort.pick(3, 7) + 1 {
        let inserts =
            runtime.block_on(async { tokio::spawn(raw::latencies(database, jobs, REST)).await })??;
        let messages = runtime.block_on(async { tokio::spawn(raw::hearing(broker, jobs, REST)).await })??;
        let ours = runtime
            .block_on(async { tokio::spawn(from_process_to_process(database, broker, jobs)).await })??;
        if round > 0 {
            insert.push(inserts.into_iter().next().context("an insert is always measured")?.1);
            hearing.push(messages);
            across.push(ours);
        }
    }
    let ratio = Figure::ratio("apsched / publish, heard, p50", &across.p50, &hearing.p50);
    insert.figures("limit: insert").into_iter().for_each(|figure| table.push(figure));
    hearing.figures("limit: publish, heard").into_iter().for_each(|figure| table.push(figure));
    let [p50, p99] = across.figures("apsched, add_job");
    table.push(p50);
    table.push(p99.at_most(BAR.0, BAR.1));
    table.push(ratio);
    Ok(table)
}

fn title(store: Store, broker: Broker, jobs: usize) -> String {
    let (store, broker) = (store.name(), broker.name());
    format!(
        "W2  idle, {store}, told by {broker}: from adding a job in one process to its handler in another ({jobs} jobs a round)"
    )
}

async fn from_process_to_process(database: Database, broker: Broker, jobs: usize) -> Result<Vec<f64>> {
    let area = Area::new(database).await?;
    let latencies = in_area(&area, broker, jobs).await;
    area.remove().await?;
    latencies
}

async fn in_area(area: &Area, broker: Broker, jobs: usize) -> Result<Vec<f64>> {
    let worker = Worker { area: area.clone(), broker };
    let builder = area.open()?.scheduler();
    let producer = broker.between(builder, &area.name)?.build()?;
    let (worker, mut starts) = worker.start()?;
    let mut latencies = Vec::with_capacity(jobs);
    for number in 0..WARM_UP + jobs {
        rest(REST).await;
        let added_at = wall_nanos();
        producer.add_job(WHEN, ()).await?;
        let started_at = starts.recv().await.context("the worker has ended")?;
        if number >= WARM_UP {
            latencies.push(micros_between(added_at, started_at));
        }
    }
    producer.shutdown(Duration::ZERO).await;
    worker.stop()?;
    Ok(latencies)
}

/// The process that runs the jobs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Worker {
    area: Area,
    broker: Broker,
}

/// A worker that runs, in another process.
struct Running {
    process: Child,
    /// It ends when this is closed.
    line: ChildStdin,
}

impl Worker {
    /// Starts a process of it; what comes is the time of each handler's start.
    fn start(self) -> Result<(Running, mpsc::UnboundedReceiver<u64>)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--worker", &serde_json::to_string(&self)?]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let line = process.stdin.take().context("stdin is a pipe")?;
        let mut said = BufReader::new(process.stdout.take().context("stdout is a pipe")?).lines();
        ensure!(said.next().transpose()?.as_deref() == Some(READY), "the worker did not start");
        let (hear, starts) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for started_at in said.map_while(|line| line.ok()?.parse().ok()) {
                let _ = hear.send(started_at);
            }
        });
        Ok((Running { process, line }, starts))
    }

    /// Is the worker, until nobody needs it.
    pub(crate) fn run(self) -> Result<()> {
        runtime()?.block_on(async {
            let tasks = Tasks::<()>::new().task(WHEN, async || say(&wall_nanos().to_string()));
            let builder = self.area.open()?.scheduler();
            let builder = self.broker.between(builder, &self.area.name)?.role(Role::Worker);
            let scheduler = builder.tasks(tasks).start_in_background().await?;
            say(READY);
            let wait = || std::io::stdin().read_to_end(&mut Vec::new());
            tokio::task::spawn_blocking(wait).await??;
            scheduler.shutdown(Duration::ZERO).await;
            Ok(())
        })
    }
}

impl Running {
    fn stop(mut self) -> Result<()> {
        drop(self.line);
        ensure!(self.process.wait()?.success(), "the worker failed");
        Ok(())
    }
}

/// What a worker says when it hears events.
const READY: &str = "ready";

/// Says a line to the process that started this one. When that is gone, nobody needs it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
