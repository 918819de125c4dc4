//! The jobs this scheduler holds: those that run, and those whose end is still to be written.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::id::{JobId, JobIdMap};
use crate::instant;
use crate::job::{Attempt, Job, JobRelease, JobReport, Release};
use crate::lease;
use crate::store::HeldJob;

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
        if !jobs.is_empty() && self.renew_at.is_none() {
            self.renew_at = Some(lease::renewal_at(now, lease));
        }
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
    pub(super) fn report(&mut self, job_id: JobId, report: JobReport, random: f64) {
        if let Some(attempt) = self.running.remove(&job_id) {
            let release = attempt.release(report, random);
            self.unwritten.push(JobRelease { job_id, token: attempt.token, release });
        }
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// What is to be written now.
    pub(super) fn begin_writing(&mut self) -> Arc<Vec<JobRelease>> {
        let releases = Arc::new(std::mem::take(&mut self.unwritten));
        self.in_writing = Some(releases.clone());
        releases
    }

    pub(super) fn written(&mut self) {
        self.in_writing = None;
    }

    pub(super) fn not_written(&mut self) {
        let releases = self.in_writing.take();
        self.unwritten.extend(releases.map(Arc::unwrap_or_clone).into_iter().flatten());
    }

    /// Jobs that another scheduler took.
    pub(super) fn lose(&mut self, jobs: &[JobId]) {
        for job in jobs {
            self.running.remove(job);
        }
        self.unwritten.retain(|release| !jobs.contains(&release.job_id));
    }

    /// When the leases are to be renewed. `None`: nothing is held.
    pub(super) fn renew_at(&self) -> Option<DateTime<Utc>> {
        self.renew_at.filter(|_| !self.is_empty())
    }

    /// The leases to renew at `now`, and the next time to do so.
    pub(super) fn begin_renewal(&mut self, now: DateTime<Utc>, lease: Duration) -> Vec<HeldJob> {
        self.renew_at = Some(lease::renewal_at(now, lease));
        let running = self.running.iter().map(|(id, attempt)| HeldJob::new(*id, attempt.token));
        let in_writing = self.in_writing.iter().flat_map(|releases| releases.iter());
        let ended = self.unwritten.iter().chain(in_writing);
        running.chain(ended.map(|release| HeldJob::new(release.job_id, release.token))).collect()
    }

    /// A renewal failed: it is tried again soon, as long as the lease lives.
    pub(super) fn renew_soon(&mut self, now: DateTime<Utc>, lease: Duration) {
        self.renew_at = Some(instant::after(now, lease / 10));
    }

    /// The clock was stepped back.
    pub(super) fn forget_times(&mut self, now: DateTime<Utc>) {
        self.renew_at = self.renew_at.map(|_| now);
    }

    /// Nothing is held any more: the next claim starts a new rhythm.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.renew_at = None;
        }
    }
}
