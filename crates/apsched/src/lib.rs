//! A task scheduler and job queue that lives in your program.
//!
//! ```
//! use apsched::prelude::*;
//!
//! #[apsched::task]
//! async fn greet(name: String) -> String {
//!     format!("hello {name}")
//! }
//!
//! #[tokio::main]
//! async fn main() -> apsched::Result<()> {
//!     let scheduler = Scheduler::builder().task(greet).start_in_background().await?;
//!
//!     // From now on, each weekday at nine o'clock in Berlin, whatever the clocks there do.
//!     let weekdays = CronTrigger::from_crontab("0 9 * * mon-fri")?.with_timezone(Tz::Europe__Berlin);
//!     scheduler.add_schedule(greet, "Ada".to_owned(), weekdays).await?;
//!
//!     // Right now, and wait for what it returns: a `String`, as the function says.
//!     let greeting = scheduler.run_job(greet, "Bob".to_owned()).await?;
//!     assert_eq!(greeting, "hello Bob");
//!
//!     scheduler.shutdown(10.seconds()).await; // running jobs have so long to finish
//!     Ok(())
//! }
//! ```
//!
//! # Four words
//! A *task* names what to run. A *trigger* says when. A *schedule* is a task, a trigger and a payload. A *job* is one
//! request to run a task, made by a schedule or by you. The [guide] starts with them, and the [`prelude`] has what most
//! programs use.
//!
//! # Where is what?
//!
//! | I want to … | start at |
//! |---|---|
//! | put a scheduler together and run it | [`Scheduler`], [`SchedulerBuilder`] |
//! | make tasks of my functions | [`handler`] |
//! | say when something fires | [`trigger`] |
//! | decide about late, missed and overlapping fires | [`guide::misfires`], [`schedule`] |
//! | add a job, follow it, get its result | [`Scheduler::add_job`], [`request::JobHandle`] |
//! | try again after failures | [`guide::retries`], [`job::Retry`] |
//! | know what happens | [`event`], [`Scheduler::subscribe`] |
//! | run handlers somewhere else | [`executor`] |
//! | do without async | [`blocking`] |
//! | keep everything over restarts, in a database | [`guide::persistence`], [`store::SqlDataStore`], [`store::MongoDataStore`] |
//! | let several processes share the work | [`guide::many_processes`] |
//! | add a job in a transaction of my own | [`guide::transactions`], [`request::AddJob::within`] |
//! | be ready for an outage | [`guide::failures`], [`store::Retrying`] |
//! | keep everything somewhere else | [`guide::stores`], [`store`] |
//! | let processes hear of each other | [`guide::event_brokers`], [`broker`] |
//! | test my schedules | [`guide::testing`] |
//!
//! # Features
//!
//! | feature | what it gives |
//! |---|---|
//! | `macros` (default) | `#[apsched::task]`: a function, its task and its settings in one place |
//! | `cbor` | `serializer::Cbor`: smaller than JSON, for stores that keep bytes |
//! | `sqlite` | `store::SqlDataStore` on SQLite: one file or memory, nothing to install |
//! | `postgres` | `store::SqlDataStore` on PostgreSQL 12 and later, and `broker::PostgresBroker` |
//! | `mysql` | `store::SqlDataStore` on MySQL 8 and MariaDB 10.6 and later |
//! | `mongodb` | `store::MongoDataStore` on MongoDB 5.0 and later, as a replica set |
//! | `redis` | `broker::RedisBroker` |
//! | `mqtt`, `mqtt-websocket` | `broker::MqttBroker`; the latter at `ws://` URLs |
//!
//! Features only add; none changes how something else behaves. Without a database everything is kept in memory, and a
//! restart starts with nothing. Stores and brokers are crates of their own behind
//! [`DataStore`](store::DataStore) and [`EventBroker`](broker::EventBroker), and so can yours be.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// One of its examples keeps something in SQLite.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../../README.md")]
struct ReadmeOfTheProject;

pub mod guide;
pub mod prelude;

#[doc(hidden)]
pub use apsched_core::__macro;
#[doc(inline)]
pub use apsched_core::engine::Role;
#[doc(inline)]
pub use apsched_core::scheduler::{
    ConfigurationProblem, Error, Result, Scheduler, SchedulerBuilder, SchedulerState,
};
#[doc(inline)]
pub use apsched_core::{DurationUnit, backoff, event, instant, job, lease, schedule, task, trigger};
#[cfg(feature = "macros")]
#[doc(inline)]
pub use apsched_macros::task;
#[doc(no_inline)]
pub use {chrono, chrono_tz, serde_json};

#[doc(inline)]
pub use apsched_core::scheduler::blocking;

/// The scheduler's time: the system's clock, or one that a test moves by hand.
pub mod clock {
    #[doc(inline)]
    pub use apsched_core::scheduler::{Clock, Sleep, SystemClock};
}

/// Where a handler runs: on the runtime, on a pool of threads, or by an executor of your own.
pub mod executor {
    #[doc(inline)]
    pub use apsched_core::scheduler::{AsyncExecutor, JobExecutor, JobRun, ThreadPoolExecutor};
}

