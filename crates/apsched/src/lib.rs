//! Placeholder of the facade: the guide and the first page follow.

pub use apsched_core::*;

/// What most programs use; `use apsched::prelude::*`.
pub mod prelude {
    pub use apsched_core::scheduler::{
        AdviseRetry, BoundTasks, FromJob, FromRef, JobContext, JobError, JobExecutor, JobHandle, Scheduler, State,
        Tasks, current_job, current_scheduler,
    };
    pub use apsched_core::engine::Role;
    pub use apsched_core::event::{self, Event, JobAcquired, JobAdded, JobReleased, SchedulerStarted, SchedulerStopped};
    pub use apsched_core::{
        AnyTrigger, Backoff, Coalesce, ConflictPolicy, DateTrigger, IntervalTrigger, JobId, JobOutcome, JobStatus, MemoryStore,
        Metadata, Overlap, Progress, Retry, ScheduleId, Task, TaskDefaults, Trigger, TriggerExt,
    };
}
