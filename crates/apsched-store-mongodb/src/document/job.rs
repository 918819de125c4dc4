//! A queued or running job as a document.
//!
//! It is queued while it has a `lane`, runs while it has a `lease`, and stands aside while it has a `quarantine_reason`. The
//! indexes of the queue and of what runs hold the documents that have the one or the other, so each is as small as it can be.

use std::sync::Arc;

use apsched_core::{CancelRequest, Job, JobSettings, LeaseToken, PayloadError, Progress, ScheduleId, TaskId};
use mongodb::bson::{Document, RawDocument, Uuid, doc};
use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::lease::LeaseDocument;
use super::payload::PayloadDocument;
use super::schedule::{count, uncount};
use super::{Json, Micros, Unreadable};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JobDocument {
    #[serde(rename = "_id")]
    id: Uuid,
    task_id: TaskId,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
    run_at: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<ScheduleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fire_time: Option<Micros>,
    /// Its own id, for one that was fired by hand: of a schedule there may be many without a fire time, and one with each.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_hand: Option<Uuid>,
    created_at: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_deadline: Option<Micros>,
    attempt: i64,
    token: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<LeaseDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_requested: Option<bool>,
    settings: Json<Arc<JobSettings>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PayloadDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine_reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProgressDocument {
    fraction: f64,
    message: String,
}

impl JobDocument {
    pub(crate) fn of(job: &Job) -> Result<Self, PayloadError> {
        Ok(Self {
            id: super::uuid(job.id),
            task_id: job.task_id.clone(),
            lane: job.lease.is_none().then(|| Lane::of(job).key()),
            run_at: Micros(job.run_at),
            schedule_id: job.schedule_id.clone(),
            fire_time: job.fire_time.map(Micros),
            by_hand: (job.schedule_id.is_some() && job.fire_time.is_none()).then(|| super::uuid(job.id)),
            created_at: Micros(job.created_at),
            start_deadline: job.start_deadline.map(Micros),
            attempt: job.attempt.into(),
            token: count(job.token.number()),
            lease: job.lease.as_ref().map(LeaseDocument::of),
            cancel_requested: (job.cancel == CancelRequest::Requested).then_some(true),
            settings: Json(job.settings.clone()),
            progress: job.progress.as_ref().map(|progress| ProgressDocument {
                fraction: progress.fraction.into(),
                message: progress.message.clone(),
            }),
            payload: Some(PayloadDocument::of(&job.payload)?),
            quarantine_reason: None,
        })
    }

    /// The job; one that stands aside is as unreadable as it was, for the reason it was then.
    pub(crate) fn read(raw: &RawDocument) -> Result<Job, Unreadable> {
        if let Some(reason) = super::text(raw, "quarantine_reason") {
            return Err(Unreadable(reason.to_owned()));
        }
        let document: Self = super::read(raw)?;
        let token = LeaseToken::new(uncount("token", document.token)?);
        let attempt = u32::try_from(document.attempt).map_err(|_| {
            Unreadable(format!("field attempt: expected 0 or more, found {}", document.attempt))
        })?;
        Ok(Job {
            id: super::job_id_of(document.id),
            task_id: document.task_id,
            schedule_id: document.schedule_id,
            payload: PayloadDocument::read(document.payload),
            settings: document.settings.0,
            created_at: document.created_at.0,
            fire_time: document.fire_time.map(|at| at.0),
            run_at: document.run_at.0,
            start_deadline: document.start_deadline.map(|at| at.0),
            attempt,
            progress: document.progress.map(ProgressDocument::read),
            cancel: match document.cancel_requested {
                Some(true) => CancelRequest::Requested,
                _ => CancelRequest::None,
            },
            token,
            lease: document.lease.map(|lease| lease.with_token(token)),
        })
    }
}

impl ProgressDocument {
    #[expect(clippy::cast_possible_truncation, reason = "it was an f32 when it was written")]
    fn read(self) -> Progress {
        Progress::new(self.fraction as f32, self.message)
    }
}

/// Of a job that is only to be ended or moved: its payload stays where it is.
pub(crate) fn without_payload() -> Document {
    doc! {"payload": 0}
}

/// What is written where a job goes back into the queue.
pub(crate) fn requeued(job: &Job) -> Document {
    let mut set = doc! {
        "lane": Lane::of(job).key(),
        "run_at": job.run_at.timestamp_micros(),
        "attempt": i64::from(job.attempt),
        "token": count(job.token.number()),
    };
    let mut unset = doc! {"lease": "", "progress": ""};
    match job.start_deadline {
        Some(deadline) => drop(set.insert("start_deadline", deadline.timestamp_micros())),
        None => drop(unset.insert("start_deadline", "")),
    }
    doc! {"$set": set, "$unset": unset}
}

/// What is written where a job stands aside that cannot be read.
pub(crate) fn quarantined(reason: &Unreadable) -> Document {
    doc! {"$set": {"quarantine_reason": &reason.0}, "$unset": {"lane": "", "lease": ""}}
}
