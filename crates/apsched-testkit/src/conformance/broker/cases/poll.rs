//! What the broker does not tell, the next poll finds; and when the broker is well again, nobody has to wait for a poll.
//!
//! The schedulers have a clock that is moved by hand. It is moved by one poll interval for each job, or it stands still; then what
//! happens was told by an event, since no poll comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apsched_core::broker::EventBroker;
use apsched_core::event::Event;

use crate::clock::ManualClock;
use crate::conformance::broker::cases::scheduler::{Client, Worker, builder, shared_store};
use crate::conformance::broker::listener::{
    hear_each_other, is_healthy, is_unhealthy, two_processes, until_health,
};
use crate::conformance::broker::{BrokerHarness, Disturbance};
use crate::fault::{EventFault, EventFaultPlan, FaultyBroker, RandomEventFaults};
use crate::report_skipped;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often the server is restarted.
const RESTARTS: usize = 3;

/// Jobs that are added one after another.
const JOBS: u32 = 20;

/// Time between two jobs, so that a restart meets some of them and not thousands.
const PACE: Duration = Duration::from_millis(10);

/// One process that adds jobs and one that runs them, with one clock.
struct Processes {
    client: Client,
    worker: Worker,
    clock: ManualClock,
    added: u32,
}

impl Processes {
    async fn start(here: &Arc<dyn EventBroker>, there: &Arc<dyn EventBroker>) -> Self {
        let (store, clock) = (shared_store(), ManualClock::at("2026-01-01T00:00:00Z"));
        let of = |broker| builder(&store, broker).clock(clock.clone()).poll_interval(POLL_INTERVAL);
        let (client, worker) = (Client::of(of(here)), Worker::of(of(there)).await);
        Self { client, worker, clock, added: 0 }
    }

    async fn job_starts_by_the_next_poll(&mut self) {
        self.added += 1;
        self.client.add(self.added).await;
        // A look that began before the job was there is over; the clock must not jump in its middle.
        self.worker.is_idle().await;
        self.clock.advance(POLL_INTERVAL);
        assert_eq!(self.worker.ran().await, self.added);
    }

    async fn job_starts_without_a_poll(&mut self) {
        self.added += 1;
        self.client.add(self.added).await;
        assert_eq!(self.worker.ran().await, self.added);
    }
}

/// A broker half of whose events are lost, and how many were.
fn losing_half(broker: &Arc<dyn EventBroker>, seed: u64) -> (Arc<dyn EventBroker>, Arc<AtomicUsize>) {
    let lost = Arc::new(AtomicUsize::new(0));
    let (count, mut faults) = (lost.clone(), RandomEventFaults::seeded(seed).drop(0.5));
    let plan = move |event: &Event| {
        let fault = faults.fault(event);
        count.fetch_add(usize::from(fault == EventFault::Drop), Ordering::Relaxed);
        fault
    };
    (Arc::new(FaultyBroker::new(broker.clone(), plan)), lost)
}

pub(crate) async fn jobs_start_by_the_next_poll_though_events_are_lost_and_the_server_restarts(
    harness: &dyn BrokerHarness,
) {
    let name = "jobs_start_by_the_next_poll_though_events_are_lost_and_the_server_restarts";
    let alone = match harness.restartable().await {
        Ok(alone) => alone,
        Err(why) => return report_skipped(name, &why),
    };
    let (here, there) = two_processes(&*alone).await;
    let ((lossy_here, lost), (lossy_there, _)) = (losing_half(&here, 1), losing_half(&there, 2));
    let mut processes = Processes::start(&lossy_here, &lossy_there).await;

    for _ in 0..RESTARTS {
        let is_restarted = AtomicBool::new(false);
        let restart = async {
            alone.disturb(Disturbance::Restart).await;
            is_restarted.store(true, Ordering::Relaxed);
        };
        let mut pace = tokio::time::interval(PACE);
        let work = async {
            let mut after = 0;
            while after < JOBS {
                after += u32::from(is_restarted.load(Ordering::Relaxed));
                pace.tick().await;
                processes.job_starts_by_the_next_poll().await;
            }
        };
        tokio::join!(restart, work);
    }

    assert!(lost.load(Ordering::Relaxed) > 0, "of {} jobs the events were told", processes.added);
    processes.worker.stop().await;
}

pub(crate) async fn jobs_start_by_the_next_poll_while_the_server_is_gone(harness: &dyn BrokerHarness) {
    jobs_start_by_the_next_poll_during(harness, Disturbance::Gone).await;
}

pub(crate) async fn jobs_start_by_the_next_poll_while_the_line_is_silent(harness: &dyn BrokerHarness) {
    jobs_start_by_the_next_poll_during(harness, Disturbance::Silence).await;
}

/// During an outage by the poll, and after it without.
async fn jobs_start_by_the_next_poll_during(harness: &dyn BrokerHarness, outage: Disturbance) {
    let (here, there) = two_processes(harness).await;
    let mut processes = Processes::start(&here, &there).await;
    processes.job_starts_without_a_poll().await;

    harness.disturb(outage).await;
    for _ in 0..JOBS {
        processes.job_starts_by_the_next_poll().await;
    }
    for broker in [&here, &there] {
        until_health(broker, is_unhealthy).await;
    }
    for _ in 0..JOBS {
        processes.job_starts_by_the_next_poll().await;
    }

    harness.disturb(Disturbance::Heal).await;
    for broker in [&here, &there] {
        until_health(broker, is_healthy).await;
    }
    hear_each_other(&here, &there).await;
    for _ in 0..JOBS {
        processes.job_starts_without_a_poll().await;
    }
    processes.worker.stop().await;
}
