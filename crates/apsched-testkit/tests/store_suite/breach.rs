//! Breaches of the contract, each one that a store had somewhere, and the proof that the suite finds it.

use std::sync::Arc;

use apsched_core::Overlap;
use apsched_core::job::Release;
use apsched_core::store::{
    AcquireJobs, DataStore, Recover, RecoverScope, ReleaseJobs, ReleaseSchedules, StoreResult, Wakeups,
};
use apsched_core::{Job, JobId, JobStatus, ScheduleId};
use apsched_testkit::conformance::block_on;
use apsched_testkit::conformance::store::CASES;
use apsched_testkit::sample::job_id;
use chrono::{DateTime, Utc};

use super::double::Double;

/// What the store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// Whoever releases a job is taken for its holder.
    TakesStaleJobTokens,
    /// Whoever releases a schedule is taken for its holder.
    TakesStaleScheduleTokens,
    /// Jobs are inserted before it is known whether the schedule may advance.
    AddsJobsBeforeTheAdvance,
    /// The overlap policy is not looked at.
    IgnoresOverlap,
    /// A batch that is added again is queued again.
    AddsJobsTwice,
    /// A result is gone when it was read.
    DeletesReadResults,
    /// An expired lease is given out by the call that acquires jobs.
    RecoversWhileAcquiring,
    /// The task limit applies to the first jobs in order only.
    LimitsBeforeFiltering,
    /// A job that is handed back has used up its attempt.
    CountsHandedBackAttempts,
    /// Another process of the same name is taken for dead.
    RecoversPredecessorsAlways,
    /// A schedule that is leased or paused is promised.
    PromisesAlways,
    /// A row that cannot be decoded is passed over as if it were not there.
    HidesUnreadableRows,
    /// A row that cannot be decoded is reported whenever it is met.
    ReportsUnreadableSchedulesAlways,
}

impl Double {
    fn has(&self, breach: Breach) -> bool {
        self.breach == Some(breach)
    }

    /// Whether the schedule can be read; with the breach, every one is said to be.
    pub(crate) fn readable_schedule(&self, id: &ScheduleId) -> StoreResult<()> {
        if self.has(Breach::HidesUnreadableRows) { Ok(()) } else { self.spoiled_schedules().readable(id) }
    }

    /// Whether the job can be read; with the breach, every one is said to be.
    pub(crate) fn readable_job(&self, id: JobId) -> StoreResult<()> {
        if self.has(Breach::HidesUnreadableRows) { Ok(()) } else { self.spoiled_jobs().readable(&id) }
    }

    /// The schedules to report as quarantined.
    pub(crate) fn reported_schedules(&self) -> Vec<ScheduleId> {
        let mut spoiled = self.spoiled_schedules();
        if self.has(Breach::ReportsUnreadableSchedulesAlways) {
            spoiled.forget_reports();
        }
        spoiled.unreported()
    }

    pub(crate) async fn broken_schedule_release(
        &self,
        request: ReleaseSchedules,
    ) -> StoreResult<ReleaseSchedules> {
        let mut request = request;
        let mut releases = Vec::clone(&request.releases);
        for release in &mut releases {
            let Some(current) = self.inner.schedule(&release.schedule_id).await? else { continue };
            if self.has(Breach::IgnoresOverlap) {
                release.overlap = Overlap::Queue;
            }
            if self.has(Breach::AddsJobsBeforeTheAdvance) {
                self.inner.add_jobs(release.jobs.clone(), request.interest).await?;
            }
            if let Some(lease) = current.lease.filter(|_| self.has(Breach::TakesStaleScheduleTokens)) {
                release.token = lease.token;
                request.scheduler_id = lease.holder;
            }
        }
        Ok(ReleaseSchedules { releases: releases.into(), ..request })
    }

    pub(crate) async fn broken_jobs(&self, jobs: Vec<Job>) -> StoreResult<Vec<Job>> {
        let mut added = Vec::new();
        for job in jobs {
            let is_there = matches!(self.inner.job_status(job.id).await?, JobStatus::Active(_));
            let id = if is_there && self.has(Breach::AddsJobsTwice) { job_id() } else { job.id };
            added.push(Job { id, ..job });
        }
        Ok(added)
    }

    pub(crate) fn hides_result(&self, id: JobId) -> bool {
        self.has(Breach::DeletesReadResults)
            && !self.read_results.lock().expect("nothing panics under the lock").insert(id)
    }

