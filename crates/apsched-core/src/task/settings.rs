//! What a task inherits from where: each level says some settings, the more explicit level wins. Pure.
//!
//! ```text
//!   configure_task(…)      most explicit
//!   bound to the handler   #[task(…)], task_with(…)
//!   TaskDefaults           of the scheduler
//!         │
//!   TaskDefinition ── schedules inherit, and say more ── their jobs inherit
//!         └─────────── direct jobs inherit, and say more
//! ```
//!
//! Metadata is merged key by key; of everything else the first level that sets it decides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ExecutorName, TaskId};
use crate::job::Retry;
use crate::metadata::Metadata;

/// One setting of one level: said here, or inherited from the level below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting<T> {
    /// Not said here.
    #[default]
    Inherited,
    /// Said here.
    Set(T),
}

impl<T> Setting<T> {
    /// This setting, or that of the level below.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        match self {
            Self::Inherited => lower,
            set @ Self::Set(_) => set,
        }
    }

    /// The value said here, or that of the level below.
    #[must_use]
    pub fn unwrap_or(self, lower: T) -> T {
        match self {
            Self::Inherited => lower,
            Self::Set(value) => value,
        }
    }

    /// Whether nothing is said here.
    #[must_use]
    pub const fn is_inherited(&self) -> bool {
        matches!(self, Self::Inherited)
    }
}

/// What tasks, schedules and jobs can each say about how a job runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Executor that runs the job.
    pub job_executor: Setting<ExecutorName>,
    /// Whether and when a failed job is tried again.
    pub retry: Setting<Retry>,
    /// Longest time one attempt may take. `None`: no limit.
    pub timeout: Setting<Option<Duration>>,
    /// Higher is started first.
    pub priority: Setting<i32>,
    /// Merged key by key over the level below.
    pub metadata: Metadata,
}

impl RunSettings {
    /// What is said here, completed by the level below.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            job_executor: self.job_executor.or(lower.job_executor),
            retry: self.retry.or(lower.retry),
            timeout: self.timeout.or(lower.timeout),
            priority: self.priority.or(lower.priority),
            metadata: self.metadata.merged_over(&lower.metadata),
        }
    }
}

/// What one level says about a task; setters return the settings, so that they chain.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{Retry, TaskSettings};
///
/// let settings = TaskSettings::new()
///     .max_running_jobs(4)
///     .misfire_grace_time(Duration::from_secs(60))
///     .retry(Retry::exponential(5));
/// assert_ne!(settings, TaskSettings::new());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskSettings {
    /// What is passed on to schedules and jobs.
    pub run: RunSettings,
    /// Most jobs of the task that run at once, over all processes. `None`: no limit.
    pub max_running_jobs: Setting<Option<u32>>,
    /// Longest time a job may start after its fire time. `None`: never too late.
    pub misfire_grace_time: Setting<Option<Duration>>,
}

macro_rules! run_setters {
    () => {
        /// Executor that runs the jobs. Default `async` for async handlers, `threadpool` for blocking ones.
        #[must_use]
        pub fn job_executor(mut self, executor: ExecutorName) -> Self {
            self.run.job_executor = Setting::Set(executor);
            self
        }

        /// Whether and when a failed job is tried again. Default: one attempt.
        #[must_use]
        pub fn retry(mut self, retry: Retry) -> Self {
            self.run.retry = Setting::Set(retry);
            self
        }

        /// Longest time one attempt may take. Default `None`: no limit. Zero times out at the first await.
        #[must_use]
        pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.run.timeout = Setting::Set(timeout.into());
            self
        }

        /// Higher is started first. Default 0.
        #[must_use]
        pub const fn priority(mut self, priority: i32) -> Self {
            self.run.priority = Setting::Set(priority);
            self
        }

        /// Keys that are merged over those of the level below.
        #[must_use]
        pub fn metadata(mut self, metadata: Metadata) -> Self {
            self.run.metadata = metadata.merged_over(&self.run.metadata);
            self
        }
    };
}

impl TaskSettings {
    /// Says nothing: everything is inherited.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    run_setters!();

    /// Most jobs of the task that run at once, over all schedules and processes.
    ///
    /// Default 1. `None`: no limit. Zero: none may start, as long as it stays so.
    #[must_use]
    pub fn max_running_jobs(mut self, limit: impl Into<Option<u32>>) -> Self {
        self.max_running_jobs = Setting::Set(limit.into());
        self
    }

    /// Longest time a job may start after its fire time.
    ///
    /// `None` (the default): never too late. Zero: any delay misfires. A job past it ends as
    /// [`JobOutcome::MissedStartDeadline`](crate::JobOutcome::MissedStartDeadline) and is not run. Resolution: microseconds.
    #[must_use]
    pub fn misfire_grace_time(mut self, grace: impl Into<Option<Duration>>) -> Self {
        self.misfire_grace_time = Setting::Set(grace.into());
        self
    }

