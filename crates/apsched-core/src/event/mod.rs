//! What happened: the events that stores report and schedulers publish.
//!
//! Events are hints and news, never truth: a waiter that hears nothing asks its store at the latest after the poll
//! interval. They carry ids and a few facts about them, never payloads, so that a message stays small on every broker.

mod interest;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use interest::EventInterest;

use crate::id::{JobId, ScheduleId, SchedulerId, TaskId};
use crate::job::JobOutcome;

macro_rules! events {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[non_exhaustive]
            pub struct $name { $( $(#[$field_doc])* pub $field: $type ),* }

            impl $name {
                #[doc = concat!("A [`", stringify!($name), "`] with these fields.")]
                #[must_use]
                pub const fn new($($field: $type),*) -> Self {
                    Self { $($field),* }
                }
            }

            impl From<$name> for Event {
                fn from(event: $name) -> Self {
                    Self::$name(event)
                }
            }

            impl EventType for $name {
                const INTEREST: EventInterest = EventInterest::bit(EventKind::$name as u32);
                fn of(event: &Event) -> Option<&Self> {
                    match event {
                        Event::$name(event) => Some(event),
                        _ => None,
                    }
                }
            }
        )*

        /// Something that happened.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Event {
            $( #[doc = concat!("See [`", stringify!($name), "`].")] $name($name) ),*
        }

        #[derive(Clone, Copy)]
        enum EventKind { $( $name ),* }

        impl Event {
            /// The interest that this event meets.
            #[must_use]
            pub const fn interest(&self) -> EventInterest {
                match self {
                    $( Self::$name(_) => $name::INTEREST ),*
                }
            }

            /// The name of the event's type.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$name(_) => stringify!($name) ),*
                }
            }
        }
    };
}

/// One type of event, for typed subscriptions. [`Event`] itself stands for all of them.
pub trait EventType: Clone + Send + Sync + 'static {
    /// The interest of a subscriber to this type.
    const INTEREST: EventInterest;

    /// The event as this type, if it is one.
    fn of(event: &Event) -> Option<&Self>;
}

impl EventType for Event {
    const INTEREST: EventInterest = EventInterest::ALL;
    fn of(event: &Event) -> Option<&Self> {
        Some(event)
    }
}

// The order is part of what brokers send: a new type goes to the end.
events! {
    /// A task was declared for the first time.
    TaskAdded {
        /// The task.
        task_id: TaskId,
    }
    /// A task was declared with other settings.
    TaskUpdated {
        /// The task.
        task_id: TaskId,
    }
    /// A task was removed.
    TaskRemoved {
        /// The task.
        task_id: TaskId,
    }
    /// A schedule was added.
    ScheduleAdded {
        /// The schedule.
        schedule_id: ScheduleId,
        /// Its task.
        task_id: TaskId,
        /// Its first fire time. `None`: it will never fire.
        next_fire_time: Option<DateTime<Utc>>,
    }
    /// A schedule has another definition, state or next fire time.
    ScheduleUpdated {
        /// The schedule.
        schedule_id: ScheduleId,
        /// Its task.
        task_id: TaskId,
        /// Its next fire time. `None`: it will not fire again.
        next_fire_time: Option<DateTime<Utc>>,
    }
    /// A schedule was removed by a user, or by cleanup after it had finished.
    ScheduleRemoved {
        /// The schedule.
        schedule_id: ScheduleId,
        /// Its task.
        task_id: TaskId,
    }
    /// A schedule cannot be planned or read; it stands still until a user edits it, or replaces or removes
    /// it if it cannot be read.
    ScheduleQuarantined {
        /// The schedule.
        schedule_id: ScheduleId,
        /// Why.
        reason: String,
    }
    /// Due fire times of a schedule were passed over, because more were due than it catches up at once.
    FireTimesCutOff {
        /// The schedule.
        schedule_id: ScheduleId,
        /// The first fire time that was passed over.
        first: DateTime<Utc>,
        /// The last one.
        last: DateTime<Utc>,
    }
    /// A job was queued.
    JobAdded {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
        /// The schedule that made it.
        schedule_id: Option<ScheduleId>,
        /// Its earliest start.
        run_at: DateTime<Utc>,
    }
    /// A scheduler acquired a job to run it.
    JobAcquired {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
        /// The schedule that made it.
        schedule_id: Option<ScheduleId>,
        /// Who runs it.
        scheduler_id: SchedulerId,
        /// Number of the attempt, from 1.
        attempt: u32,
    }
    /// A job ended.
    JobReleased {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
        /// The schedule that made it.
        schedule_id: Option<ScheduleId>,
        /// Who ran it. `None`: nobody did.
        scheduler_id: Option<SchedulerId>,
        /// How it ended.
        outcome: JobOutcome,
    }
    /// A job is to run again after an attempt that failed, was snoozed or lost its worker.
    JobRequeued {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
        /// Earliest start of the next attempt.
        run_at: DateTime<Utc>,
        /// Attempts that count so far.
        attempt: u32,
    }
    /// A queued job was removed without an outcome.
    JobRemoved {
        /// The job.
        job_id: JobId,
        /// Its task.
        task_id: TaskId,
    }
    /// A job cannot be read; it stands still.
    JobQuarantined {
        /// The job.
        job_id: JobId,
        /// Why.
        reason: String,
    }
    /// A running job was asked to stop.
    JobCancelRequested {
        /// The job.
        job_id: JobId,
    }
    /// A running job reported progress.
    JobProgressed {
        /// The job.
        job_id: JobId,
    }
    /// A scheduler of this process started. Stays in the process.
    SchedulerStarted {
        /// The scheduler.
        scheduler_id: SchedulerId,
    }
    /// A scheduler of this process stopped; every lease is back. Stays in the process.
    SchedulerStopped {
        /// The scheduler.
        scheduler_id: SchedulerId,
        /// Why, when it was not asked to.
        error: Option<String>,
    }
    /// The data store answers, or does not. Stays in the process.
    StoreHealthChanged {
        /// Its health now.
        health: Health,
    }
    /// The event broker is connected, or not. Stays in the process.
    BrokerHealthChanged {
        /// Its health now.
        health: Health,
    }
    /// Something became due; the schedulers look. Sent once for a batch, however many jobs it holds.
    Wakeup {
        /// When a job can be due. `None`: jobs are not concerned.
        jobs_at: Option<DateTime<Utc>>,
        /// When a schedule can be due. `None`: schedules are not concerned.
        schedules_at: Option<DateTime<Utc>>,
    }
}

