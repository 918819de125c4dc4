//! W2: how long a job waits for its handler when nothing else happens: all threads sleep, one job is added.
//!
//! The reference is the same way on foot. In memory that is a channel that wakes a loop that spawns a task; in a database an
//! insert by its driver alone ([`raw::latencies`]), on PostgreSQL with a notify that another connection hears. A scheduler
//! has to do more: what was added is also acquired before its handler starts, and its server is asked once more for that.

use std::time::Duration;

use anyhow::Result;
use apsched::handler::Tasks;
use apsched::task::Task;
use tokio::sync::mpsc;

use super::latencies::Latencies;
use super::{Effort, runtime};
use crate::figure::Figure;
use crate::raw;
use crate::report::Table;
use crate::stopwatch::{micros_between, nanos, rest};
use crate::store::{Place, Store};

/// Says when it was called.
const WHEN: Task<()> = Task::new("when");

pub(crate) fn measure(store: Store, effort: Effort) -> Result<Table> {
    let pace = Pace::of(store, effort);
    let runtime = runtime()?;
    let mut samples = Samples::default();
    // The first round on a database warms its caches up, and is thrown away.
    let warm_up = usize::from(store.database().is_some());
    for round in 0..effort.pick(3, 7) + warm_up {
        let references = runtime.block_on(async { tokio::spawn(by_references(store, pace)).await })??;
        let scheduler = runtime.block_on(async { tokio::spawn(by_scheduler(store, pace)).await })??;
        if round >= warm_up {
            samples.push(references, scheduler);
        }
    }
    Ok(samples.table(store, pace))
}

/// Microseconds to be reached by the median: first bar, goal.
const fn bar(store: Store) -> Option<(f64, f64)> {
    match store {
        Store::Memory => Some((50.0, 10.0)),
        Store::Sqlite => Some((700.0, 300.0)),
        Store::Postgres => Some((1000.0, 600.0)),
        Store::Mysql | Store::Mongodb => None,
    }
}

/// How often, and how far apart.
#[derive(Clone, Copy, Debug)]
struct Pace {
    jobs: usize,
    /// Long enough for everybody to fall asleep.
    rest: Duration,
}

impl Pace {
    fn of(store: Store, effort: Effort) -> Self {
        match store.database() {
            None => Self { jobs: effort.pick(200, 800), rest: Duration::from_millis(1) },
            // A server's processes and its disk are to be at rest, too.
            Some(_) => Self { jobs: effort.pick(100, 300), rest: Duration::from_millis(10) },
        }
    }
}

/// The ways on foot by their names; ours is divided by the last.
async fn by_references(store: Store, pace: Pace) -> Result<Vec<(&'static str, Vec<f64>)>> {
    match store.database() {
        None => Ok(vec![("bare tokio channel + spawn", by_channel(pace).await)]),
        Some(database) => raw::latencies(database, pace.jobs, pace.rest).await,
    }
}

async fn by_channel(pace: Pace) -> Vec<f64> {
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
    let mut latencies = Vec::with_capacity(pace.jobs);
    for _ in 0..pace.jobs {
        rest(pace.rest).await;
        let added_at = nanos();
        add.send(()).expect("the loop receives as long as there is a sender");
        latencies.push(micros_since(added_at, starts.recv().await));
    }
    latencies
}

async fn by_scheduler(store: Store, pace: Pace) -> Result<Vec<f64>> {
    let place = store.place().await?;
    let latencies = by_scheduler_at(&place, pace).await;
    place.remove().await?;
    latencies
}

async fn by_scheduler_at(place: &Place, pace: Pace) -> Result<Vec<f64>> {
    let (started, mut starts) = mpsc::unbounded_channel();
    let tasks = Tasks::<()>::new().task(WHEN, move || {
        let at = nanos();
        let started = started.clone();
        async move {
            let _ = started.send(at);
        }
    });
    let scheduler = place.scheduler().tasks(tasks).start_in_background().await?;
    let mut latencies = Vec::with_capacity(pace.jobs);
    for _ in 0..pace.jobs {
        // The end of the last job is written some time after its handler has ended.
        scheduler.wait_until_idle().await;
        rest(pace.rest).await;
        let added_at = nanos();
        scheduler.add_job(WHEN, ()).await?;
        latencies.push(micros_since(added_at, starts.recv().await));
    }
    scheduler.shutdown(Duration::ZERO).await;
    Ok(latencies)
}

fn micros_since(earlier: u64, later: Option<u64>) -> f64 {
    micros_between(earlier, later.expect("the handler holds a sender"))
}

#[derive(Debug, Default)]
struct Samples {
    references: Vec<(&'static str, Latencies)>,
    scheduler: Latencies,
}

impl Samples {
    fn push(&mut self, references: Vec<(&'static str, Vec<f64>)>, scheduler: Vec<f64>) {
        self.references.resize_with(references.len(), Default::default);
        for (taken, (what, micros)) in self.references.iter_mut().zip(references) {
            taken.0 = what;
            taken.1.push(micros);
        }
        self.scheduler.push(scheduler);
    }

    fn table(self, store: Store, pace: Pace) -> Table {
        let (name, jobs) = (store.name(), pace.jobs);
        let title =
            format!("W2  idle, {name}: from adding a job to the start of its handler ({jobs} jobs a round)");
        let mut table = Table::new(title);
        let mut ratio = None;
        for (what, reference) in self.references {
            let what_ratio = format!("apsched / {what}, p50");
            ratio = Some(Figure::ratio(what_ratio, &self.scheduler.p50, &reference.p50));
            reference.figures(what).into_iter().for_each(|figure| table.push(figure));
        }
        let [p50, p99] = self.scheduler.figures("apsched, add_job");
        table.push(match bar(store) {
            Some((first, goal)) => p50.at_most(first, goal),
            None => p50,
        });
        table.push(p99);
        ratio.into_iter().for_each(|ratio| table.push(ratio));
        table
    }
}
