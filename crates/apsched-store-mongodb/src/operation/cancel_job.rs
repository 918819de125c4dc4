//! Asks for the end of a job, and tells its worker.

use apsched_core::event::{Event, EventInterest, JobRemoved};
use apsched_core::{JobId, SchedulerId, TaskId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{RawDocument, RawDocumentBuf, doc};

use crate::connection::Connection;
use crate::document::job::{JobDocument, without_payload};
use crate::document::{job_id, text, uuid};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::transaction::{Patience, Work};

pub(crate) async fn cancel(connection: &Connection, id: JobId, now: DateTime<Utc>) -> Outcome<Vec<Event>> {
    connection.transaction(Patience::Long, &Cancel { connection, id, now }).await
}

struct Cancel<'a> {
    connection: &'a Connection,
    id: JobId,
    now: DateTime<Utc>,
}

impl Work for Cancel<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let Self { connection, id, now } = *self;
        let jobs = &connection.collections().jobs;
        let by_id = doc! {"_id": uuid(id)};
        let found = jobs.find_one(by_id.clone()).projection(without_payload()).session(&mut *session).await?;
        let Some(raw): Option<RawDocumentBuf> = found else { return Ok(Vec::new()) };
        let mut changes = JobChanges::new(EventInterest::ALL);
        match JobDocument::read(&raw) {
            Ok(job) => changes.cancel(&job, now),
            Err(_) if raw.get_document("lease").is_ok() => {
                if raw.get_bool("cancel_requested").is_err() {
                    changes.request_cancel(id);
                }
            }
            // Nobody can run it or say how it ended. Whoever cancels it wants to be rid of it.
            Err(_) => {
                jobs.delete_one(by_id).session(&mut *session).await?;
                changes.events.extend(removed(&raw, id));
            }
        }
        changes.write(connection.collections(), session).await
    }
}

fn removed(raw: &RawDocument, id: JobId) -> Option<Event> {
    let task = text(raw, "task_id").and_then(|task| TaskId::new(task).ok())?;
    Some(JobRemoved::new(id, task).into())
}

/// The jobs in the hands of a scheduler that are asked to stop, by the index `to_stop`, which has no others.
pub(crate) async fn requests(connection: &Connection, holder: &SchedulerId) -> Outcome<Vec<JobId>> {
    let asked = doc! {"cancel_requested": true, "lease.holder": holder.to_string()};
    let found = connection.collections().jobs.find(asked).projection(doc! {"_id": 1}).await?;
    let found: Vec<_> = found.try_collect().await?;
    let mut ids: Vec<JobId> = found.iter().filter_map(|raw| job_id(raw)).collect();
    ids.sort_unstable();
    Ok(ids)
}
