//! The calls of a data store by name.

use std::fmt;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $repeat:ident;)*) => {
        /// A method of `DataStore`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Operation {
            $( #[doc = concat!("`", $text, "`")] $name, )*
        }

        impl Operation {
            /// Every operation, in the order of the trait.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name of the method.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether the contract allows to repeat the call when its answer is lost.
            #[must_use]
            pub const fn is_repeatable(self) -> bool {
                match self { $(Self::$name => Repeat::$repeat.is_allowed()),* }
            }
        }
    };
}

enum Repeat {
    Allowed,
    Refused,
}

impl Repeat {
    const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

operations! {
    Start = "start", Allowed;
    ServerTime = "server_time", Allowed;
    PutTasks = "put_tasks", Allowed;
    RemoveTask = "remove_task", Allowed;
    Tasks = "tasks", Allowed;
    Task = "task", Allowed;
    AddSchedule = "add_schedule", Refused;
    EditSchedule = "edit_schedule", Refused;
    RemoveSchedule = "remove_schedule", Refused;
    Schedule = "schedule", Allowed;
    Schedules = "schedules", Allowed;
    AcquireSchedules = "acquire_schedules", Refused;
    ReleaseSchedules = "release_schedules", Allowed;
    AddJobs = "add_jobs", Allowed;
    CancelJob = "cancel_job", Allowed;
    JobStatus = "job_status", Allowed;
    Jobs = "jobs", Allowed;
    JobResult = "job_result", Allowed;
    AcquireJobs = "acquire_jobs", Refused;
    ExtendLeases = "extend_leases", Allowed;
    ReleaseJobs = "release_jobs", Allowed;
    Recover = "recover", Allowed;
    CancelRequests = "cancel_requests", Allowed;
    SetProgress = "set_progress", Allowed;
    NextWakeup = "next_wakeup", Allowed;
    Cleanup = "cleanup", Allowed;
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
