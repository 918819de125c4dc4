//! Jobs and their results, as users look at them.

use apsched_core::store::JobFilter;
use apsched_core::{Job, JobId, JobResult, JobState, JobStatus};
use futures_util::TryStreamExt;
use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use super::list_schedules::positive;
use crate::connection::Connection;
use crate::document::job::JobDocument;
use crate::document::result::ResultDocument;
use crate::document::uuid;
use crate::error::{Outcome, unreadable};
use crate::schema::index;

/// A job moves from the queue to the results at once and never back, so it is looked for in this order.
pub(crate) async fn status(connection: &Connection, id: JobId) -> Outcome<JobStatus> {
    let found: Option<RawDocumentBuf> =
        connection.collections().jobs.find_one(doc! {"_id": uuid(id)}).await?;
    if let Some(raw) = found {
        let job = JobDocument::read(&raw).map_err(|reason| unreadable("job", id, &reason))?;
        return Ok(JobStatus::Active(Box::new(job)));
    }
    let finished = result(connection, id).await?;
    Ok(finished.map_or(JobStatus::Unknown, |result| JobStatus::Finished(Box::new(result))))
}

pub(crate) async fn result(connection: &Connection, id: JobId) -> Outcome<Option<JobResult>> {
    let found: Option<RawDocumentBuf> =
        connection.collections().results.find_one(doc! {"_id": uuid(id)}).await?;
    let read = found.map(|raw| ResultDocument::read(&raw)).transpose();
    Ok(read.map_err(|reason| unreadable("result", id, &reason))?)
}

/// By id; those that cannot be read are left out.
pub(crate) async fn list(connection: &Connection, filter: &JobFilter) -> Outcome<Vec<Job>> {
    let Some(limit) = positive(filter.limit) else { return Ok(Vec::new()) };
    let mut wanted = doc! {"quarantine_reason": {"$exists": false}};
    match filter.state {
        None => {}
        Some(JobState::Queued) => drop(wanted.insert("lane", doc! {"$exists": true})),
        Some(JobState::Running) => {
            wanted.insert("lease.until", doc! {"$exists": true});
            wanted.insert("task_id", doc! {"$gte": ""});
        }
        Some(JobState::Finished(_)) => return Ok(Vec::new()),
    }
    if let Some(task) = &filter.task_id {
        wanted.insert("task_id", task.as_str());
    }
    if let Some(schedule) = &filter.schedule_id {
        wanted.insert("schedule_id", schedule.as_str());
    }
    let mut found = connection.collections().jobs.find(wanted).sort(doc! {"_id": 1}).limit(limit);
    if filter.state == Some(JobState::Running) {
        // They are few. By their ids they would be looked for among all jobs, to save their being sorted.
        found = found.hint(Hint::Name(index::RUNNING.to_owned()));
    }
    let found = found.read_concern(ReadConcern::snapshot()).allow_disk_use(true).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.iter().filter_map(|raw| JobDocument::read(raw).ok()).collect())
}
