//! The heart of apsched, a task scheduler and job queue: its words, its rules, its contracts, an in-memory store, and
//! (feature `scheduler`, on by default) the scheduler that drives them.
//!
//! Most programs depend on the facade `apsched`, which re-exports all of this. Depend on `apsched-core` to build a
//! plug-in (a data store, an event broker, a serializer), then without default features; or to pick backends by hand.
//!
//! - **Words**: [`Task`], [`Schedule`], [`Job`], [`trigger`].
//! - **Rules**, each one pure function in one file: [`schedule`], [`job`], [`lease`], [`backoff`].
//! - **Contracts**: [`store::DataStore`], [`broker::EventBroker`], [`serializer::Serializer`].
//! - **Engine**: [`engine`], which is told what happened and when, and answers with what to do next.
//!
//! Without the feature `scheduler` the crate has no runtime, spawns nothing, and reads no clock: `now` and randomness
//! are arguments.

pub mod backoff;
pub mod broker;
mod duration_unit;
pub mod engine;
pub mod event;
mod id;
pub mod instant;
pub mod job;
pub mod lease;
mod metadata;
mod payload;
pub mod schedule;
#[cfg(feature = "scheduler")]
pub mod scheduler;
pub mod serializer;
pub mod store;
pub mod task;
pub mod trigger;

#[cfg(feature = "scheduler")]
#[doc(hidden)]
pub use scheduler::handler::generated as __macro;

pub use backoff::Backoff;
pub use duration_unit::DurationUnit;
pub use event::Event;
pub use id::{
    ExecutorName, IdError, JobId, JobIds, MAX_ID_BYTES, ScheduleId, SchedulerId, SchedulerName, TaskId,
};
pub use job::{
    Abilities, AfterAttempt, AttemptEnd, CancelRequest, ErrorChain, Job, JobOutcome, JobResult, JobSettings,
    JobState, JobStatus, JobStep, Progress, Retry, RetryAdvice, StepRefused, admission, retry,
};
pub use lease::{Lease, LeaseToken};
pub use metadata::{MAX_METADATA_BYTES, Metadata, MetadataError};
pub use payload::{EncodedPayload, Payload, PayloadError, PayloadForm, TaskValue};
pub use schedule::{Coalesce, ConflictPolicy, Overlap, Schedule, ScheduleSettings, ScheduleState};
pub use serializer::{Serializer, SerializerError};
pub use store::{DataStore, MemoryStore, StoreError};
pub use task::{RunSettings, Setting, Task, TaskDefaults, TaskDefinition, TaskRef, TaskSettings};
pub use trigger::{
    AndTrigger, AnyTrigger, CalendarIntervalTrigger, CronTrigger, CustomTrigger, DateTrigger, DstPolicy,
    Fold, Gap, IntervalTrigger, OrTrigger, Trigger, TriggerError, TriggerExt, TriggerRegistry,
};
