//! Declaring tasks by hand: settings that win over those bound to the handler, or a task that runs elsewhere.

use std::time::Duration;

use super::Scheduler;
use super::error::Result;
use super::request::{RunRequest, run_request_setters, sent_by_await};
use crate::id::{ExecutorName, IdError, TaskId};
use crate::task::{Setting, TaskDefinition, TaskRef, TaskSettings};

impl Scheduler {
    /// Declares a task with these settings, on top of those bound to its handler; `.await` sends the declaration.
    ///
    /// Also declares a task whose handler lives in another process, so that jobs for it can be added here.
    ///
    /// ```
    /// use apsched_core::{Task, scheduler::{Scheduler, Tasks}};
    ///
    /// const SEND: Task<String> = Task::new("send");
    ///
    /// # #[tokio::main]
    /// # async fn main() -> apsched_core::scheduler::Result<()> {
    /// let tasks = Tasks::<()>::new().task_with(SEND, async |_: String| (), |t| t.max_running_jobs(3));
    /// let scheduler = Scheduler::builder().tasks(tasks).build()?;
    /// let task = scheduler.configure_task(SEND).priority(7).await?;
    /// assert_eq!((task.max_running_jobs, task.priority), (Some(3), 7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ExecutorNotFound`](super::Error::ExecutorNotFound) when the task's handler is here and its executor is not;
    /// [`Id`](super::Error::Id) or [`Metadata`](super::Error::Metadata) for what cannot be a name or metadata;
    /// [`Store`](super::Error::Store).
    ///
    /// # Cancel safety
    /// Dropping the future declares the task or does not.
    pub fn configure_task(&self, task: impl TaskRef) -> ConfigureTask {
        ConfigureTask {
            scheduler: self.clone(),
            task_id: task.task().id(),
            run: RunRequest::default(),
            settings: TaskSettings::new(),
        }
    }

    /// Forgets a task that nobody needs any more; its schedules and jobs stay.
    ///
    /// # Errors
    /// [`Error::Store`](super::Error::Store); [`Error::Id`](super::Error::Id) when its name is none.
    ///
    /// # Cancel safety
    /// Dropping the future removes the task or does not.
    pub async fn remove_task(&self, task: impl TaskRef + Send) -> Result<()> {
        let id = task.task().id()?;
        let shared = self.shared();
        shared.connect().await?;
        let events = shared.ask(shared.store.remove_task(&id)).await?;
        shared.forget_task(&id);
        shared.publish(events);
        Ok(())
    }
}

/// A task to be declared; see [`Scheduler::configure_task`].
#[must_use = "the request is sent by `.await`"]
#[derive(Debug)]
pub struct ConfigureTask {
    scheduler: Scheduler,
    task_id: Result<TaskId, IdError>,
    run: RunRequest,
    settings: TaskSettings,
}

impl ConfigureTask {
    run_request_setters!(run);

    /// Most jobs of the task that run at once, over all processes; `None`: no limit. Default 1.
    pub fn max_running_jobs(mut self, limit: impl Into<Option<u32>>) -> Self {
        self.settings.max_running_jobs = Setting::Set(limit.into());
        self
    }

    /// Longest time a job may start after its fire time; `None`: never too late, the default. Zero: any delay misfires.
    pub fn misfire_grace_time(mut self, grace: impl Into<Option<Duration>>) -> Self {
        self.settings.misfire_grace_time = Setting::Set(grace.into());
        self
    }

    async fn send(self) -> Result<TaskDefinition> {
        let id = self.task_id?;
        let mut settings = self.settings;
        settings.run = self.run.finish()?;
        let shared = self.scheduler.shared();
        shared.connect().await?;
        let native = match shared.handlers.get(&id) {
            Some(bound) => {
                settings = settings.over(bound.settings.clone());
                bound.handler.native_executor()
            }
            None => ExecutorName::ASYNC,
        };
        let native = ExecutorName::new(native)?;
        let definition = TaskDefinition::decide(id.clone(), settings, &shared.task_defaults, native);
        shared.check_executor(&id, &definition.job_executor)?;
        let events = shared.ask(shared.store.put_tasks(vec![definition.clone()])).await?;
        shared.know_task(definition.clone());
        shared.publish(events);
        Ok(definition)
    }
}

sent_by_await!(ConfigureTask => TaskDefinition);
