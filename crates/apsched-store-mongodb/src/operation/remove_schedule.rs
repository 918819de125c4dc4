//! Removes a schedule, and ends its jobs if asked.

use apsched_core::event::{Event, EventInterest, ScheduleRemoved};
use apsched_core::store::RemoveJobs;
use apsched_core::{ScheduleId, StoreError, TaskId};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{RawDocument, RawDocumentBuf, doc};

use super::add_schedule::remember_removed;
use crate::connection::Connection;
use crate::document::job::{JobDocument, without_payload};
use crate::document::{DocumentId, number, text};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::statement;
use crate::transaction::{Patience, Work};

pub(crate) async fn remove(
    connection: &Connection,
    id: &ScheduleId,
    jobs: RemoveJobs,
    now: DateTime<Utc>,
) -> Outcome<Vec<Event>> {
    connection.transaction(Patience::Long, &Remove { connection, id, jobs, now }).await
}

struct Remove<'a> {
    connection: &'a Connection,
    id: &'a ScheduleId,
    jobs: RemoveJobs,
    now: DateTime<Utc>,
}

impl Work for Remove<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let Self { connection, id, jobs, now } = *self;
        let schedules = &connection.collections().schedules;
        let by_id = doc! {"_id": id.as_str()};
        let found: Option<RawDocumentBuf> = schedules.find_one(by_id.clone()).session(&mut *session).await?;
        let raw = found.ok_or_else(|| StoreError::ScheduleNotFound { schedule_id: id.clone() })?;
        schedules.delete_one(by_id).session(&mut *session).await?;
        remember_removed(connection, number(&raw, "token").unwrap_or(0), session).await?;
        let mut changes = JobChanges::new(EventInterest::ALL);
        changes.events.extend(removed(&raw, id.clone()));
        if jobs == RemoveJobs::Cancel {
            cancel_jobs_of(connection, session, id, now, &mut changes).await?;
        }
        changes.write(connection.collections(), session).await
    }
}

/// The event needs nothing of the document but its task; one without is not told.
pub(crate) fn removed(raw: &RawDocument, id: ScheduleId) -> Option<Event> {
    let task = text(raw, "task_id").and_then(|task| TaskId::new(task).ok())?;
    Some(ScheduleRemoved::new(id, task).into())
}

/// Ends the queued jobs of a schedule, and asks the running ones to stop.
pub(crate) async fn cancel_jobs_of(
    connection: &Connection,
    session: &mut ClientSession,
    id: &ScheduleId,
    now: DateTime<Utc>,
    changes: &mut JobChanges,
) -> Outcome<()> {
    let jobs = &connection.collections().jobs;
    let active = doc! {"schedule_id": id.as_str(), "quarantine_reason": {"$exists": false}};
    let found = jobs.find(active).projection(without_payload()).session(&mut *session).await?;
    for raw in statement::all(found, session).await? {
        match (JobDocument::read(&raw), DocumentId::of(&raw)) {
            (Ok(job), _) => changes.cancel(&job, now),
            (Err(reason), Some(id)) => changes.quarantine(id, &reason),
            (Err(_), None) => {}
        }
    }
    Ok(())
}
