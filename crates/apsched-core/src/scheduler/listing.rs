//! What is there: tasks, schedules, jobs.

use super::Scheduler;
use super::error::Result;
use super::request::sent_by_await;
use crate::id::{IdError, ScheduleId, TaskId};
use crate::job::{Job, JobState};
use crate::schedule::{Schedule, ScheduleState};
use crate::store::{JobFilter, ScheduleFilter};
use crate::task::{TaskDefinition, TaskRef};

impl Scheduler {
    /// The declared tasks, by id.
    ///
    /// # Errors
    /// [`Error::Store`](super::Error::Store).
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn tasks(&self) -> Result<Vec<TaskDefinition>> {
        let shared = self.shared();
        shared.connect().await?;
        Ok(shared.ask(shared.store.tasks()).await?)
    }

    /// The schedules, by next fire time; filters narrow them, `.await` asks.
    ///
    /// # Errors
    /// [`Error::Store`](super::Error::Store); [`Error::Id`](super::Error::Id) when the name of a task is none.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub fn schedules(&self) -> ListSchedules {
        ListSchedules { scheduler: self.clone(), filter: ScheduleFilter::default(), task: None }
    }

    /// The queued and running jobs, by id; filters narrow them, `.await` asks.
    ///
    /// # Errors
    /// [`Error::Store`](super::Error::Store); [`Error::Id`](super::Error::Id) when the name of a task is none.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub fn jobs(&self) -> ListJobs {
        ListJobs { scheduler: self.clone(), filter: JobFilter::default(), task: None }
    }
}

/// A question for schedules; see [`Scheduler::schedules`].
#[must_use = "the question is asked by `.await`"]
#[derive(Debug)]
pub struct ListSchedules {
    scheduler: Scheduler,
    filter: ScheduleFilter,
    task: Option<Result<TaskId, IdError>>,
}

impl ListSchedules {
    /// Only those of this task.
    pub fn task(mut self, task: impl TaskRef) -> Self {
        self.task = Some(task.task().id());
        self
    }

    /// Only those in this state; for quarantined ones, whatever the reason.
    pub fn state(mut self, state: &ScheduleState) -> Self {
        self.filter.state = Some(state.as_str());
        self
    }

    /// At most this many.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.filter.limit = Some(limit);
        self
    }

    async fn send(mut self) -> Result<Vec<Schedule>> {
        self.filter.task_id = self.task.transpose()?;
        let shared = self.scheduler.shared();
        shared.connect().await?;
        Ok(shared.ask(shared.store.schedules(&self.filter)).await?)
    }
}

sent_by_await!(ListSchedules => Vec<Schedule>);

/// A question for jobs; see [`Scheduler::jobs`].
#[must_use = "the question is asked by `.await`"]
#[derive(Debug)]
pub struct ListJobs {
    scheduler: Scheduler,
    filter: JobFilter,
    task: Option<Result<TaskId, IdError>>,
}

impl ListJobs {
    /// Only those of this task.
    pub fn task(mut self, task: impl TaskRef) -> Self {
        self.task = Some(task.task().id());
        self
    }

    /// Only those that this schedule made.
    pub fn schedule(mut self, id: &ScheduleId) -> Self {
        self.filter.schedule_id = Some(id.clone());
        self
    }

    /// Only those that wait.
    pub const fn queued(mut self) -> Self {
        self.filter.state = Some(JobState::Queued);
        self
    }

    /// Only those that run.
    pub const fn running(mut self) -> Self {
        self.filter.state = Some(JobState::Running);
        self
    }

    /// At most this many.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.filter.limit = Some(limit);
        self
    }

    async fn send(mut self) -> Result<Vec<Job>> {
        self.filter.task_id = self.task.transpose()?;
        let shared = self.scheduler.shared();
        shared.connect().await?;
        Ok(shared.ask(shared.store.jobs(&self.filter)).await?)
    }
}

sent_by_await!(ListJobs => Vec<Job>);
