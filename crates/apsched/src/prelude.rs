//! What most programs use: `use apsched::prelude::*`.
//!
//! `Result` and `Error` are left out, so that nothing of the standard library is hidden: write `apsched::Result`.

#[doc(no_inline)]
pub use crate::backoff::Backoff;
#[cfg(feature = "mqtt")]
#[doc(no_inline)]
pub use crate::broker::MqttBroker;
#[cfg(feature = "postgres")]
#[doc(no_inline)]
pub use crate::broker::PostgresBroker;
#[cfg(feature = "redis")]
#[doc(no_inline)]
pub use crate::broker::RedisBroker;
#[cfg(feature = "mongodb")]
#[doc(no_inline)]
pub use crate::store::{MongoDataStore, MongoOptions};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
#[doc(no_inline)]
pub use crate::store::{SqlDataStore, SqlOptions};
#[doc(no_inline)]
pub use crate::{
    DurationUnit, Role, Scheduler, SchedulerState,
    event::{
        BrokerHealthChanged, Event, FireTimesCutOff, JobAcquired, JobAdded, JobCancelRequested,
        JobProgressed, JobQuarantined, JobReleased, JobRemoved, JobRequeued, ScheduleAdded,
        ScheduleQuarantined, ScheduleRemoved, ScheduleUpdated, SchedulerStarted, SchedulerStopped,
        StoreHealthChanged, TaskAdded, TaskRemoved, TaskUpdated,
    },
    executor::JobExecutor,
    handler::{
        AdviseRetry, FromJob, FromRef, JobContext, JobError, State, StopReason, Tasks, current_job,
        current_scheduler,
    },
    id::{JobId, ScheduleId, TaskId},
    job::{JobOutcome, JobStatus, Progress, Retry},
    payload::{Metadata, TaskValue},
    request::JobHandle,
    schedule::{Coalesce, ConflictPolicy, Overlap, ScheduleState},
    store::{MemoryStore, Retrying},
    task::{Task, TaskDefaults, TaskSettings},
    trigger::{
        AndTrigger, AnyTrigger, CalendarIntervalTrigger, CronTrigger, CustomTrigger, DateTrigger, DstPolicy,
        Fold, Gap, IntervalTrigger, OrTrigger, Trigger, TriggerError, TriggerExt,
    },
};
#[doc(no_inline)]
pub use chrono::{DateTime, Utc};
#[doc(no_inline)]
pub use chrono_tz::Tz;
#[doc(no_inline)]
pub use serde_json::json;
#[doc(no_inline)]
pub use std::time::Duration;
