//! W7: how the time to acquire jobs changes with the number of jobs that are queued. It is not to grow with the backlog.
//!
//! Queues of 1,000 to 1,000,000 jobs that are all due lie side by side, each in a place of its own, once as they are and
//! once behind 100,000 jobs of a task that is saturated: one of them holds its only slot, the others come first in the
//! order of claims and must be passed over. From each queue in turn 100 jobs are acquired, by the store itself, without a
//! scheduler. That alone is timed. Then they end and as many are added, so that a queue keeps its length.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use apsched::event::EventInterest;
use apsched::id::SchedulerId;
use apsched::job::{Abilities, FinishedAttempt, Job, JobOutcome, JobRelease, Release};
use apsched::store::{AcquireJobs, DataStore, ReleaseJobs};
use apsched::task::TaskDefinition;
use apsched::trigger::TriggerRegistry;
use apsched_testkit::sample::{self, at, at_micros};
use chrono::{DateTime, Utc};

use super::{Effort, runtime};
use crate::figure::{Figure, Unit, percentile};
use crate::report::Table;
use crate::stopwatch::Stopwatch;
use crate::store::{Place, Store};

/// The task whose jobs are acquired; it has no limit.
const FREE: &str = "free";

/// The task whose jobs stand in front; one may run, and does.
const SATURATED: &str = "saturated";

/// Jobs of the saturated task that stand in front, where they do.
const IN_FRONT: usize = 100_000;

/// Jobs that are added at once.
const BATCH: usize = 1000;

/// Jobs that are acquired at once.
const CLAIM: usize = 100;

/// How much slower a claim may be than one from the shortest queue.
const MOST_GROWTH: f64 = 2.0;

pub(crate) fn measure(store: Store, effort: Effort) -> Result<Table> {
    runtime()?.block_on(async { tokio::spawn(measure_on(store, effort)).await })?
}

async fn measure_on(store: Store, effort: Effort) -> Result<Table> {
    let mut queues = Vec::new();
    let measured = fill_and_measure(store, effort, &mut queues).await;
    for queue in queues {
        queue.place.remove().await?;
    }
    measured
}

async fn fill_and_measure(store: Store, effort: Effort, queues: &mut Vec<Queue>) -> Result<Table> {
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    for front in [Front::Nothing, Front::Saturated] {
        for size in &sizes[..effort.pick(3, 4)] {
            let place = store.place().await?;
            let queue = Queue { front, size: *size, place, added: 0, round: Vec::new(), samples: Vec::new() };
            // Before it is filled, so that it is removed if that fails.
            queues.push(queue);
            queues.last_mut().expect("one was pushed").fill().await?;
        }
    }
    let claims = effort.pick(10, 30);
    // The first round warms caches and plans up, and is thrown away.
    for round in 0..=effort.pick(3, 7) {
        // One claim from each in turn, so that whatever else the machine does falls on all alike.
        for _ in 0..claims {
            for queue in &mut *queues {
                queue.claim().await?;
            }
        }
        for queue in &mut *queues {
            let median = queue.end_round();
            if round > 0 {
                queue.samples.push(median);
            }
        }
    }
    Ok(table(store, queues, claims))
}

fn table(store: Store, queues: &[Queue], claims: usize) -> Table {
    let title = format!("W7  {}: acquiring {CLAIM} jobs, by the number of queued ones", store.name());
    let mut table = Table::new(title);
    for queue in queues {
        table.push(Figure::new(queue.what(), Unit::Microseconds, queue.samples.clone()));
    }
    let (shortest, longer) = queues.split_first().expect("there are several sizes");
    for queue in longer {
        let what = format!("{} / {}", queue.what(), shortest.what());
        let ratio = Figure::ratio(what, &queue.samples, &shortest.samples);
        // In memory a claim takes so few microseconds that the processor's caches have their say.
        let has_bar = store.database().is_some();
        table.push(if has_bar { ratio.at_most(MOST_GROWTH, MOST_GROWTH) } else { ratio });
    }
    table.note(format!("each sample is the median of {claims} claims"));
    table
}

