//! Performs the engine's requests to the store: one call each, its events published, its answer an input.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::shared::Shared;
use crate::engine::{Action, FailedAction, Input};
use crate::job::JobRelease;
use crate::schedule::ScheduleRelease;
use crate::store::{
    AcquireJobs, AcquireSchedules, ExtendLeases, HeldJob, Recover, RecoverScope, ReleaseJobs,
    ReleaseSchedules, StoreError, WakeupQuery,
};

impl Shared {
    /// Asks the store for what `action` says; the answer is never an error, only an input that says so.
    ///
    /// `failure` is what the engine is told should the store panic.
    pub(super) fn call_store(
        self: Arc<Self>,
        action: Action,
        failure: FailedAction,
    ) -> BoxFuture<'static, Input> {
        let call = AssertUnwindSafe(async move { self.ask(action).await }).catch_unwind();
        let call = call.map(move |answer| {
            answer.unwrap_or_else(|_| {
                tracing::error!(?failure, "the data store panicked");
                Input::Failed(failure)
            })
        });
        match failure {
            // Behind nothing else: a lease must not wait for a slow request.
            FailedAction::ExtendLeases => {
                tokio::spawn(call).map(move |joined| joined.unwrap_or(Input::Failed(failure))).boxed()
            }
            _ => call.boxed(),
        }
    }

    async fn ask(&self, action: Action) -> Input {
        match action {
            Action::ExtendLeases(jobs) => self.extend_leases(jobs).await,
            Action::ReleaseJobs(releases) => self.release_jobs(releases).await,
            Action::AcquireJobs { limit } => self.acquire_jobs(limit).await,
            Action::ReleaseSchedules(releases) => self.release_schedules(releases).await,
            Action::AcquireSchedules { limit } => self.acquire_schedules(limit).await,
            Action::QueryWakeups => self.query_wakeups().await,
            Action::Recover(scope) => self.recover(scope).await,
            Action::QueryCancelRequests => self.query_cancel_requests().await,
            Action::Cleanup => self.clean_up().await,
            Action::StartJobs(_) | Action::StopJobs { .. } | Action::Stopped => Input::TimePassed,
        }
    }

    async fn acquire_schedules(&self, limit: usize) -> Input {
        let (scheduler_id, lease) = self.claimant();
        let request = AcquireSchedules { scheduler_id, now: self.now(), lease, limit };
        match self.learn_health(self.store.acquire_schedules(request).await) {
            Ok((claimed, events)) => {
                self.publish(events);
                Input::SchedulesAcquired(claimed)
            }
            Err(error) => failed("store.acquire_schedules", &error, FailedAction::AcquireSchedules),
        }
    }

    async fn release_schedules(&self, releases: Arc<Vec<ScheduleRelease>>) -> Input {
        let (scheduler_id, _) = self.claimant();
        let request =
            ReleaseSchedules { scheduler_id, now: self.now(), releases, interest: self.broker.interest() };
        match self.learn_health(self.store.release_schedules(request).await) {
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
        match self.learn_health(self.store.acquire_jobs(request).await) {
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
        match self.learn_health(self.store.release_jobs(request).await) {
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
        match self.learn_health(self.store.extend_leases(request).await) {
            Ok(report) => {
                for job in &report.lost {
                    tracing::warn!(job.id = %job, "the job's lease was lost; it is stopped here");
                }
                Input::LeasesExtended(report)
            }
            Err(error) => failed("store.extend_leases", &error, FailedAction::ExtendLeases),
        }
    }

    async fn query_wakeups(&self) -> Input {
        let (scheduler_id, _) = self.claimant();
        let query = WakeupQuery { scheduler_id, now: self.now(), abilities: self.abilities.clone() };
        match self.learn_health(self.store.next_wakeup(query).await) {
            Ok(wakeups) => Input::WakeupsKnown(wakeups),
            Err(error) => failed("store.next_wakeup", &error, FailedAction::QueryWakeups),
        }
    }

    async fn recover(&self, scope: RecoverScope) -> Input {
        let (scheduler_id, _) = self.claimant();
        let seed = self.random_seed();
        let request = Recover { scheduler_id, now: self.now(), scope, limit: RECOVER_BATCH, seed };
        match self.learn_health(self.store.recover(request).await) {
            Ok(events) => {
                self.publish(events);
                Input::Recovered
            }
            Err(error) => failed("store.recover", &error, FailedAction::Recover),
        }
    }

    async fn query_cancel_requests(&self) -> Input {
        let (scheduler_id, _) = self.claimant();
        match self.learn_health(self.store.cancel_requests(&scheduler_id).await) {
            Ok(jobs) => Input::CancelRequestsKnown(jobs),
            Err(error) => failed("store.cancel_requests", &error, FailedAction::QueryCancelRequests),
        }
    }

    async fn clean_up(&self) -> Input {
        match self.learn_health(self.store.cleanup(self.now()).await) {
            Ok(events) => {
                self.publish(events);
                Input::CleanedUp
            }
            Err(error) => failed("store.cleanup", &error, FailedAction::Cleanup),
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