    /// What is said here, completed by the level below.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            run: self.run.over(lower.run),
            max_running_jobs: self.max_running_jobs.or(lower.max_running_jobs),
            misfire_grace_time: self.misfire_grace_time.or(lower.misfire_grace_time),
        }
    }
}

/// The lowest level: what holds for all tasks of a scheduler unless they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefaults {
    /// Executor that runs the jobs. Default `None`: `async` for async handlers, `threadpool` for blocking ones.
    pub job_executor: Option<ExecutorName>,
    /// Most jobs of one task that run at once. Default `Some(1)`; `None`: no limit.
    pub max_running_jobs: Option<u32>,
    /// Longest time a job may start after its fire time. Default `None`: never too late. Zero: any delay misfires.
    pub misfire_grace_time: Option<Duration>,
    /// Whether and when a failed job is tried again. Default: one attempt.
    pub retry: Retry,
    /// Longest time one attempt may take. Default `None`: no limit.
    pub timeout: Option<Duration>,
    /// Higher is started first. Default 0.
    pub priority: i32,
    /// Default empty.
    pub metadata: Metadata,
}

impl Default for TaskDefaults {
    fn default() -> Self {
        Self {
            job_executor: None,
            max_running_jobs: Some(1),
            misfire_grace_time: None,
            retry: Retry::none(),
            timeout: None,
            priority: 0,
            metadata: Metadata::empty(),
        }
    }
}

/// A task as the store knows it: every setting decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Its name.
    pub id: TaskId,
    /// Executor that runs its jobs.
    pub job_executor: ExecutorName,
    /// Most jobs that run at once, over all processes. `None`: no limit.
    pub max_running_jobs: Option<u32>,
    /// Longest time a job may start after its fire time. `None`: never too late.
    pub misfire_grace_time: Option<Duration>,
    /// Whether and when a failed job is tried again.
    pub retry: Retry,
    /// Longest time one attempt may take. `None`: no limit.
    pub timeout: Option<Duration>,
    /// Higher is started first.
    pub priority: i32,
    /// What the user attached.
    pub metadata: Metadata,
}

impl TaskDefinition {
    /// Decides every setting: what `settings` says, else what `defaults` say.
    ///
    /// `native_executor` is the one that fits the handler, used when no level names one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use apsched_core::{ExecutorName, Metadata, TaskDefaults, TaskDefinition, TaskId, TaskSettings};
    /// use serde_json::json;
    ///
    /// let defaults = TaskDefaults {
    ///     misfire_grace_time: Some(Duration::from_secs(15)),
    ///     job_executor: Some(ExecutorName::new("processpool")?),
    ///     metadata: Metadata::try_from(json!({"global": 3, "foo": ["bar"]}))?,
    ///     ..TaskDefaults::default()
    /// };
    /// let handler = TaskSettings::new()
    ///     .max_running_jobs(3)
    ///     .metadata(Metadata::try_from(json!({"foo": ["taskfunc"]}))?);
    /// let explicit = TaskSettings::new()
    ///     .job_executor(ExecutorName::new("threadpool")?)
    ///     .metadata(Metadata::try_from(json!({"direct": true}))?);
    ///
    /// let task = TaskDefinition::decide(
    ///     TaskId::new("sometask")?, explicit.over(handler), &defaults, ExecutorName::new("async")?);
    /// assert_eq!(task.job_executor.as_str(), "threadpool");
    /// assert_eq!(task.max_running_jobs, Some(3));
    /// assert_eq!(task.misfire_grace_time, Some(Duration::from_secs(15)));
    /// assert_eq!(task.metadata, Metadata::try_from(json!({"global": 3, "foo": ["taskfunc"], "direct": true}))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn decide(
        id: TaskId,
        settings: TaskSettings,
        defaults: &TaskDefaults,
        native_executor: ExecutorName,
    ) -> Self {
        let run = settings.run;
        Self {
            id,
            job_executor: run
                .job_executor
                .unwrap_or(defaults.job_executor.clone().unwrap_or(native_executor)),
            max_running_jobs: settings.max_running_jobs.unwrap_or(defaults.max_running_jobs),
            misfire_grace_time: settings.misfire_grace_time.unwrap_or(defaults.misfire_grace_time),
            retry: run.retry.unwrap_or(defaults.retry),
            timeout: run.timeout.unwrap_or(defaults.timeout),
            priority: run.priority.unwrap_or(defaults.priority),
            metadata: run.metadata.merged_over(&defaults.metadata),
        }
    }
}
