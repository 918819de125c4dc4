//! Which jobs may I take now? Pure; every store says the same in its own language.
//!
//! A scheduler may take a job that is queued and due (`run_at <= now`), whose task and executor it knows, and whose
//! task has a free slot over all processes. Among those it takes first the higher priority, then the earlier
//! `run_at`, then the smaller id. A job whose task is saturated is passed over; it never stands in the way of others.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Job;
use crate::id::{ExecutorName, JobId, TaskId};

/// Place of a job among those that are due: the smallest is taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimOrder {
    priority: Reverse<i32>,
    run_at: DateTime<Utc>,
    id: JobId,
}

impl ClaimOrder {
    /// The place of a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self { priority: Reverse(job.settings.priority), run_at: job.run_at, id: job.id }
    }

    /// The job whose place this is.
    #[must_use]
    pub const fn job_id(&self) -> JobId {
        self.id
    }

    /// When the job is due.
    #[must_use]
    pub const fn run_at(&self) -> DateTime<Utc> {
        self.run_at
    }
}

/// What a scheduler can run: the tasks and executors it knows.
///
/// ```
/// use apsched_core::{Abilities, ExecutorName, TaskId};
///
/// let abilities = Abilities::new([TaskId::new("send")?], [ExecutorName::new("async")?]);
/// assert!(abilities.knows_task(&TaskId::new("send")?));
/// assert!(!abilities.knows_task(&TaskId::new("hash")?));
/// # Ok::<(), apsched_core::IdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    tasks: BTreeSet<TaskId>,
    executors: BTreeSet<ExecutorName>,
}

impl Abilities {
    /// A scheduler that knows these.
    pub fn new(
        tasks: impl IntoIterator<Item = TaskId>,
        executors: impl IntoIterator<Item = ExecutorName>,
    ) -> Self {
        Self { tasks: tasks.into_iter().collect(), executors: executors.into_iter().collect() }
    }

    /// Whether the scheduler has a handler for the task.
    #[must_use]
    pub fn knows_task(&self, task: &TaskId) -> bool {
        self.tasks.contains(task)
    }

    /// Whether the scheduler has the executor.
    #[must_use]
    pub fn knows_executor(&self, executor: &ExecutorName) -> bool {
        self.executors.contains(executor)
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = &TaskId> {
        self.tasks.iter()
    }

    /// The executors, in order.
    pub fn executors(&self) -> impl ExactSizeIterator<Item = &ExecutorName> {
        self.executors.iter()
    }
}

/// Limit of a task that is not declared: its jobs run one at a time.
pub const UNDECLARED_LIMIT: Option<u32> = Some(1);

/// How many more jobs of a task may start, when `running` of them hold a lease.
///
/// ```
/// use apsched_core::admission::free_slots;
///
/// assert_eq!(free_slots(Some(3), 1), 2);
/// assert_eq!(free_slots(Some(3), 5), 0); // the limit was lowered while five ran
/// assert_eq!(free_slots(None, 5), usize::MAX);
/// ```
#[must_use]
pub fn free_slots(max_running_jobs: Option<u32>, running: usize) -> usize {
    max_running_jobs
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(running))
}

/// How many jobs of a task run and may run, and whether some wait.
///
/// ```
/// use apsched_core::job::Slots;
///
/// let slots = Slots { max_running_jobs: Some(2), running: 1, has_queue: true };
/// assert_eq!(slots.free(), 1);
/// assert!(slots.were_awaited(1)); // before one of two ended, none was free
/// assert!(!Slots { has_queue: false, ..slots }.were_awaited(1));
/// assert!(!Slots { running: 0, ..slots }.were_awaited(1)); // one was free already
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Jobs of the task that may run at once. `None`: any number.
    pub max_running_jobs: Option<u32>,
    /// Jobs that hold a lease.
    pub running: usize,
    /// Whether jobs are queued.
    pub has_queue: bool,
}

impl Slots {
    /// How many more may start.
    #[must_use]
    pub fn free(self) -> usize {
        free_slots(self.max_running_jobs, self.running)
    }

    /// Whether jobs waited for a slot as long as `freed` more of them ran: then there is something to acquire now.
    #[must_use]
    pub fn were_awaited(self, freed: usize) -> bool {
        let before = self.running.saturating_add(freed);
        freed > 0 && self.has_queue && free_slots(self.max_running_jobs, before) == 0
    }
}
