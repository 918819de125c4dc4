//! Ends of which nothing is kept: the jobs are deleted, each for itself, by one statement.

use std::collections::{HashMap, HashSet};

use apsched_core::job::{self, FinishedAttempt};
use apsched_core::store::{ReleaseJobs, Released};
use apsched_core::{Job, JobId, Lease};
use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::options::ReadConcern;

use super::{Asked, Written};
use crate::connection::Connection;
use crate::document::job::{JobDocument, without_payload};
use crate::document::{job_id, uuids};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::operation::token;
use crate::statement;

/// The jobs that end, if all do, nothing is kept of any, and the caller holds them all for some time still.
///
/// Then nobody else writes to them, and each is released by its being deleted.
pub(super) async fn of(
    connection: &Connection,
    Asked { request, releases }: &Asked<'_>,
) -> Outcome<Option<Vec<(Job, FinishedAttempt)>>> {
    let mut ends = HashMap::with_capacity(releases.len());
    for release in releases {
        match &release.release {
            // A value is there only if it is kept.
            job::Release::Finish(end) if end.value.is_none() => {
                ends.insert(release.job_id, (release.token, end));
            }
            _ => return Ok(None),
        }
    }
    let running = doc! {"_id": {"$in": uuids(ends.keys().copied())}, "lease.until": {"$exists": true}};
    let found = connection.collections().jobs.find(running).projection(without_payload());
    let mut found = found.hint(statement::by_id()).read_concern(ReadConcern::local()).await?;
    let mut jobs = Vec::with_capacity(ends.len());
    while found.advance().await? {
        let Ok(job) = JobDocument::read(found.current()) else { return Ok(None) };
        let Some((token, end)) = ends.get(&job.id) else { return Ok(None) };
        let holds =
            |lease: &Lease| lease.is_held_by(&request.scheduler_id, *token) && !lease.is_expired(request.now);
        if !job.lease.as_ref().is_some_and(holds) || FinishedAttempt::clone(end).into_result(&job).is_some() {
            return Ok(None);
        }
        let end = FinishedAttempt::clone(end);
        jobs.push((job, end));
    }
    Ok((jobs.len() == releases.len()).then_some(jobs))
}

/// Deletes jobs that have ended, each if its claim still holds.
pub(super) async fn write(
    connection: &Connection,
    request: &ReleaseJobs,
    jobs: &[(Job, FinishedAttempt)],
) -> Outcome<Written> {
    let collections = connection.collections();
    let targets: Vec<_> = jobs.iter().map(|(job, _)| (job.token, job.id)).collect();
    let held = token::held(&targets, &doc! {"lease.holder": request.scheduler_id.to_string()});
    let lost = match statement::delete_singly(collections, &collections.jobs, held).await {
        Ok(deleted) if deleted == jobs.len() => HashSet::new(),
        Ok(deleted) => lost_among(connection, jobs, deleted).await?,
        // All that we held are gone, though how many that were is not told; a majority that is late learns it in the end.
        Err(problem) if problem.is_unconfirmed() => {
            connection.confirm().await?;
            left_of(connection, jobs).await?
        }
        Err(problem) => return Err(problem),
    };
    let mut changes = JobChanges::new(request.interest);
    let mut tasks = Vec::new();
    for (job, end) in jobs.iter().filter(|(job, _)| !lost.contains(&job.id)) {
        changes.record(job, end.clone());
        if !tasks.contains(&job.task_id) {
            tasks.push(job.task_id.clone());
        }
    }
    let released = Released { events: changes.events, lost: lost.into_iter().collect() };
    Ok(Written { released, tasks, queued_at: None })
}

/// Which of the jobs were not deleted by us: somebody took them back, though our leases had not expired.
///
/// Those that are still there, of course. Should others be gone that we have not deleted, then they have ended elsewhere by now,
/// and which of all that are gone they are cannot be told.
async fn lost_among(
    connection: &Connection,
    jobs: &[(Job, FinishedAttempt)],
    deleted: usize,
) -> Outcome<HashSet<JobId>> {
    let left = left_of(connection, jobs).await?;
    let is_told = left.len() + deleted == jobs.len();
    Ok(if is_told { left } else { jobs.iter().map(|(job, _)| job.id).collect() })
}

/// Those of the jobs that are still there.
async fn left_of(connection: &Connection, jobs: &[(Job, FinishedAttempt)]) -> Outcome<HashSet<JobId>> {
    let ids = uuids(jobs.iter().map(|(job, _)| job.id));
    let found = connection.collections().jobs.find(doc! {"_id": {"$in": ids}});
    let found = found.projection(doc! {"_id": 1}).read_concern(ReadConcern::local()).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.iter().filter_map(|raw| job_id(raw)).collect())
}
