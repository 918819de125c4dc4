//! The kept result of a job as a document.

use apsched_core::{ErrorChain, JobOutcome, JobResult, PayloadError, ScheduleId, TaskId};
use mongodb::bson::{RawDocument, Uuid};
use serde::{Deserialize, Serialize};

use super::payload::PayloadDocument;
use super::{Micros, Unreadable};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResultDocument {
    #[serde(rename = "_id")]
    job_id: Uuid,
    task_id: TaskId,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<ScheduleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fire_time: Option<Micros>,
    outcome: JobOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<PayloadDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorChain>,
    attempt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Micros>,
    finished_at: Micros,
    expires_at: Micros,
}

impl ResultDocument {
    pub(crate) fn of(result: &JobResult) -> Result<Self, PayloadError> {
        Ok(Self {
            job_id: super::uuid(result.job_id),
            task_id: result.task_id.clone(),
            schedule_id: result.schedule_id.clone(),
            fire_time: result.fire_time.map(Micros),
            outcome: result.outcome,
            value: result.value.as_ref().map(PayloadDocument::of).transpose()?,
            error: result.error.clone(),
            attempt: result.attempt.into(),
            started_at: result.started_at.map(Micros),
            finished_at: Micros(result.finished_at),
            expires_at: Micros(result.expires_at),
        })
    }

    pub(crate) fn read(raw: &RawDocument) -> Result<JobResult, Unreadable> {
        let document: Self = super::read(raw)?;
        let attempt = u32::try_from(document.attempt).map_err(|_| {
            Unreadable(format!("field attempt: expected 0 or more, found {}", document.attempt))
        })?;
        Ok(JobResult {
            job_id: super::job_id_of(document.job_id),
            task_id: document.task_id,
            schedule_id: document.schedule_id,
            fire_time: document.fire_time.map(|at| at.0),
            outcome: document.outcome,
            value: document.value.map(|value| PayloadDocument::read(Some(value))),
            error: document.error,
            attempt,
            started_at: document.started_at.map(|at| at.0),
            finished_at: document.finished_at.0,
            expires_at: document.expires_at.0,
        })
    }
}