/// How a Rust function becomes the handler of a task, and what it can ask for.
///
/// A handler is an async or a blocking function. It takes the task's payload first (none when that is `()`), then up to
/// eight extractors such as [`State`](handler::State) and [`JobContext`](handler::JobContext), and returns the task's
/// result, or a `Result` of it with any error.
///
/// ```
/// use apsched::prelude::*;
///
/// const RESIZE: Task<String, usize> = Task::new("resize");
///
/// #[derive(Clone)]
/// struct Width(usize);
///
/// async fn resize(file: String, State(Width(width)): State<Width>, job: JobContext) -> Result<usize, JobError> {
///     if !file.ends_with(".png") {
///         return Err(JobError::new("expected a .png file").fatal()); // trying again would not help
///     }
///     job.progress(0.5, "halfway").await?; // `?` takes every error
///     Ok(width)
/// }
///
/// let tasks = Tasks::new().task_with(RESIZE, resize, |t| t.max_running_jobs(8).timeout(30.seconds()));
/// let scheduler = Scheduler::builder().tasks(tasks.with_state(Width(640))).build()?;
/// # Ok::<(), apsched::Error>(())
/// ```
pub mod handler {
    #[doc(inline)]
    pub use apsched_core::engine::StopReason;
    #[doc(inline)]
    pub use apsched_core::scheduler::handler::{
        AdviseRetry, Arguments, AsyncFunction, BlockingFunction, BlockingHandler, BoundTask, BoundTasks,
        ErasedHandler, FromJob, FromRef, Handler, HandlerFailure, HandlerFuture, HandlerOutput,
        HandlerResult, JobError, State, TaskFunction, TaskProblem, Tasks, WithPayload, WithoutPayload,
    };
    #[doc(inline)]
    pub use apsched_core::scheduler::{JobContext, current_job, current_scheduler};
}

/// The names of things, each a type of its own, checked when they are made.
pub mod id {
    #[doc(inline)]
    pub use apsched_core::{
        ExecutorName, IdError, JobId, JobIds, MAX_ID_BYTES, ScheduleId, SchedulerId, SchedulerName, TaskId,
    };
}

/// What jobs carry: payloads, results, metadata.
pub mod payload {
    #[doc(inline)]
    pub use apsched_core::{
        EncodedPayload, MAX_METADATA_BYTES, Metadata, MetadataError, Payload, PayloadError, PayloadForm,
        TaskValue,
    };
}

/// What [`Scheduler`]'s methods return: requests that setters complete and `.await` sends, and what they give.
///
/// ```
/// use apsched::prelude::*;
///
/// const SEND: Task<String> = Task::new("send");
///
/// # #[tokio::main]
/// # async fn main() -> apsched::Result<()> {
/// # let scheduler = Scheduler::builder().tasks(Tasks::<()>::new().task(SEND, async |_: String| ())).build()?;
/// let request = scheduler.add_job(SEND, "hello".to_owned()).delay(1.minutes()).priority(5); // nothing is sent yet
/// let job: JobHandle<()> = request.await?; // now it is
/// assert_eq!(scheduler.jobs().task(SEND).queued().await?.len(), 1);
/// # job.cancel().await
/// # }
/// ```
pub mod request {
    #[doc(inline)]
    pub use apsched_core::scheduler::{
        AddJob, AddJobs, AddSchedule, ConfigureTask, EventSubscription, Events, JobHandle, JobResultFuture,
        ListJobs, ListSchedules, Pending, RemoveSchedule, RunJob, UnpauseSchedule, UpdateSchedule,
    };
}

/// Values as bytes, for stores that leave the process.
pub mod serializer {
    #[doc(inline)]
    pub use apsched_core::serializer::*;
    #[cfg(feature = "cbor")]
    #[doc(inline)]
    pub use apsched_serializers::Cbor;
}

/// Who hears of what happened: subscribers in this process, and other processes through a server.
///
/// The [guide](crate::guide::event_brokers) says which to choose.
pub mod broker {
    #[cfg(feature = "mqtt")]
    #[doc(inline)]
    pub use apsched_broker_mqtt::{MqttBroker, MqttConfig, QoS};
    #[cfg(feature = "postgres")]
    #[doc(inline)]
    pub use apsched_broker_postgres::{PostgresBroker, PostgresConfig};
    #[cfg(feature = "redis")]
    #[doc(inline)]
    pub use apsched_broker_redis::{RedisBroker, RedisConfig};
    #[doc(inline)]
    pub use apsched_core::broker::*;
}

/// Where tasks, schedules, jobs and results are kept: in memory, or in a database that many processes share.
pub mod store {
    #[doc(inline)]
    pub use apsched_core::store::*;
    #[cfg(feature = "mongodb")]
    #[doc(inline)]
    pub use apsched_store_mongodb::{MongoDataStore, MongoOptions, MongoTransaction};
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    #[doc(inline)]
    pub use apsched_store_sql::{
        Durability, SqlConnection, SqlDataStore, SqlMigration, SqlOptions, SqlPool, SqlTransaction,
    };
}
