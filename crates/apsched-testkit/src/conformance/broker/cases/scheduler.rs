//! Schedulers of two processes on one store, whose next poll is an hour away: what happens soon, happens by events.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::broker::EventBroker;
use apsched_core::event::{EventType, JobReleased};
use apsched_core::scheduler::handler::Tasks;
use apsched_core::scheduler::{Error, JobContext, Scheduler, SchedulerBuilder};
use apsched_core::{IntervalTrigger, JobOutcome, MemoryStore, Task};
use tokio::sync::mpsc;

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{let_it_learn_that_nobody_listens, soon, two_processes};

const DOUBLE: Task<u32, u32> = Task::new("double");
const WAIT: Task<(), ()> = Task::new("wait");
const HOUR: Duration = Duration::from_secs(3600);

/// The one store of both processes.
pub(crate) fn shared_store() -> MemoryStore {
    MemoryStore::new()
}

/// A process that runs jobs.
pub(crate) struct Worker {
    scheduler: Scheduler,
    runs: mpsc::UnboundedReceiver<u32>,
}

impl Worker {
    pub(crate) async fn start(store: &MemoryStore, broker: &Arc<dyn EventBroker>) -> Self {
        Self::of(builder(store, broker)).await
    }

    /// With settings of its own.
    pub(crate) async fn of(builder: SchedulerBuilder) -> Self {
        let (ran, runs) = mpsc::unbounded_channel();
        let waiting = ran.clone();
        let tasks = Tasks::<()>::new()
            .task(DOUBLE, move |number: u32| {
                // Fails when the case is over.
                ran.send(number).ok();
                async move { 2 * number }
            })
            .task(WAIT, move |job: JobContext| {
                waiting.send(0).ok();
                async move {
                    job.cancelled().await;
                }
            });
        let scheduler = builder.tasks(tasks).build().expect("a valid configuration");
        scheduler.start_in_background().await.expect("store and broker are there");
        // It has looked at its store, and found nothing.
        let worker = Self { scheduler, runs };
        worker.is_idle().await;
        worker
    }

    /// Waits until it has no request to its store under way, and no job.
    pub(crate) async fn is_idle(&self) {
        soon("an idle scheduler", self.scheduler.wait_until_idle()).await;
    }

    /// The payload of the next job that runs.
    pub(crate) async fn ran(&mut self) -> u32 {
        soon("a job that runs", self.runs.recv()).await.expect("the worker lives")
    }

    pub(crate) async fn stop(self) {
        self.scheduler.shutdown(Duration::ZERO).await;
    }
}

/// A process that adds jobs and runs none.
pub(crate) struct Client(Scheduler);

impl Client {
    pub(crate) fn new(store: &MemoryStore, broker: &Arc<dyn EventBroker>) -> Self {
        Self::of(builder(store, broker))
    }

    /// With settings of its own.
    pub(crate) fn of(builder: SchedulerBuilder) -> Self {
        Self(builder.build().expect("a valid configuration"))
    }

    pub(crate) async fn add(&self, number: u32) {
        self.0.add_job(DOUBLE, number).await.expect("the store takes it");
    }
}

/// A process that looks at the store by itself in an hour.
pub(crate) fn builder(store: &MemoryStore, broker: &Arc<dyn EventBroker>) -> SchedulerBuilder {
    Scheduler::builder().data_store(store.clone()).shared_event_broker(broker.clone()).poll_interval(HOUR)
}

pub(crate) async fn a_job_added_here_starts_there_without_a_poll(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let store = shared_store();
    let mut worker = Worker::start(&store, &there).await;
    let client = Client::new(&store, &here);

    for number in 1..=3 {
        client.add(number).await;
        assert_eq!(worker.ran().await, number);
    }
    worker.stop().await;
}

/// Though nobody has listened to the ends of jobs so far, and stores need not build events that nobody listens to.
pub(crate) async fn a_result_is_heard_by_who_waits_elsewhere(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let store = shared_store();
    let worker = Worker::start(&store, &there).await;
    let client = Client::new(&store, &here);
    let_it_learn_that_nobody_listens(&there, JobReleased::INTEREST).await;

    for number in 1..=3 {
        let doubled = soon("the result", client.0.run_job(DOUBLE, number)).await;
        assert_eq!(doubled.expect("the job succeeds"), 2 * number);
    }
    worker.stop().await;
}

pub(crate) async fn a_cancel_reaches_the_job_that_runs_elsewhere(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let store = shared_store();
    let mut worker = Worker::start(&store, &there).await;
    let client = Client::new(&store, &here);
    let job = client.0.add_job(WAIT, ()).keep_result(HOUR).await.expect("the store takes it");
    worker.ran().await;

    job.cancel().await.expect("the store takes it");

    let end = soon("the end of the job", job.result()).await;
    assert!(matches!(end, Err(Error::JobFailed { outcome: JobOutcome::Cancelled, .. })), "found {end:?}");
    worker.stop().await;
}

pub(crate) async fn a_schedule_added_here_fires_there_without_a_poll(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let store = shared_store();
    let mut worker = Worker::start(&store, &there).await;
    let client = Client::new(&store, &here);

    let trigger = IntervalTrigger::every(Duration::from_millis(20));
    client.0.add_schedule(DOUBLE, 4, trigger).id("often").max_fires(3).await.expect("the store takes it");

    for _ in 0..3 {
        assert_eq!(worker.ran().await, 4);
    }
    worker.stop().await;
}
