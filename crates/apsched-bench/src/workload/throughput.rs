//! W1 in memory: how many no-op jobs a second are added and run, beside what the runtime itself can do.
//!
//! The clock runs from the first job that is added to the moment at which every job has run and its end is written.
//! The limit is tokio's: spawn so many tasks that do nothing, and join them. A second reference is what most queues in
//! memory are: a channel, a loop that spawns what comes out of it, a channel for the ends.

use anyhow::Result;
use apsched::Scheduler;
use apsched::handler::Tasks;
use apsched::task::Task;
use tokio::sync::mpsc;

use super::countdown::Countdown;
use super::{Effort, runtime};
use crate::figure::{Figure, Unit};
use crate::report::Table;
use crate::stopwatch::Stopwatch;

const NOTHING: Task = Task::new("nothing");

/// Jobs that are added at once, where they are.
const BATCH: usize = 1000;

/// Enough to keep two threads busy while ends are written and more is acquired.
const MAX_CONCURRENT_JOBS: usize = 1000;

/// Counts handlers that have run; a static, as it costs a handler nothing to reach.
static RUN: Countdown = Countdown::new();

pub(crate) fn measure(effort: Effort) -> Result<Table> {
    let jobs = effort.pick(50_000, 300_000);
    let runtime = runtime()?;
    let mut samples = Samples::default();
    // The first round warms caches and the allocator up, and is thrown away.
    for round in 0..=effort.pick(3, 9) {
        let taken = runtime.block_on(async {
            let round = Round {
                spawn_join: on_worker(spawn_and_join(jobs)).await?,
                spawn_channel: on_worker(spawn_and_channel(jobs)).await?,
                batches: on_worker(batches(jobs)).await??,
                single: on_worker(one_by_one(jobs)).await??,
            };
            anyhow::Ok(round)
        })?;
        if round > 0 {
            samples.push(&taken);
        }
    }
    Ok(samples.table(jobs))
}

/// Runs `work` on a worker thread of the runtime, where programs do theirs.
async fn on_worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    Ok(tokio::spawn(work).await?)
}

async fn spawn_and_join(jobs: usize) -> f64 {
    let watch = Stopwatch::start();
    let mut spawned = Vec::with_capacity(BATCH);
    for _ in 0..jobs / BATCH {
        spawned.extend((0..BATCH).map(|_| tokio::spawn(async {})));
        for task in spawned.drain(..) {
            task.await.expect("a task that does nothing ends");
        }
    }
    watch.rate(jobs)
}

async fn spawn_and_channel(jobs: usize) -> f64 {
    let (add, mut added) = mpsc::unbounded_channel();
    let (end, mut ended) = mpsc::unbounded_channel();
    let watch = Stopwatch::start();
    tokio::spawn(async move {
        while let Some(job) = added.recv().await {
            let end = end.clone();
            tokio::spawn(async move {
                // Fails only when nobody counts any more.
                let _ = end.send(job);
            });
        }
    });
    for job in 0..jobs {
        add.send(job).expect("the loop receives as long as there is a sender");
    }
    drop(add);
    while ended.recv().await.is_some() {}
    watch.rate(jobs)
}

async fn batches(jobs: usize) -> Result<f64> {
    let scheduler = start().await?;
    RUN.expect(jobs);
    let watch = Stopwatch::start();
    for _ in 0..jobs / BATCH {
        scheduler.add_jobs(NOTHING, std::iter::repeat_n((), BATCH)).await?;
    }
    let rate = finish(&scheduler, watch, jobs).await;
    Ok(rate)
}

async fn one_by_one(jobs: usize) -> Result<f64> {
    let scheduler = start().await?;
    RUN.expect(jobs);
    let watch = Stopwatch::start();
    for _ in 0..jobs {
        scheduler.add_job(NOTHING, ()).await?;
    }
    let rate = finish(&scheduler, watch, jobs).await;
    Ok(rate)
}

async fn start() -> Result<Scheduler> {
    let tasks = Tasks::<()>::new().task_with(
        NOTHING,
        async || RUN.count(),
        |settings| settings.max_running_jobs(None),
    );
    let scheduler = Scheduler::builder().tasks(tasks).max_concurrent_jobs(MAX_CONCURRENT_JOBS);
    Ok(scheduler.start_in_background().await?)
}

async fn finish(scheduler: &Scheduler, watch: Stopwatch, jobs: usize) -> f64 {
    RUN.wait().await;
    // The last handler has run; it is not reported yet, so the scheduler is not idle before that is written.
    scheduler.wait_until_idle().await;
    let rate = watch.rate(jobs);
    scheduler.shutdown(std::time::Duration::ZERO).await;
    rate
}

/// Rates of one round, taken one after the other.
#[derive(Debug)]
struct Round {
    spawn_join: f64,
    spawn_channel: f64,
    batches: f64,
    single: f64,
}

#[derive(Debug, Default)]
struct Samples {
    spawn_join: Vec<f64>,
    spawn_channel: Vec<f64>,
    batches: Vec<f64>,
    single: Vec<f64>,
}

impl Samples {
    fn push(&mut self, round: &Round) {
        self.spawn_join.push(round.spawn_join);
        self.spawn_channel.push(round.spawn_channel);
        self.batches.push(round.batches);
        self.single.push(round.single);
    }

    fn table(self, jobs: usize) -> Table {
        let mut table = Table::new(format!("W1  no-op jobs, added and run ({jobs} a round)"));
        let ratios = [
            Figure::ratio("batches / spawn + join", &self.batches, &self.spawn_join).at_least(0.25, 0.5),
            Figure::ratio("one by one / spawn + join", &self.single, &self.spawn_join),
            Figure::ratio("batches / spawn + channel", &self.batches, &self.spawn_channel),
        ];
        let rates = [
            ("limit: bare tokio spawn + join", self.spawn_join),
            ("bare tokio channel + spawn + channel", self.spawn_channel),
            ("apsched, add_jobs of 1,000", self.batches),
            ("apsched, add_job each", self.single),
        ];
        rates.into_iter().for_each(|(what, samples)| table.push(Figure::new(what, Unit::PerSecond, samples)));
        ratios.into_iter().for_each(|ratio| table.push(ratio));
        table.note(format!(
            "max_concurrent_jobs {MAX_CONCURRENT_JOBS}, max_running_jobs without limit, results not kept"
        ));
        table
    }
}
