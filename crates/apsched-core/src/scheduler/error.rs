//! What can go wrong between a program and its scheduler.

use std::fmt;
use std::time::Duration;

use super::handler::TaskProblem;
use crate::broker::BrokerError;
use crate::id::{ExecutorName, IdError, JobId, ScheduleId, TaskId};
use crate::job::{ErrorChain, JobOutcome};
use crate::metadata::MetadataError;
use crate::payload::PayloadError;
use crate::store::StoreError;
use crate::trigger::TriggerError;

/// What the scheduler answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the scheduler did not do what it was asked.
///
/// Its `Debug` form is the text a person reads, causes included: it is what a `main` that returns it prints.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An id is not one.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Metadata is not a JSON object, or too large.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A trigger cannot be built, or failed.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    /// A payload or result could not be written or read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The data store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event broker cannot work.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The scheduler cannot be built; every problem is listed.
    #[error("build the scheduler: {}", list(.0))]
    Configuration(Vec<ConfigurationProblem>),
    /// Neither this scheduler nor its store knows the task.
    #[error("no task {task_id:?} is registered on this scheduler{}", did_you_mean(.suggestion), task_id = .task_id.as_str())]
    TaskNotFound {
        /// The task.
        task_id: TaskId,
        /// A registered task with a similar name.
        suggestion: Option<TaskId>,
    },
    /// There is no executor of this name on this scheduler.
    #[error("no job executor {executor:?} on this scheduler, only {known}", executor = .executor.as_str())]
    ExecutorNotFound {
        /// The executor.
        executor: ExecutorName,
        /// The names that are known.
        known: String,
    },
    /// There is no schedule of this id.
    #[error("no schedule {schedule_id:?}", schedule_id = .schedule_id.as_str())]
    ScheduleNotFound {
        /// The schedule.
        schedule_id: ScheduleId,
    },
    /// The job ended without a result.
    #[error("job {job_id} of {task_id:?} ended as {outcome}{}", chain(.error), task_id = .task_id.as_str())]
    JobFailed {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
        /// How it ended.
        outcome: JobOutcome,
        /// Why.
        error: Option<ErrorChain>,
    },
    /// The job is not there, and no result of it is kept: it was never added, its result expired, or none was asked
    /// for (`keep_result`).
    #[error("no result of job {job_id} is kept (ask for one with keep_result)")]
    ResultNotKept {
        /// The job.
        job_id: JobId,
    },
    /// The job had not ended in time. It goes on; wait again.
    #[error("job {job_id} had not ended after {timeout:?}")]
    WaitTimedOut {
        /// The job.
        job_id: JobId,
        /// How long the caller waited.
        timeout: Duration,
    },
    /// The scheduler has stopped, or was never started.
    #[error("{operation}: the scheduler is not running")]
    NotRunning {
        /// What was attempted.
        operation: &'static str,
    },
    /// No runtime can be made for a blocking scheduler.
    #[error("make a runtime for the scheduler")]
    Runtime {
        /// What the operating system said.
        source: std::sync::Arc<std::io::Error>,
    },
    /// The scheduler was started before.
    #[error("start the scheduler: it was started before")]
    AlreadyStarted,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// What is wrong with how a scheduler is put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationProblem {
    /// A task cannot be registered.
    #[error(transparent)]
    Task(#[from] TaskProblem),
    /// The identity is not an id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A custom trigger cannot be registered.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    /// A task names an executor that the scheduler does not have.
    #[error("task {task_id:?} asks for the job executor {executor:?}; this scheduler has {known}", task_id = .task_id.as_str(), executor = .executor.as_str())]
    NoSuchExecutor {
        /// The task.
        task_id: TaskId,
        /// The executor.
        executor: ExecutorName,
        /// The executors that are there.
        known: String,
    },
    /// A duration must not be zero.
    #[error("{setting}: expected a duration above zero")]
    ZeroDuration {
        /// The setting.
        setting: &'static str,
    },
}

fn list(problems: &[ConfigurationProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn did_you_mean(suggestion: &Option<TaskId>) -> String {
    suggestion.as_ref().map_or_else(String::new, |id| format!(" (did you mean {:?}?)", id.as_str()))
}

fn chain(error: &Option<ErrorChain>) -> String {
    error.as_ref().map_or_else(String::new, |error| format!(": {error}"))
}