/// What stands in front of the jobs that can be acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    Nothing,
    /// [`IN_FRONT`] jobs of a task that has no free slot.
    Saturated,
}

/// A store with so many jobs.
#[derive(Debug)]
struct Queue {
    front: Front,
    size: usize,
    place: Place,
    /// Jobs added so far; each batch is due after the ones before.
    added: usize,
    /// Microseconds of each claim of this round.
    round: Vec<f64>,
    /// The medians of the rounds.
    samples: Vec<f64>,
}

impl Queue {
    fn what(&self) -> String {
        match self.front {
            Front::Nothing => format!("{} queued", self.size),
            Front::Saturated => format!("{} behind {IN_FRONT} saturated", self.size),
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let store = self.place.data_store();
        store.start(&TriggerRegistry::new()).await?;
        let saturated = TaskDefinition { max_running_jobs: Some(1), ..sample::task(SATURATED) };
        store.put_tasks(vec![sample::task(FREE), saturated]).await?;
        if self.front == Front::Saturated {
            for _ in 0..IN_FRONT / BATCH {
                self.add(&*store, SATURATED, BATCH).await?;
            }
            let held = acquire(&*store, 1).await?;
            ensure!(
                held.len() == 1 && held[0].task_id.as_str() == SATURATED,
                "expected the slot to be taken"
            );
        }
        for _ in 0..self.size / BATCH {
            self.add(&*store, FREE, BATCH).await?;
        }
        Ok(())
    }

    /// Adds jobs behind all others.
    async fn add(&mut self, store: &dyn DataStore, task: &str, count: usize) -> Result<()> {
        let run_at = at_micros(self.added as i64);
        let job = sample::job().task(task).run_at(run_at).keep_result(Duration::ZERO).build();
        let jobs = (0..count).map(|_| Job { id: sample::job_id(), ..job.clone() });
        store.add_jobs(jobs.collect(), EventInterest::NONE).await?;
        self.added += count;
        Ok(())
    }

    /// Acquires jobs, and puts others in their place.
    async fn claim(&mut self) -> Result<()> {
        let store = self.place.data_store();
        let watch = Stopwatch::start();
        let jobs = acquire(&*store, CLAIM).await?;
        self.round.push(watch.elapsed().as_secs_f64() * 1e6);
        ensure!(
            jobs.len() == CLAIM && jobs.iter().all(|job| job.task_id.as_str() == FREE),
            "expected {CLAIM} jobs of the task that has free slots"
        );
        finish(&*store, &jobs).await?;
        self.add(&*store, FREE, CLAIM).await
    }

    /// The median of this round's claims.
    fn end_round(&mut self) -> f64 {
        let mut micros = std::mem::take(&mut self.round);
        micros.sort_by(f64::total_cmp);
        percentile(&micros, 0.5)
    }
}

async fn acquire(store: &dyn DataStore, limit: usize) -> Result<Vec<Job>> {
    let tasks = [FREE, SATURATED].map(sample::task_id);
    let executors = [sample::task(FREE).job_executor];
    let request = AcquireJobs {
        scheduler_id: holder(),
        now: now(),
        lease: sample::seconds(3600),
        limit,
        abilities: Arc::new(Abilities::new(tasks, executors)),
        interest: EventInterest::NONE,
    };
    let (jobs, _) = store.acquire_jobs(request).await?;
    Ok(jobs)
}

async fn finish(store: &dyn DataStore, jobs: &[Job]) -> Result<()> {
    let end = FinishedAttempt::without_run(JobOutcome::Success, now());
    let release =
        |job: &Job| JobRelease { job_id: job.id, token: job.token, release: Release::Finish(end.clone()) };
    let request = ReleaseJobs {
        scheduler_id: holder(),
        now: now(),
        releases: Arc::new(jobs.iter().map(release).collect()),
        interest: EventInterest::NONE,
    };
    let released = store.release_jobs(request).await?;
    ensure!(released.lost.is_empty(), "expected to hold what was acquired");
    Ok(())
}

fn holder() -> SchedulerId {
    sample::scheduler_id("bench")
}

/// When all jobs are due.
fn now() -> DateTime<Utc> {
    at(60)
}
