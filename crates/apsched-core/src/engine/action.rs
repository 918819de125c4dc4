//! What the engine is told, and what it asks for.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::StoreRequest;
use crate::event::Wakeup;
use crate::id::{JobId, SchedulerId};
use crate::job::{Job, JobRelease, JobReport};
use crate::schedule::ScheduleRelease;
use crate::store::{ClaimedSchedule, HeldJob, LeaseReport, RecoverScope, Wakeups};
use crate::task::TaskDefaults;

/// What a scheduler does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Turns schedules into jobs.
    Scheduler,
    /// Runs jobs.
    Worker,
    /// Does both. The default.
    #[default]
    Both,
}

impl Role {
    /// Whether it turns schedules into jobs.
    #[must_use]
    pub const fn schedules(self) -> bool {
        matches!(self, Self::Scheduler | Self::Both)
    }

    /// Whether it runs jobs.
    #[must_use]
    pub const fn works(self) -> bool {
        matches!(self, Self::Worker | Self::Both)
    }
}

/// Whether a scheduler takes on work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Intake {
    /// It does. The default.
    #[default]
    Open,
    /// It is paused: what runs goes on, nothing new is taken.
    Paused,
}

/// What an engine is built with.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Who it works for.
    pub scheduler_id: SchedulerId,
    /// What it does. Default [`Role::Both`].
    pub role: Role,
    /// Whether it starts paused. Default [`Intake::Open`].
    pub intake: Intake,
    /// Most jobs that run here at once. Default 100; zero runs none.
    pub max_concurrent_jobs: usize,
    /// Life of a lease; renewed at half of it. Default 30 s.
    pub lease_duration: Duration,
    /// Longest time between two looks at the store. Default 1 s.
    pub poll_interval: Duration,
    /// Time between two cleanups. Default 15 min.
    pub cleanup_interval: Duration,
    /// Most schedules acquired at once. Default 500.
    pub schedule_batch: usize,
    /// What jobs of a schedule inherit when its task is not declared in the store.
    pub task_defaults: TaskDefaults,
    /// Seed of all randomness: jitter, backoff, job ids.
    pub seed: u64,
}

