//! Placeholder of the facade: the guide and the first page follow.

#[doc(hidden)]
pub use apsched_core::__macro;
pub use apsched_core::scheduler::{Error, Result};
pub use apsched_core::*;
#[cfg(feature = "macros")]
pub use apsched_macros::task;

/// What most programs use; `use apsched::prelude::*`.
pub mod prelude {
    pub use apsched_core::engine::Role;
    pub use apsched_core::event::{
        self, Event, JobAcquired, JobAdded, JobReleased, SchedulerStarted, SchedulerStopped,
    };
    pub use apsched_core::scheduler::{
        AdviseRetry, BoundTasks, FromJob, FromRef, JobContext, JobError, JobExecutor, JobHandle, Scheduler,
        State, Tasks, current_job, current_scheduler,
    };
    pub use apsched_core::{
        AndTrigger, AnyTrigger, Backoff, CalendarIntervalTrigger, Coalesce, ConflictPolicy, CronTrigger,
        CustomTrigger, DateTrigger, DstPolicy, IntervalTrigger, JobId, JobOutcome, JobStatus, MemoryStore,
        Metadata, OrTrigger, Overlap, Progress, Retry, ScheduleId, Task, TaskDefaults, Trigger, TriggerExt,
    };
}
