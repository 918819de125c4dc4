//! Performs the engine's requests to the store: one call each, its events published, its answer an input.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::shared::Shared;
use crate::engine::{Action, FailedAction, Input};
use crate::job::JobRelease;
use crate::schedule::ScheduleRelease;
use crate::store::{
    AcquireJobs, AcquireSchedules, ExtendLeases, HeldJob, Recover, ReleaseJobs, ReleaseSchedules, StoreError,
    WakeupQuery,
};

impl Shared {
    /// Asks the store for what `action` says; the answer is never an error, only an input that says so.
    pub(super) fn call_store(self: Arc<Self>, action: Action) -> BoxFuture<'static, Input> {
        match action {
            // Behind nothing else: a lease must not wait for a slow claim.
            Action::ExtendLeases(jobs) => tokio::spawn(async move { self.extend_leases(jobs).await })
                .map(|joined| joined.unwrap_or(Input::Failed(FailedAction::ExtendLeases)))
                .boxed(),
            Action::ReleaseJobs(releases) => async move { self.release_jobs(releases).await }.boxed(),
            Action::AcquireJobs { limit } => async move { self.acquire_jobs(limit).await }.boxed(),
            Action::ReleaseSchedules(releases) => {
                async move { self.release_schedules(releases).await }.boxed()
            }
            Action::AcquireSchedules { limit } => async move { self.acquire_schedules(limit).await }.boxed(),
            other => async move { self.call_for_care(other).await }.boxed(),
        }
    }

    async fn acquire_schedules(&self, limit: usize) -> Input {
        let (scheduler_id, lease) = self.claimant();
        let request = AcquireSchedules { scheduler_id, now: self.now(), lease, limit };
        match self.store.acquire_schedules(request).await {
            Ok(claimed) => Input::SchedulesAcquired(claimed),
            Err(error) => failed("store.acquire_schedules", &error, FailedAction::AcquireSchedules),
        }
    }

    async fn release_schedules(&self, releases: Arc<Vec<ScheduleRelease>>) -> Input {
        let (scheduler_id, _) = self.claimant();
        let request =
            ReleaseSchedules { scheduler_id, now: self.now(), releases, interest: self.broker.interest() };
        match self.store.release_schedules(request).await {
            Ok(released) => {
                for schedule in &released.lost {
                    tracing::debug!(schedule.id = %schedule, "the schedule was edited or taken while it was planned");
                }
                self.publish(released.events);
                Input::SchedulesReleased
            }
            Err(error) => failed("store.release_schedules", &error, FailedAction::ReleaseSchedules),
        }
    }

    async fn acquire_jobs(&self, limit: usize) -> Input {
        let (scheduler_id, lease) = self.claimant();
        let request = AcquireJobs {
            scheduler_id,
            now: self.now(),
            lease,
            limit,
            abilities: self.abilities.clone(),
            interest: self.broker.interest(),
        };
        match self.store.acquire_jobs(request).await {
            Ok((jobs, events)) => {
                self.publish(events);
                Input::JobsAcquired(jobs)
            }
            Err(error) => failed("store.acquire_jobs", &error, FailedAction::AcquireJobs),
        }
    }

    async fn release_jobs(&self, releases: Arc<Vec<JobRelease>>) -> Input {
        let (scheduler_id, _) = self.claimant();
        let request =
            ReleaseJobs { scheduler_id, now: self.now(), releases, interest: self.broker.interest() };
        match self.store.release_jobs(request).await {
            Ok(released) => {
                for job in &released.lost {
                    tracing::warn!(job.id = %job, "the job's lease was lost; its result is dropped");
                }
                self.publish(released.events);
                Input::JobsReleased(released.lost)
            }
            Err(error) => failed("store.release_jobs", &error, FailedAction::ReleaseJobs),
        }
    }

    async fn extend_leases(&self, jobs: Vec<HeldJob>) -> Input {
        let (scheduler_id, lease) = self.claimant();
        let request = ExtendLeases { scheduler_id, now: self.now(), lease, jobs };
        match self.store.extend_leases(request).await {
            Ok(report) => {
                for job in &report.lost {
                    tracing::warn!(job.id = %job, "the job's lease was lost; it is stopped here");
                }
                Input::LeasesExtended(report)
            }
            Err(error) => failed("store.extend_leases", &error, FailedAction::ExtendLeases),
        }
    }

    async fn call_for_care(&self, action: Action) -> Input {
        let (scheduler_id, _) = self.claimant();
        let now = self.now();
        match action {
            Action::QueryWakeups => {
                let query = WakeupQuery { scheduler_id, now, abilities: self.abilities.clone() };
                match self.store.next_wakeup(query).await {
                    Ok(wakeups) => Input::WakeupsKnown(wakeups),
                    Err(error) => failed("store.next_wakeup", &error, FailedAction::QueryWakeups),
                }
            }
            Action::Recover(scope) => {
                let seed = self.random_seed();
                let request = Recover { scheduler_id, now, scope, limit: RECOVER_BATCH, seed };
                match self.store.recover(request).await {
                    Ok(events) => {
                        self.publish(events);
                        Input::Recovered
                    }
                    Err(error) => failed("store.recover", &error, FailedAction::Recover),
                }
            }
            Action::QueryCancelRequests => match self.store.cancel_requests(&scheduler_id).await {
                Ok(jobs) => Input::CancelRequestsKnown(jobs),
                Err(error) => failed("store.cancel_requests", &error, FailedAction::QueryCancelRequests),
            },
            Action::Cleanup => match self.store.cleanup(now).await {
                Ok(events) => {
                    self.publish(events);
                    Input::CleanedUp
                }
                Err(error) => failed("store.cleanup", &error, FailedAction::Cleanup),
            },
            other => unreachable!("{other:?} has a call of its own"),
        }
    }
}

/// Jobs that are recovered at once; the rest follows.
const RECOVER_BATCH: usize = 1000;

fn failed(call: &'static str, error: &StoreError, failed: FailedAction) -> Input {
    tracing::warn!(%error, source = error_source(error), "{call} failed; it is tried again");
    Input::Failed(failed)
}

fn error_source(error: &StoreError) -> Option<String> {
    std::error::Error::source(error).map(ToString::to_string)
}