impl EngineConfig {
    /// The defaults, for this scheduler.
    #[must_use]
    pub fn new(scheduler_id: SchedulerId, seed: u64) -> Self {
        Self {
            scheduler_id,
            role: Role::Both,
            intake: Intake::Open,
            max_concurrent_jobs: 100,
            lease_duration: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            cleanup_interval: Duration::from_secs(15 * 60),
            schedule_batch: 500,
            task_defaults: TaskDefaults::default(),
            seed,
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing but time.
    TimePassed,
    /// A broker's hint.
    Woken(Wakeup),
    /// A broker's hint that a running job may be asked to stop.
    CancelRequested,
    /// Hints may have been lost.
    HintsLost,
    /// Answer to [`Action::QueryWakeups`].
    WakeupsKnown(Wakeups),
    /// Answer to [`Action::AcquireSchedules`].
    SchedulesAcquired(Vec<ClaimedSchedule>),
    /// Answer to [`Action::ReleaseSchedules`].
    SchedulesReleased,
    /// Answer to [`Action::AcquireJobs`].
    JobsAcquired(Vec<Job>),
    /// An attempt that [`Action::StartJobs`] began has ended.
    JobReported {
        /// The claim under which it ran: the job may have been acquired anew since.
        claim: HeldJob,
        /// What happened in the attempt.
        report: JobReport,
    },
    /// Answer to [`Action::ReleaseJobs`]: the jobs it was about are in other hands.
    JobsReleased(Vec<JobId>),
    /// Answer to [`Action::ExtendLeases`].
    LeasesExtended(LeaseReport),
    /// Answer to [`Action::Recover`].
    Recovered,
    /// Answer to [`Action::QueryCancelRequests`].
    CancelRequestsKnown(Vec<JobId>),
    /// Answer to [`Action::Cleanup`].
    CleanedUp,
    /// The store failed to do what an action asked for; the engine still has what was to be written.
    Failed(StoreRequest),
    /// Take on work, or stop taking it.
    SetIntake(Intake),
    /// Stop for good: take nothing new, let jobs finish until this instant, then stop them.
    Stop {
        /// When running jobs are told to stop.
        deadline: DateTime<Utc>,
    },
}

impl Input {
    /// The request that the store has done. `None`: it is no answer.
    pub(super) const fn answers(&self) -> Option<StoreRequest> {
        Some(match self {
            Self::WakeupsKnown(_) => StoreRequest::QueryWakeups,
            Self::SchedulesAcquired(_) => StoreRequest::AcquireSchedules,
            Self::SchedulesReleased => StoreRequest::ReleaseSchedules,
            Self::JobsAcquired(_) => StoreRequest::AcquireJobs,
            Self::JobsReleased(_) => StoreRequest::ReleaseJobs,
            Self::LeasesExtended(_) => StoreRequest::ExtendLeases,
            Self::Recovered => StoreRequest::Recover,
            Self::CancelRequestsKnown(_) => StoreRequest::QueryCancelRequests,
            Self::CleanedUp => StoreRequest::Cleanup,
            Self::TimePassed
            | Self::Woken(_)
            | Self::CancelRequested
            | Self::HintsLost
            | Self::JobReported { .. }
            | Self::Failed(_)
            | Self::SetIntake(_)
            | Self::Stop { .. } => return None,
        })
    }
}

/// What to do next. Every action but the last three is a request to the store, answered by one [`Input`].
#[derive(Clone, Debug)]
pub enum Action {
    /// Take back what vanished schedulers hold.
    Recover(RecoverScope),
    /// Ask when there will be something to do.
    QueryWakeups,
    /// Acquire due schedules.
    AcquireSchedules {
        /// Most schedules to acquire.
        limit: usize,
    },
    /// Write what became of them.
    ReleaseSchedules(Arc<Vec<ScheduleRelease>>),
    /// Acquire jobs.
    AcquireJobs {
        /// Most jobs to acquire.
        limit: usize,
    },
    /// Write how claims on jobs ended.
    ReleaseJobs(Arc<Vec<JobRelease>>),
    /// Prolong these leases; on a task of its own, behind nothing else.
    ExtendLeases(Vec<HeldJob>),
    /// Ask which running jobs are to stop.
    QueryCancelRequests,
    /// Remove what nobody needs any more.
    Cleanup,
    /// Run these jobs; each is answered by one [`Input::JobReported`].
    StartJobs(Vec<Job>),
    /// Tell these running jobs to stop.
    StopJobs {
        /// The jobs.
        jobs: Vec<JobId>,
        /// Why.
        reason: StopReason,
    },
    /// Nothing is left to do: every lease is back.
    Stopped,
}

impl Action {
    /// What it asks of the store; to be told to the engine should that fail. `None`: it is no request to the store.
    #[must_use]
    pub const fn request(&self) -> Option<StoreRequest> {
        Some(match self {
            Self::Recover(_) => StoreRequest::Recover,
            Self::QueryWakeups => StoreRequest::QueryWakeups,
            Self::AcquireSchedules { .. } => StoreRequest::AcquireSchedules,
            Self::ReleaseSchedules(_) => StoreRequest::ReleaseSchedules,
            Self::AcquireJobs { .. } => StoreRequest::AcquireJobs,
            Self::ReleaseJobs(_) => StoreRequest::ReleaseJobs,
            Self::ExtendLeases(_) => StoreRequest::ExtendLeases,
            Self::QueryCancelRequests => StoreRequest::QueryCancelRequests,
            Self::Cleanup => StoreRequest::Cleanup,
            Self::StartJobs(_) | Self::StopJobs { .. } | Self::Stopped => return None,
        })
    }
}

/// Why a running job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// A user cancelled the job, or its schedule replaced it.
    Cancelled,
    /// The scheduler stops.
    Shutdown,
    /// Another scheduler holds the job now; whatever this one does is not recorded.
    LeaseLost,
    /// The attempt took longer than its timeout.
    TimedOut,
}
