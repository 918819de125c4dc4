//! What one transaction does to jobs: gathered while the rules are asked, then written kind by kind, each kind at once.
//!
//! The rules are those of `apsched-core`; here is only what they mean for documents. Jobs that are changed have been read in the same
//! transaction, so that it is rolled back if anybody else has changed them.

use apsched_core::event::{
    Event, EventInterest, EventType, JobAdded, JobCancelRequested, JobQuarantined, JobReleased,
};
use apsched_core::job::{CancelStep, ClaimEnd, FinishedAttempt, Release};
use apsched_core::{Job, JobId, JobOutcome, JobResult, SchedulerId};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};

use crate::collections::Collections;
use crate::document::job::{JobDocument, quarantined, requeued};
use crate::document::result::ResultDocument;
use crate::document::{DocumentId, MOST_IDS, Unreadable, uuids};
use crate::error::Outcome;
use crate::statement::update_each;

#[derive(Debug)]
pub(crate) struct JobChanges {
    interest: EventInterest,
    pub(crate) events: Vec<Event>,
    added: Vec<Job>,
    gone: Vec<JobId>,
    results: Vec<JobResult>,
    to_stop: Vec<JobId>,
    updates: Vec<(DocumentId, Document)>,
}

impl JobChanges {
    pub(crate) const fn new(interest: EventInterest) -> Self {
        Self {
            interest,
            events: Vec::new(),
            added: Vec::new(),
            gone: Vec::new(),
            results: Vec::new(),
            to_stop: Vec::new(),
            updates: Vec::new(),
        }
    }

    /// Those that are there and end with this.
    pub(crate) fn gone(&self) -> &[JobId] {
        &self.gone
    }

    /// Whether there is nothing to write.
    pub(crate) const fn is_empty(&self) -> bool {
        let Self { added, gone, results, to_stop, updates, .. } = self;
        added.is_empty() && gone.is_empty() && results.is_empty() && to_stop.is_empty() && updates.is_empty()
    }

    /// Queues a job whose id and fire time are free.
    pub(crate) fn add(&mut self, job: Job) {
        if self.interest.includes(JobAdded::INTEREST) {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            self.events.push(JobAdded::new(job.id, task, schedule, job.run_at).into());
        }
        self.added.push(job);
    }

    /// Ends the claim on a running job. The instant from which it waits again, if it does.
    pub(crate) fn end_claim(
        &mut self,
        mut job: Job,
        release: Release,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        match job.end_claim(release, now, self.interest) {
            ClaimEnd::Gone(end) => {
                self.finish(&job, end);
                return None;
            }
            ClaimEnd::Queued(told) => self.events.extend(told),
        }
        self.updates.push((job.id.into(), requeued(&job)));
        Some(job.run_at)
    }

    /// Ends a job that is there.
    pub(crate) fn finish(&mut self, job: &Job, end: FinishedAttempt) {
        self.gone.push(job.id);
        self.record(job, end);
    }

    /// Keeps what is to be kept of a job that ended, or never was queued, and reports it.
    pub(crate) fn record(&mut self, job: &Job, end: FinishedAttempt) {
        let outcome = end.outcome;
        self.results.extend(end.into_result(job));
        if self.interest.includes(JobReleased::INTEREST) {
            let holder: Option<SchedulerId> = job.lease.as_ref().map(|lease| lease.holder.clone());
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            self.events.push(JobReleased::new(job.id, task, schedule, holder, outcome).into());
        }
    }

    /// Asks for a job's end: at once if it is queued, by its worker if it runs.
    pub(crate) fn cancel(&mut self, job: &Job, now: DateTime<Utc>) {
        match CancelStep::of(job.state(), job.cancel) {
            CancelStep::AskWorker => self.request_cancel(job.id),
            CancelStep::End => {
                self.finish(job, FinishedAttempt::without_run(JobOutcome::Cancelled, now));
            }
            CancelStep::Nothing => {}
        }
    }

    /// Asks the worker of a running job to stop it.
    pub(crate) fn request_cancel(&mut self, id: JobId) {
        self.to_stop.push(id);
        self.events.push(JobCancelRequested::new(id).into());
    }

    /// Puts a job aside that cannot be read. One whose id is none of a job can be named to nobody; it is logged.
    pub(crate) fn quarantine(&mut self, id: impl Into<DocumentId>, reason: &Unreadable) {
        let id = id.into();
        match id.job_id() {
            Some(job) => self.events.push(JobQuarantined::new(job, reason.to_string()).into()),
            None => tracing::warn!(%id, %reason, "a document under an id that no job has is put aside"),
        }
        self.updates.push((id, quarantined(reason)));
    }

    /// Writes all of it; the events are what it caused.
    pub(crate) async fn write(
        self,
        collections: &Collections,
        session: &mut ClientSession,
    ) -> Outcome<Vec<Event>> {
        let Collections { jobs, results, .. } = collections;
        for gone in self.gone.chunks(MOST_IDS) {
            jobs.delete_many(by_ids(gone)).session(&mut *session).await?;
        }
        if !self.results.is_empty() {
            let documents: Result<Vec<_>, _> = self.results.iter().map(ResultDocument::of).collect();
            results.clone_with_type().insert_many(documents?).session(&mut *session).await?;
        }
        if !self.added.is_empty() {
            let documents: Result<Vec<_>, _> = self.added.iter().map(JobDocument::of).collect();
            jobs.clone_with_type().insert_many(documents?).session(&mut *session).await?;
        }
        for to_stop in self.to_stop.chunks(MOST_IDS) {
            let request = doc! {"$set": {"cancel_requested": true}};
            jobs.update_many(by_ids(to_stop), request).session(&mut *session).await?;
        }
        let updates = self.updates.into_iter().map(|(id, update)| (id.filter(), update));
        update_each(collections, jobs, updates.collect(), session).await?;
        Ok(self.events)
    }
}

fn by_ids(ids: &[JobId]) -> Document {
    doc! {"_id": {"$in": uuids(ids.iter().copied())}}
}
