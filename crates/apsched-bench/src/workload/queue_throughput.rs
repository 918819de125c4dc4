//! W1 in a database: how many no-op jobs a second are added, and how many are run, beside what its driver alone can do.
//!
//! Adding and running are measured apart. Jobs are added by a scheduler that does not run; then one starts, and the clock
//! runs until every job has run and its end is written. The limit is a minimal queue ([`crate::raw`]), filled and worked
//! off in the same round with one connection and with two; the better counts.

use std::time::Duration;

use anyhow::Result;
use apsched::Scheduler;
use apsched::handler::Tasks;
use apsched::task::Task;

use super::countdown::Countdown;
use super::{Effort, runtime};
use crate::figure::{Figure, Unit};
use crate::raw;
use crate::report::Table;
use crate::stopwatch::Stopwatch;
use crate::store::{Database, Place, Store};

const NOTHING: Task = Task::new("nothing");

/// Jobs that are added at once, where they are.
const BATCH: usize = 1000;

/// What a program says that wants many short jobs run.
const MANY_CONCURRENT_JOBS: usize = 1000;

/// What a program gets that says nothing.
const DEFAULT_CONCURRENT_JOBS: usize = 100;

/// Callers that add jobs one by one at the same time.
const CALLERS: usize = 16;

static RUN: Countdown = Countdown::new();

pub(crate) fn measure(store: Store, database: Database, effort: Effort) -> Result<Table> {
    let jobs = effort.pick(20_000, 100_000);
    let singles = effort.pick(500, 2_000);
    let runtime = runtime()?;
    let mut samples = Samples::default();
    // The first round warms caches up, and is thrown away.
    for round in 0..=effort.pick(3, 7) {
        let taken = runtime.block_on(async {
            let many = on_worker(add_and_run(store, jobs, MANY_CONCURRENT_JOBS, 1)).await?;
            let raw_1 = on_worker(raw::measure(database, 1, jobs)).await?;
            let default = on_worker(add_and_run(store, jobs, DEFAULT_CONCURRENT_JOBS, 2)).await?;
            let raw_2 = on_worker(raw::measure(database, 2, jobs)).await?;
            let single = on_worker(add_one_by_one(store, singles)).await?;
            anyhow::Ok(Round { raw: [raw_1, raw_2], many, default, single })
        })?;
        if round > 0 {
            samples.push(&taken);
        }
    }
    Ok(samples.table(store, database, jobs))
}

/// Runs `work` on a worker thread of the runtime, where programs do theirs.
async fn on_worker<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await?
}

/// What one pass over so many jobs reached.
#[derive(Clone, Copy, Debug)]
struct Rates {
    add: f64,
    run: f64,
}

/// Adds jobs in batches, by so many callers; then runs them.
async fn add_and_run(store: Store, jobs: usize, at_once: usize, callers: usize) -> Result<Rates> {
    let place = store.place().await?;
    let rates = add_and_run_at(&place, jobs, at_once, callers).await;
    place.remove().await?;
    rates
}

async fn add_and_run_at(place: &Place, jobs: usize, at_once: usize, callers: usize) -> Result<Rates> {
    let client = scheduler(place, at_once)?;
    // With its first call it makes the tables.
    client.add_jobs(NOTHING, []).await?;
    let watch = Stopwatch::start();
    let adding = (0..callers).map(|_| tokio::spawn(add_batches(client.clone(), jobs / callers)));
    for caller in adding.collect::<Vec<_>>() {
        caller.await??;
    }
    let add = watch.rate(jobs);
    RUN.expect(jobs);
    let worker = scheduler(place, at_once)?;
    let watch = Stopwatch::start();
    worker.start_in_background().await?;
    RUN.wait().await;
    // The last handler has run; it is not reported yet, so the scheduler is not idle before that is written.
    worker.wait_until_idle().await;
    let run = watch.rate(jobs);
    worker.shutdown(Duration::ZERO).await;
    Ok(Rates { add, run })
}

async fn add_batches(client: Scheduler, jobs: usize) -> Result<()> {
    for _ in 0..jobs / BATCH {
        client.add_jobs(NOTHING, std::iter::repeat_n((), BATCH)).await?;
    }
    Ok(())
}

/// Jobs added one by one: by one caller, and by many at once.
#[derive(Clone, Copy, Debug)]
struct Single {
    alone: f64,
    together: f64,
}

async fn add_one_by_one(store: Store, jobs: usize) -> Result<Single> {
    let place = store.place().await?;
    let rates = add_one_by_one_at(&place, jobs).await;
    place.remove().await?;
    rates
}

