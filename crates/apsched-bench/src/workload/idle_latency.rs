//! W2: how long a job waits for its handler when nothing else happens: all threads sleep, one job is added.
//!
//! The reference is the same way on foot: a channel wakes a loop that spawns a task.

use std::time::Duration;

use anyhow::Result;
use apsched::handler::Tasks;
use apsched::task::Task;
use tokio::sync::mpsc;

use super::{Effort, runtime};
use crate::figure::{Figure, Unit, percentile};
use crate::report::Table;
use crate::stopwatch::{nanos, rest};
use crate::store::{Place, Store};

/// Says when it was called.
const WHEN: Task<()> = Task::new("when");

/// Long enough for every thread to fall asleep.
const REST: Duration = Duration::from_millis(1);

pub(crate) fn measure(store: Store, effort: Effort) -> Result<Table> {
    let jobs = effort.pick(200, 800);
    let runtime = runtime()?;
    let mut channel = Latencies::default();
    let mut scheduler = Latencies::default();
    for _ in 0..effort.pick(3, 7) {
        channel.push(runtime.block_on(async { tokio::spawn(by_channel(jobs)).await })?);
        scheduler.push(runtime.block_on(async { tokio::spawn(by_scheduler(store, jobs)).await })??);
    }
    let mut table =
        Table::new(format!("W2  idle: from adding a job to the start of its handler ({jobs} jobs a round)"));
    let ratio = Figure::ratio("apsched / bare, p50", &scheduler.p50, &channel.p50);
    channel.fill(&mut table, "bare tokio channel + spawn");
    let [p50, p99] = scheduler.figures("apsched, add_job");
    table.push(p50.at_most(50.0, 10.0));
    table.push(p99);
    table.push(ratio);
    Ok(table)
}

async fn by_channel(jobs: usize) -> Vec<f64> {
    let (add, mut added) = mpsc::unbounded_channel();
    let (started, mut starts) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(()) = added.recv().await {
            let started = started.clone();
            tokio::spawn(async move {
                let _ = started.send(nanos());
            });
        }
    });
    let mut latencies = Vec::with_capacity(jobs);
    for _ in 0..jobs {
        rest(REST).await;
        let added_at = nanos();
        add.send(()).expect("the loop receives as long as there is a sender");
        latencies.push(micros_since(added_at, starts.recv().await));
    }
    latencies
}

async fn by_scheduler(store: Store, jobs: usize) -> Result<Vec<f64>> {
    let place = store.place().await?;
    let latencies = by_scheduler_at(&place, jobs).await;
    place.remove().await?;
    latencies
}

async fn by_scheduler_at(place: &Place, jobs: usize) -> Result<Vec<f64>> {
    let (started, mut starts) = mpsc::unbounded_channel();
    let tasks = Tasks::<()>::new().task(WHEN, move || {
        let at = nanos();
        let started = started.clone();
        async move {
            let _ = started.send(at);
        }
    });
    let scheduler = place.scheduler().tasks(tasks).start_in_background().await?;
    let mut latencies = Vec::with_capacity(jobs);
    for _ in 0..jobs {
        rest(REST).await;
        let added_at = nanos();
        scheduler.add_job(WHEN, ()).await?;
        latencies.push(micros_since(added_at, starts.recv().await));
    }
    scheduler.shutdown(Duration::ZERO).await;
    Ok(latencies)
}

fn micros_since(earlier: u64, later: Option<u64>) -> f64 {
    let later = later.expect("the handler holds a sender");
    (later - earlier) as f64 / 1000.0
}

/// Percentiles of each round.
#[derive(Debug, Default)]
struct Latencies {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Latencies {
    fn push(&mut self, mut micros: Vec<f64>) {
        micros.sort_by(f64::total_cmp);
        self.p50.push(percentile(&micros, 0.5));
        self.p99.push(percentile(&micros, 0.99));
    }

    fn figures(self, what: &str) -> [Figure; 2] {
        let figure = |rank, samples| Figure::new(format!("{what}, {rank}"), Unit::Microseconds, samples);
        [figure("p50", self.p50), figure("p99", self.p99)]
    }

    fn fill(self, table: &mut Table, what: &str) {
        self.figures(what).into_iter().for_each(|figure| table.push(figure));
    }
}
