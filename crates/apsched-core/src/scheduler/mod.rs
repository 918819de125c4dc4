//! The scheduler: drives the engine with a clock, a store, a broker and handlers.
//!
//! | what a reader looks for | file |
//! |---|---|
//! | the loop | `driver.rs` |
//! | requests to the store | `store_call.rs` |
//! | one run of a handler | `executor/run.rs` |
//! | start, pause, stop | `lifecycle.rs` |
//! | add jobs, wait for results | `add_job.rs`, `job_handle.rs` |
//! | add and change schedules | `add_schedule.rs`, `edit_schedule.rs` |
//! | add within a transaction of the user's | `pending.rs` |
//! | tasks, and what is listed | `configure_task.rs`, `listing.rs` |
//! | listen to events | `subscribe.rs` |

mod add_job;
mod add_schedule;
pub mod blocking;
mod builder;
mod clock;
mod configure_task;
mod context;
mod driver;
mod edit_schedule;
mod error;
pub mod executor;
pub mod handler;
mod health;
mod job_handle;
mod lifecycle;
mod listing;
mod pending;
mod request;
mod result_watch;
mod server_clock;
mod shared;
mod stop_signal;
mod store_call;
mod subscribe;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use add_job::{AddJob, AddJobs, RunJob};
pub use add_schedule::AddSchedule;
pub use builder::SchedulerBuilder;
pub use clock::{Clock, Sleep, SystemClock};
pub use configure_task::ConfigureTask;
pub use context::{JobContext, current_job, current_scheduler};
pub use edit_schedule::{RemoveSchedule, UnpauseSchedule, UpdateSchedule};
pub use error::{ConfigurationProblem, Error, Result};
pub use executor::{AsyncExecutor, JobExecutor, JobRun, ThreadPoolExecutor};
pub use handler::{
    AdviseRetry, BoundTasks, FromJob, FromRef, JobError, State, TaskFunction, TaskProblem, Tasks,
};
pub use job_handle::{JobHandle, JobResultFuture};
pub use listing::{ListJobs, ListSchedules};
pub use pending::Pending;
pub use shared::State as SchedulerState;
pub use subscribe::{EventSubscription, Events};

use executor::Reports;
use shared::{Command, Shared};
use tokio::sync::oneshot;

use crate::id::SchedulerId;
use crate::job::Progress;
use crate::payload::PayloadForm;
use crate::serializer::Serializers;
use crate::store::{DataStore, HeldJob, StoreError};

/// A task scheduler and job queue; a cheap handle, cloned freely.
///
/// ```
/// use apsched_core::{Task, scheduler::{Scheduler, Tasks}};
///
/// const GREET: Task<String, String> = Task::new("greet");
///
/// # #[tokio::main]
/// # async fn main() -> apsched_core::scheduler::Result<()> {
/// let tasks = Tasks::<()>::new().task(GREET, async |name: String| format!("hello {name}"));
/// let scheduler = Scheduler::builder().tasks(tasks).start_in_background().await?;
/// assert_eq!(scheduler.run_job(GREET, "Ada".to_owned()).await?, "hello Ada");
/// scheduler.shutdown(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scheduler {
    shared: Arc<Shared>,
}

impl Scheduler {
    /// Puts a scheduler together; without a word it works in memory.
    pub fn builder() -> SchedulerBuilder {
        SchedulerBuilder::default()
    }

    /// The scheduler's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.now()
    }

    /// Who it is in leases and events.
    #[must_use]
    pub fn id(&self) -> &SchedulerId {
        &self.shared.engine_config.scheduler_id
    }

    /// Its data store.
    #[must_use]
    pub fn data_store(&self) -> &Arc<dyn DataStore> {
        &self.shared.store
    }

    /// Returns when no job runs, nothing is under way and nothing is due at the time that the clock shows; for tests that
    /// move a clock by hand. At once when the scheduler does not run.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_until_idle(&self) {
        let (report, reported) = oneshot::channel();
        if self.state() == SchedulerState::Running
            && self.shared.commands.send(Command::ReportIdle(report)).is_ok()
        {
            // Fails when the loop has ended: nothing is under way then.
            drop(reported.await);
        }
    }

    /// A scheduler that does nothing, for tests of what needs one.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self::builder().build().expect("the defaults are in order")
    }

    fn of(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn serializers(&self) -> &Serializers {
        &self.shared.serializers
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &self.shared.clock
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.shared.reports
    }

    pub(crate) fn cancel_grace_period(&self) -> Duration {
        self.shared.cancel_grace_period
    }

    pub(crate) fn payload_form(&self) -> PayloadForm {
        self.shared.store.payload_form()
    }

    pub(crate) async fn set_progress(&self, job: HeldJob, progress: Progress) -> Result<(), StoreError> {
        let events = self.shared.store.set_progress(job, self.id(), progress).await?;
        self.shared.publish(events);
        Ok(())
    }
}
