//! The test as a user: adds, edits and looks, and is never hit by a fault itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apsched::Scheduler;
use apsched::id::JobId;
use apsched::job::{Job, JobStatus};
use apsched::schedule::Schedule;
use apsched::store::{DataStore, JobFilter, Retrying, ScheduleFilter};
use apsched_testkit::fault::{Fault, Faulty};
use apsched_tests::Moment;
use futures_util::{StreamExt, stream};
use tokio::time::MissedTickBehavior;

use super::record::PATIENCE;
use super::site::Ground;

/// Longer than any test.
pub(crate) const KEEP: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) scheduler: Scheduler,
    pub(crate) store: Arc<dyn DataStore>,
}

impl Client {
    pub(crate) async fn of(ground: &Ground) -> Self {
        let opened = ground.open();
        // A server that was restarted has hung up on it as well.
        let patient = || Retrying::new(flawless(opened.clone()));
        let scheduler = Scheduler::builder().data_store(patient()).build();
        let scheduler = scheduler.expect("a client needs no settings");
        // The first call makes the tables.
        scheduler.tasks().await.expect("the test's store answers");
        Self { scheduler, store: Arc::new(patient()) }
    }

    pub(crate) async fn schedules(&self) -> Vec<Schedule> {
        self.store.schedules(&ScheduleFilter::default()).await.expect("the test's store answers")
    }

    pub(crate) async fn jobs(&self) -> Vec<Job> {
        self.store.jobs(&JobFilter::default()).await.expect("the test's store answers")
    }

    /// What is known of each of these jobs.
    pub(crate) async fn statuses(&self, jobs: impl IntoIterator<Item = JobId>) -> HashMap<JobId, JobStatus> {
        let asked = jobs.into_iter().map(|job| async move {
            (job, self.store.job_status(job).await.expect("the test's store answers"))
        });
        stream::iter(asked).buffer_unordered(4).collect().await
    }

    /// Waits until no job waits or runs.
    ///
    /// # Panics
    /// When for long nothing changes, with a job that is left.
    pub(crate) async fn until_no_job_is_left(&self) {
        eventually("no job is left", async || match self.jobs().await.as_slice() {
            [] => Ok(()),
            jobs @ [first, ..] => Err(format!("{} are left, the first is {first:?}", jobs.len())),
        })
        .await;
    }
}

/// A store that somebody else has as well, for whoever wants one of its own.
pub(crate) fn flawless(store: Arc<dyn DataStore>) -> impl DataStore {
    Faulty::new(store, |_| Fault::None)
}

/// Looks again and again until `look` succeeds.
///
/// # Panics
/// When for long it has failed with the same, or for very long with anything; with what the last look failed with.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Result<T, String>) -> T {
    let end = Moment::now() + 10 * PATIENCE;
    let (mut last, mut give_up_at) = (String::new(), Moment::now() + PATIENCE);
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match look().await {
            Ok(seen) => return seen,
            Err(why) if why == last => {
                assert!(Moment::now() < give_up_at, "waited {PATIENCE:?} until {what}: {why}");
            }
            Err(why) => {
                assert!(Moment::now() < end, "waited {:?} until {what}: {why}", 10 * PATIENCE);
                (last, give_up_at) = (why, Moment::now() + PATIENCE);
            }
        }
    }
}
