//! One call of a process to the store: built when it is issued, performed when it arrives, judged by the ledger.

use std::fmt;

use chrono::{DateTime, Utc};

use apsched_core::engine::{Action, Input};
use apsched_core::event::{Event, EventInterest};
use apsched_core::job::Release;
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ExtendLeases, Recover, ReleaseJobs, ReleaseSchedules, WakeupQuery,
};
use apsched_core::{DataStore, SchedulerId};

use super::breach::Checked;
use super::ledger::Ledger;
use super::probe;
use super::process::Process;

/// Most jobs that one recovery takes back.
const RECOVER_BATCH: usize = 1000;

/// A request to the store.
#[derive(Clone, Debug)]
pub(super) enum StoreCall {
    Recover(Recover),
    NextWakeup(WakeupQuery),
    AcquireSchedules(AcquireSchedules),
    ReleaseSchedules(ReleaseSchedules),
    AcquireJobs(AcquireJobs),
    ReleaseJobs(ReleaseJobs),
    ExtendLeases(ExtendLeases),
    CancelRequests(SchedulerId),
    Cleanup(DateTime<Utc>),
}

/// In few words, for the trace.
impl fmt::Display for StoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recover(request) => write!(f, "recover {:?} at {}", request.scope, request.now),
            Self::NextWakeup(query) => write!(f, "next_wakeup at {}", query.now),
            Self::AcquireSchedules(request) => {
                write!(f, "acquire_schedules {} at {}", request.limit, request.now)
            }
            Self::ReleaseSchedules(request) => {
                write!(f, "release_schedules at {}:", request.now)?;
                request.releases.iter().try_for_each(|release| {
                    let jobs: Vec<_> = release.jobs.iter().map(|job| job.id.to_string()).collect();
                    let (id, token) = (&release.schedule_id, release.token.number());
                    write!(f, " {id} #{token} {:?} {jobs:?}", release.advance)
                })
            }
            Self::AcquireJobs(request) => write!(f, "acquire_jobs {} at {}", request.limit, request.now),
            Self::ReleaseJobs(request) => {
                write!(f, "release_jobs at {}:", request.now)?;
                request.releases.iter().try_for_each(|release| {
                    let end = match &release.release {
                        Release::Finish(end) => end.outcome.to_string(),
                        other => format!("{other:?}"),
                    };
                    write!(f, " {} #{} {end}", release.job_id, release.token.number())
                })
            }
            Self::ExtendLeases(request) => {
                write!(f, "extend_leases at {}:", request.now)?;
                request.jobs.iter().try_for_each(|job| write!(f, " {} #{}", job.job_id, job.token.number()))
            }
            Self::CancelRequests(_) => f.write_str("cancel_requests"),
            Self::Cleanup(now) => write!(f, "cleanup at {now}"),
        }
    }
}

impl StoreCall {
    /// The call that `action` asks for, made at `now` on the process's clock. `None`: it is none for the store.
    pub(super) fn of(action: &Action, process: &Process, now: DateTime<Utc>, seed: u64) -> Option<Self> {
        let scheduler_id = process.id.clone();
        let lease = process.engine.config().lease_duration;
        let interest = EventInterest::ALL;
        Some(match action.clone() {
            Action::Recover(scope) => {
                Self::Recover(Recover { scheduler_id, now, scope, limit: RECOVER_BATCH, seed })
            }
            Action::QueryWakeups => {
                Self::NextWakeup(WakeupQuery { scheduler_id, now, abilities: process.abilities.clone() })
            }
            Action::AcquireSchedules { limit } => {
                Self::AcquireSchedules(AcquireSchedules { scheduler_id, now, lease, limit })
            }
            Action::ReleaseSchedules(releases) => {
                Self::ReleaseSchedules(ReleaseSchedules { scheduler_id, now, releases, interest })
            }
            Action::AcquireJobs { limit } => Self::AcquireJobs(AcquireJobs {
                scheduler_id,
                now,
                lease,
                limit,
                abilities: process.abilities.clone(),
                interest,
            }),
            Action::ReleaseJobs(releases) => {
                Self::ReleaseJobs(ReleaseJobs { scheduler_id, now, releases, interest })
            }
            Action::ExtendLeases(jobs) => Self::ExtendLeases(ExtendLeases { scheduler_id, now, lease, jobs }),
            Action::QueryCancelRequests => Self::CancelRequests(scheduler_id),
            Action::Cleanup => Self::Cleanup(now),
            Action::StartJobs(_) | Action::StopJobs { .. } | Action::Stopped => return None,
        })
    }

    pub(super) const fn is_claim(&self) -> bool {
        matches!(self, Self::AcquireJobs(_) | Self::AcquireSchedules(_))
    }

    /// Asks the store, lets the ledger judge the answer, and says what the engine is to be told.
    pub(super) fn perform<S: DataStore>(
        &self,
        store: &S,
        ledger: &mut Ledger,
        truly: DateTime<Utc>,
        keeps_its_leases: impl Fn(&SchedulerId) -> bool,
    ) -> Checked<(Input, Vec<Event>)> {
        Ok(match self {
            Self::Recover(request) => {
                let events = probe::read(store.recover(request.clone()))?;
                ledger.jobs_recovered(store, request, keeps_its_leases)?;
                ledger.schedules_recovered(store, request)?;
                (Input::Recovered, events)
            }
            Self::NextWakeup(query) => {
                (Input::WakeupsKnown(probe::read(store.next_wakeup(query.clone()))?), Vec::new())
            }
            Self::AcquireSchedules(request) => {
                let (claimed, events) = probe::read(store.acquire_schedules(request.clone()))?;
                ledger.schedules_acquired(request, &claimed)?;
                (Input::SchedulesAcquired(claimed), events)
            }
            Self::ReleaseSchedules(request) => {
                let released = probe::read(store.release_schedules(request.clone()))?;
                ledger.schedules_released(store, request, &released, truly)?;
                (Input::SchedulesReleased, released.events)
            }
            Self::AcquireJobs(request) => {
                let (jobs, events) = probe::read(store.acquire_jobs(request.clone()))?;
                ledger.jobs_acquired(request, &jobs)?;
                (Input::JobsAcquired(jobs), events)
            }
            Self::ReleaseJobs(request) => {
                let released = probe::read(store.release_jobs(request.clone()))?;
                ledger.jobs_released(store, request, &released, truly)?;
                (Input::JobsReleased(released.lost), released.events)
            }
            Self::ExtendLeases(request) => {
                let report = probe::read(store.extend_leases(request.clone()))?;
                ledger.leases_extended(request, &report)?;
                (Input::LeasesExtended(report), Vec::new())
            }
            Self::CancelRequests(scheduler) => {
                (Input::CancelRequestsKnown(probe::read(store.cancel_requests(scheduler))?), Vec::new())
            }
            Self::Cleanup(now) => {
                let events = probe::read(store.cleanup(*now))?;
                ledger.cleaned_up(store)?;
                (Input::CleanedUp, events)
            }
        })
    }
}