    pub(crate) async fn broken_acquisition(&self, request: AcquireJobs) -> StoreResult<AcquireJobs> {
        if self.has(Breach::RecoversWhileAcquiring) {
            let scope = RecoverScope::Expired;
            let (scheduler_id, now) = (request.scheduler_id.clone(), request.now);
            self.inner.recover(Recover { scheduler_id, now, scope, limit: usize::MAX, seed: 0 }).await?;
        }
        if self.has(Breach::LimitsBeforeFiltering) {
            let mut due = self.inner.jobs(&Default::default()).await?;
            due.retain(|job| job.lease.is_none() && job.run_at <= request.now);
            due.sort_by_key(|job| (std::cmp::Reverse(job.settings.priority), job.run_at, job.id));
            due.truncate(request.limit);
            let tasks =
                due.into_iter().map(|job| job.task_id).filter(|task| request.abilities.knows_task(task));
            let executors: Vec<_> = request.abilities.executors().cloned().collect();
            let abilities = Arc::new(apsched_core::Abilities::new(tasks, executors));
            return Ok(AcquireJobs { abilities, ..request });
        }
        Ok(request)
    }

    pub(crate) async fn broken_job_release(&self, request: ReleaseJobs) -> StoreResult<ReleaseJobs> {
        let mut request = request;
        let mut releases = Vec::clone(&request.releases);
        for release in &mut releases {
            let JobStatus::Active(current) = self.inner.job_status(release.job_id).await? else { continue };
            if self.has(Breach::CountsHandedBackAttempts) && matches!(release.release, Release::HandBack) {
                release.release = Release::RunAgain { run_at: current.run_at, attempt: current.attempt };
            }
            if let Some(lease) = current.lease.filter(|_| self.has(Breach::TakesStaleJobTokens)) {
                release.token = lease.token;
                request.scheduler_id = lease.holder;
            }
        }
        Ok(ReleaseJobs { releases: releases.into(), ..request })
    }

    pub(crate) fn broken_recovery(&self, request: Recover) -> Recover {
        if self.has(Breach::RecoversPredecessorsAlways) {
            return Recover { scope: RecoverScope::ExpiredAndPredecessors, ..request };
        }
        request
    }

    pub(crate) fn broken_wakeups(&self, wakeups: Wakeups, now: DateTime<Utc>) -> Wakeups {
        if self.has(Breach::PromisesAlways) {
            return Wakeups { schedule: Some(now), ..wakeups };
        }
        wakeups
    }
}

/// Whether a store with this breach fails the case.
fn is_found_by(breach: Breach, name: &str) -> bool {
    let run = CASES.iter().find(|case| case.name == name).expect("such a case").run;
    let harness = Double::with_breach(breach);
    let verdict = std::thread::spawn(move || block_on(async move { run(&harness).await }));
    verdict.join().is_err()
}

#[test]
fn each_breach_is_found_by_the_case_that_is_named_for_it() {
    for (breach, case) in [
        (Breach::TakesStaleJobTokens, "a_worker_that_lost_its_claim_writes_nothing"),
        (Breach::TakesStaleScheduleTokens, "a_scheduler_that_lost_its_claim_writes_nothing"),
        (Breach::AddsJobsBeforeTheAdvance, "a_fire_time_whose_scheduler_vanished_becomes_one_job"),
        (Breach::IgnoresOverlap, "skip_records_a_fire_time_while_an_earlier_job_runs"),
        (Breach::AddsJobsTwice, "adding_jobs_again_adds_nothing"),
        (Breach::DeletesReadResults, "a_result_is_readable_many_times_by_everybody"),
        (Breach::RecoversWhileAcquiring, "a_job_whose_lease_expired_is_recovered_not_acquired"),
        (Breach::LimitsBeforeFiltering, "a_saturated_task_does_not_stand_in_the_way_of_others"),
        (Breach::CountsHandedBackAttempts, "a_job_that_is_handed_back_is_as_before_the_claim"),
        (Breach::RecoversPredecessorsAlways, "earlier_runs_are_left_alone_unless_asked"),
        (Breach::PromisesAlways, "schedules_that_are_not_given_out_do_not_wake"),
        (Breach::HidesUnreadableRows, "an_unreadable_schedule_is_told_to_who_asks_for_it"),
        (Breach::HidesUnreadableRows, "an_unreadable_job_is_told_to_who_asks_for_it"),
        (Breach::ReportsUnreadableSchedulesAlways, "an_unreadable_schedule_is_reported_once"),
    ] {
        assert!(is_found_by(breach, case), "{breach:?} is found by {case}");
    }
}
