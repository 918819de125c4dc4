//! The jobs this scheduler holds: those that run, and those whose end is still to be written.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::id::{JobId, JobIdMap};
use crate::instant;
use crate::job::{Attempt, Job, JobRelease, JobReport, Release};
use crate::lease;
use crate::store::{HeldJob, LastClaims};

/// Jobs whose release is due before more are taken, for each job that may run: bounds what a store that does not
/// answer can pile up.
const UNWRITTEN_PER_SLOT: usize = 8;

#[derive(Debug, Default)]
pub(super) struct HeldJobs {
    running: JobIdMap<Attempt>,
    /// Ends that are to be written.
    unwritten: Vec<JobRelease>,
    /// Ends that are being written.
    in_writing: Option<Arc<Vec<JobRelease>>>,
    /// Leases that are being renewed.
    in_renewal: Vec<HeldJob>,
    renew_at: Option<DateTime<Utc>>,
}

impl HeldJobs {
    /// How many more jobs may run here.
    pub(super) fn free_slots(&self, max_concurrent_jobs: usize) -> usize {
        if self.unwritten.len() > max_concurrent_jobs.saturating_mul(UNWRITTEN_PER_SLOT) {
            return 0;
        }
        max_concurrent_jobs.saturating_sub(self.running.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.unwritten.is_empty() && self.in_writing.is_none()
    }

    pub(super) fn is_running_none(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn running(&self) -> impl Iterator<Item = JobId> {
        self.running.keys().copied()
    }

    pub(super) fn is_running(&self, id: JobId) -> bool {
        self.running.contains_key(&id)
    }

    /// Jobs were acquired and are to run.
    pub(super) fn start(&mut self, jobs: &[Job], now: DateTime<Utc>, lease: Duration) {
        self.running.extend(jobs.iter().map(|job| (job.id, Attempt::of(job))));
        // The leases count from the request: one that was answered late has less than its life left.
        let half_life = lease / 2;
        let ends = jobs.iter().filter_map(|job| job.lease.as_ref()).map(|lease| lease.until);
        let due = ends.min().map(|until| instant::before(until, half_life).max(now));
        let due = due.or_else(|| (!jobs.is_empty()).then(|| lease::renewal_at(now, lease)));
        self.renew_at = self.renew_at.into_iter().chain(due).min();
    }

    /// Jobs were acquired and are not to run after all.
    pub(super) fn hand_back(&mut self, jobs: &[Job]) {
        let releases = jobs.iter().map(|job| JobRelease {
            job_id: job.id,
            token: job.token,
            release: Release::HandBack,
        });
        self.unwritten.extend(releases);
    }

    /// An attempt ended; decides what follows. A job that is in other hands by now is none of ours.
    pub(super) fn report(&mut self, claim: HeldJob, report: JobReport, random: f64) {
        let HeldJob { job_id, token } = claim;
        if self.running.get(&job_id).is_some_and(|attempt| attempt.token == token)
            && let Some(attempt) = self.running.remove(&job_id)
        {
            let release = attempt.release(report, random);
            self.unwritten.push(JobRelease { job_id, token, release });
        }
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// What is to be written now.
    pub(super) fn begin_writing(&mut self) -> Arc<Vec<JobRelease>> {
        let mut releases = std::mem::take(&mut self.unwritten);
        let last: LastClaims = releases.iter().map(claim_of).collect();
        releases.retain(|release| last.contains(claim_of(release)));
        let releases = Arc::new(releases);
        self.in_writing = Some(releases.clone());
        releases
    }

    /// They were written, but for those of `lost`, which others hold.
    pub(super) fn written(&mut self, lost: &[JobId]) {
        let written = self.in_writing.take();
        let claims = written.iter().flat_map(|releases| releases.iter()).map(claim_of);
        let claims = claims.filter(|claim| lost.contains(&claim.job_id)).collect::<Vec<_>>();
        self.lose(&claims);
    }

    pub(super) fn not_written(&mut self) {
        let releases = self.in_writing.take();
        self.unwritten.extend(releases.map(Arc::unwrap_or_clone).into_iter().flatten());
    }

    /// The renewal is done, but for the leases of `lost`. Returns those of them whose handlers run.
    pub(super) fn renewed(&mut self, lost: &[JobId]) -> Vec<JobId> {
        let mut claims = std::mem::take(&mut self.in_renewal);
        claims.retain(|claim| lost.contains(&claim.job_id));
        self.lose(&claims)
    }

    /// Claims that no longer hold. A job may have been acquired anew since, by this scheduler too: that claim stays.
    fn lose(&mut self, claims: &[HeldJob]) -> Vec<JobId> {
        let is_running =
            |claim: &&HeldJob| self.running.get(&claim.job_id).is_some_and(|at| at.token == claim.token);
        let running: Vec<JobId> = claims.iter().filter(is_running).map(|claim| claim.job_id).collect();
        for job in &running {
            self.running.remove(job);
        }
        self.unwritten.retain(|release| !claims.contains(&claim_of(release)));
        running
    }

    /// When the leases are to be renewed. `None`: nothing is held.
    pub(super) fn renew_at(&self) -> Option<DateTime<Utc>> {
        self.renew_at.filter(|_| !self.is_empty())
    }

    /// The leases to renew at `now`, and the next time to do so.
    pub(super) fn begin_renewal(&mut self, now: DateTime<Utc>, lease: Duration) -> Vec<HeldJob> {
        self.renew_at = Some(lease::renewal_at(now, lease));
        let in_writing = self.in_writing.iter().flat_map(|releases| releases.iter());
        let ended = in_writing.chain(&self.unwritten).map(claim_of);
        let running = self.running.iter().map(|(id, attempt)| HeldJob::new(*id, attempt.token));
        let mut claims: Vec<HeldJob> = ended.chain(running).collect();
        let last: LastClaims = claims.iter().copied().collect();
        claims.retain(|claim| last.contains(*claim));
        self.in_renewal = claims;
        self.in_renewal.clone()
    }

    /// A renewal failed: it is tried again soon, as long as the lease lives.
    pub(super) fn renew_soon(&mut self, now: DateTime<Utc>, lease: Duration) {
        self.renew_at = Some(instant::after(now, lease / 10));
    }

    /// What is held is renewed now, whatever was planned.
    pub(super) fn renew_at_once(&mut self, now: DateTime<Utc>) {
        self.renew_at = self.renew_at.map(|_| now);
    }

    /// Nothing is held any more: what is acquired next starts a new rhythm.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.renew_at = None;
        }
    }
}

const fn claim_of(release: &JobRelease) -> HeldJob {
    HeldJob::new(release.job_id, release.token)
}