async fn add_one_by_one_at(place: &Place, jobs: usize) -> Result<Single> {
    let client = scheduler(place, DEFAULT_CONCURRENT_JOBS)?;
    client.add_jobs(NOTHING, []).await?;
    let watch = Stopwatch::start();
    add_each(client.clone(), jobs).await?;
    let alone = watch.rate(jobs);
    let watch = Stopwatch::start();
    let adding = (0..CALLERS).map(|_| tokio::spawn(add_each(client.clone(), jobs)));
    for caller in adding.collect::<Vec<_>>() {
        caller.await??;
    }
    Ok(Single { alone, together: watch.rate(jobs * CALLERS) })
}

async fn add_each(client: Scheduler, jobs: usize) -> Result<()> {
    for _ in 0..jobs {
        client.add_job(NOTHING, ()).await?;
    }
    Ok(())
}

fn scheduler(place: &Place, at_once: usize) -> Result<Scheduler> {
    let tasks = Tasks::<()>::new().task_with(
        NOTHING,
        async || RUN.count(),
        |settings| settings.max_running_jobs(None),
    );
    Ok(place.scheduler().tasks(tasks).max_concurrent_jobs(at_once).build()?)
}

/// What was measured one after the other.
#[derive(Debug)]
struct Round {
    /// With one connection, and with two.
    raw: [raw::RawRates; 2],
    many: Rates,
    default: Rates,
    single: Single,
}

#[derive(Debug, Default)]
struct Samples {
    raw_insert: [Vec<f64>; 2],
    raw_run: [Vec<f64>; 2],
    insert_limit: Vec<f64>,
    run_limit: Vec<f64>,
    add_by: [Vec<f64>; 2],
    add: Vec<f64>,
    run_many: Vec<f64>,
    run_default: Vec<f64>,
    single: Vec<f64>,
    single_together: Vec<f64>,
}

impl Samples {
    fn push(&mut self, round: &Round) {
        for (connections, raw) in round.raw.iter().enumerate() {
            self.raw_insert[connections].push(raw.insert);
            self.raw_run[connections].push(raw.run);
        }
        self.insert_limit.push(round.raw[0].insert.max(round.raw[1].insert));
        self.run_limit.push(round.raw[0].run.max(round.raw[1].run));
        self.add_by[0].push(round.many.add);
        self.add_by[1].push(round.default.add);
        self.add.push(round.many.add.max(round.default.add));
        self.run_many.push(round.many.run);
        self.run_default.push(round.default.run);
        self.single.push(round.single.alone);
        self.single_together.push(round.single.together);
    }

    fn table(self, store: Store, database: Database, jobs: usize) -> Table {
        let mut table = Table::new(format!("W1  no-op jobs on {} ({jobs} a round)", store.name()));
        let bars = Bars::of(database);
        let ratios = [
            Figure::ratio("added in batches / limit", &self.add, &self.insert_limit)
                .at_least(bars.add.0, bars.add.1),
            Figure::ratio("run / limit", &self.run_many, &self.run_limit).at_least(bars.run.0, bars.run.1),
            Figure::ratio("run / limit, default concurrency", &self.run_default, &self.run_limit),
        ];
        let [insert_1, insert_2] = self.raw_insert;
        let [run_1, run_2] = self.raw_run;
        let [add_1, add_2] = self.add_by;
        let rates = [
            ("limit: insert 1,000, 1 connection", insert_1),
            ("limit: insert 1,000, 2 connections", insert_2),
            ("apsched, add_jobs of 1,000, 1 caller", add_1),
            ("apsched, add_jobs of 1,000, 2 callers", add_2),
            ("apsched, add_job each, 1 caller", self.single),
            ("apsched, add_job each, 16 callers", self.single_together),
            ("limit: claim 100 + delete, 1 connection", run_1),
            ("limit: claim 100 + delete, 2 connections", run_2),
            ("apsched, run, max_concurrent_jobs 1,000", self.run_many),
            ("apsched, run, max_concurrent_jobs 100", self.run_default),
        ];
        rates.into_iter().for_each(|(what, samples)| table.push(Figure::new(what, Unit::PerSecond, samples)));
        ratios.into_iter().for_each(|ratio| table.push(ratio));
        table.note(
            "max_running_jobs without limit, results not kept; in a ratio the better of one and two counts",
        );
        table
    }
}

/// What is to be reached: first bar, goal.
struct Bars {
    add: (f64, f64),
    run: (f64, f64),
}

impl Bars {
    const fn of(database: Database) -> Self {
        match database {
            Database::Sqlite => Self { add: (0.35, 0.6), run: (0.25, 0.5) },
            Database::Postgres | Database::Mysql => Self { add: (0.3, 0.6), run: (0.4, 0.8) },
            Database::Mongodb => Self { add: (0.3, 0.6), run: (0.5, 0.8) },
        }
    }
}