/// Whether a store or broker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers.
    Healthy,
    /// It does not; work is tried again.
    Unhealthy(String),
}

impl Wakeup {
    /// Jobs can be due at `at`.
    #[must_use]
    pub const fn jobs(at: DateTime<Utc>) -> Self {
        Self::new(Some(at), None)
    }

    /// Schedules can be due at `at`.
    #[must_use]
    pub const fn schedules(at: DateTime<Utc>) -> Self {
        Self::new(None, Some(at))
    }
}

/// The types of events that concern one process only.
pub(crate) const LOCAL: EventInterest = SchedulerStarted::INTEREST
    .with(SchedulerStopped::INTEREST)
    .with(StoreHealthChanged::INTEREST)
    .with(BrokerHealthChanged::INTEREST);

impl Event {
    /// Whether the event concerns one process only, so that a broker keeps it there.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        LOCAL.includes(self.interest())
    }
}

impl fmt::Display for Event {
    /// One line for a log: the type, then what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        match self {
            Self::TaskAdded(TaskAdded { task_id })
            | Self::TaskUpdated(TaskUpdated { task_id })
            | Self::TaskRemoved(TaskRemoved { task_id }) => write!(f, " {task_id}"),
            Self::ScheduleAdded(ScheduleAdded { schedule_id, .. })
            | Self::ScheduleUpdated(ScheduleUpdated { schedule_id, .. })
            | Self::ScheduleRemoved(ScheduleRemoved { schedule_id, .. }) => write!(f, " {schedule_id}"),
            Self::ScheduleQuarantined(event) => write!(f, " {}: {}", event.schedule_id, event.reason),
            Self::FireTimesCutOff(event) => {
                write!(f, " {}: {} to {}", event.schedule_id, event.first, event.last)
            }
            Self::JobAdded(JobAdded { job_id, task_id, .. })
            | Self::JobRemoved(JobRemoved { job_id, task_id }) => write!(f, " {job_id} of {task_id}"),
            Self::JobAcquired(event) => {
                write!(f, " {} of {} by {}", event.job_id, event.task_id, event.scheduler_id)
            }
            Self::JobReleased(event) => {
                write!(f, " {} of {}: {}", event.job_id, event.task_id, event.outcome)
            }
            Self::JobRequeued(event) => {
                write!(f, " {} of {} for {}", event.job_id, event.task_id, event.run_at)
            }
            Self::JobQuarantined(event) => write!(f, " {}: {}", event.job_id, event.reason),
            Self::JobCancelRequested(JobCancelRequested { job_id })
            | Self::JobProgressed(JobProgressed { job_id }) => write!(f, " {job_id}"),
            Self::SchedulerStarted(event) => write!(f, " {}", event.scheduler_id),
            Self::SchedulerStopped(SchedulerStopped { scheduler_id, error }) => match error {
                Some(error) => write!(f, " {scheduler_id}: {error}"),
                None => write!(f, " {scheduler_id}"),
            },
            Self::StoreHealthChanged(StoreHealthChanged { health })
            | Self::BrokerHealthChanged(BrokerHealthChanged { health }) => match health {
                Health::Healthy => f.write_str(": healthy"),
                Health::Unhealthy(reason) => write!(f, ": {reason}"),
            },
            Self::Wakeup(_) => Ok(()),
        }
    }
}
