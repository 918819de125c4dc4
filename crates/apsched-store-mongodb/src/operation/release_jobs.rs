//! Writes how claims on jobs ended.
//!
//! Ends of which nothing is kept are jobs to be deleted, each for itself, by one statement. Everything else is done in one transaction.

use std::collections::{BTreeMap, HashMap};

use apsched_core::event::Wakeup;
use apsched_core::job::{self, FinishedAttempt};
use apsched_core::store::{ReleaseJobs, Released};
use apsched_core::{Job, JobId, Lease, LeaseToken, TaskId};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::doc;
use mongodb::options::ReadConcern;

use crate::connection::Connection;
use crate::document::job::{JobDocument, without_payload};
use crate::document::schedule::count;
use crate::document::{job_id, uuids};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::statement;
use crate::survey::Survey;
use crate::transaction::{Patience, Work};

/// What was written, and what follows for those who wait.
struct Written {
    released: Released<JobId>,
    /// Tasks of which a slot is free now.
    tasks: Vec<TaskId>,
    queued_at: Option<DateTime<Utc>>,
}

pub(crate) async fn release(connection: &Connection, request: &ReleaseJobs) -> Outcome<Released<JobId>> {
    if request.releases.is_empty() {
        return Ok(Released::default());
    }
    let written = match ends_without_result(connection, request).await? {
        Some(jobs) => end_each(connection, request, &jobs).await?,
        None => connection.transaction(Patience::Long, &Release { connection, request }).await?,
    };
    let Written { mut released, tasks, queued_at } = written;
    let freed_at = frees_somebody(connection, tasks, request.now).await.then_some(request.now);
    let wakeup = freed_at.into_iter().chain(queued_at).min();
    released.events.extend(wakeup.map(|at| Wakeup::jobs(at).into()));
    Ok(released)
}

/// Whether jobs wait for the slots that have become free. They are told to look, which is a hint: when it cannot be known, they are.
async fn frees_somebody(connection: &Connection, mut tasks: Vec<TaskId>, now: DateTime<Utc>) -> bool {
    tasks.retain(|task| !connection.is_without_limit(task));
    if tasks.is_empty() {
        return false;
    }
    let survey = Survey::take(connection).await;
    survey.map_or(true, |survey| tasks.iter().any(|task| survey.may_be_held_up(task, now)))
}

/// The jobs that end, if all do, nothing is kept of any, and the caller holds them all for some time still.
///
/// Then nobody else writes to them, and each is released by its being deleted.
async fn ends_without_result(
    connection: &Connection,
    request: &ReleaseJobs,
) -> Outcome<Option<Vec<(Job, FinishedAttempt)>>> {
    let mut ends = HashMap::with_capacity(request.releases.len());
    for release in request.releases.iter() {
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
    Ok((jobs.len() == request.releases.len()).then_some(jobs))
}

/// Deletes jobs that have ended, each if its claim still holds.
async fn end_each(
    connection: &Connection,
    request: &ReleaseJobs,
    jobs: &[(Job, FinishedAttempt)],
) -> Outcome<Written> {
    let collections = connection.collections();
    let mut by_token: BTreeMap<LeaseToken, Vec<JobId>> = BTreeMap::new();
    for (job, _) in jobs {
        by_token.entry(job.token).or_default().push(job.id);
    }
    let held = |(token, ids): (LeaseToken, Vec<JobId>)| {
        doc! {
            "_id": {"$in": uuids(ids)},
            "token": count(token.number()),
            "lease.holder": request.scheduler_id.to_string(),
        }
    };
    let held = by_token.into_iter().map(held).collect();
    let deleted = statement::delete_singly(collections, &collections.jobs, held).await?;
    if deleted < jobs.len() {
        // Somebody took back what we held, though our leases had not expired. Which we have ended cannot be told, so none is
        // said to be ours.
        let lost = request.releases.iter().map(|release| release.job_id).collect();
        let released = Released { events: Vec::new(), lost };
        return Ok(Written { released, tasks: Vec::new(), queued_at: None });
    }
    let mut changes = JobChanges::new(request.interest);
    let mut tasks = Vec::new();
    for (job, end) in jobs {
        changes.record(job, end.clone());
        if !tasks.contains(&job.task_id) {
            tasks.push(job.task_id.clone());
        }
    }
    Ok(Written { released: Released { events: changes.events, lost: Vec::new() }, tasks, queued_at: None })
}

struct Release<'a> {
    connection: &'a Connection,
    request: &'a ReleaseJobs,
}

impl Work for Release<'_> {
    type Done = Written;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Written> {
        let Self { connection, request } = *self;
        let ids = request.releases.iter().map(|release| release.job_id);
        let mut changes = JobChanges::new(request.interest);
        let mut jobs = running_jobs(connection, session, ids, &mut changes).await?;
        let mut lost = Vec::new();
        let (mut tasks, mut queued_at) = (Vec::new(), None);
        for release in request.releases.iter() {
            let job = jobs.remove(&release.job_id).filter(|job| {
                let lease = job.lease.as_ref();
                lease.is_some_and(|lease| lease.is_held_by(&request.scheduler_id, release.token))
            });
            let Some(job) = job else {
                lost.push(release.job_id);
                continue;
            };
            if !tasks.contains(&job.task_id) {
                tasks.push(job.task_id.clone());
            }
            let waits_from = changes.end_claim(job, release.release.clone(), request.now);
            queued_at = queued_at.into_iter().chain(waits_from).min();
        }
        let events = changes.write(connection.collections(), session).await?;
        Ok(Written { released: Released { events, lost }, tasks, queued_at })
    }
}

/// Running jobs without their payloads; those that cannot be read are put aside.
pub(crate) async fn running_jobs(
    connection: &Connection,
    session: &mut ClientSession,
    ids: impl IntoIterator<Item = JobId>,
    changes: &mut JobChanges,
) -> Outcome<HashMap<JobId, Job>> {
    let running = doc! {"_id": {"$in": uuids(ids)}, "lease.until": {"$exists": true}};
    let found = connection.collections().jobs.find(running).projection(without_payload());
    let found = statement::all(found.session(&mut *session).await?, session).await?;
    let mut jobs = HashMap::with_capacity(found.len());
    for raw in &found {
        match (JobDocument::read(raw), job_id(raw)) {
            (Ok(job), _) => drop(jobs.insert(job.id, job)),
            (Err(reason), Some(id)) => changes.quarantine(id, &reason),
            (Err(_), None) => {}
        }
    }
    Ok(jobs)
}
