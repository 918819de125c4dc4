//! Writes how claims on jobs ended: in one transaction, or, where nothing connects the jobs, by one statement (`deletion.rs`).

mod deletion;

use std::collections::HashMap;

use apsched_core::event::Wakeup;
use apsched_core::job::JobRelease;
use apsched_core::store::{HeldJob, LastClaims, ReleaseJobs, Released};
use apsched_core::{Job, JobId, TaskId};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{Bson, doc};

use crate::connection::Connection;
use crate::document::job::{JobDocument, without_payload};
use crate::document::{DocumentId, uuids};
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

/// A request without the releases that cannot hold, so that each job is named once.
struct Asked<'a> {
    request: &'a ReleaseJobs,
    releases: Vec<&'a JobRelease>,
}

const fn claim_of(release: &JobRelease) -> HeldJob {
    HeldJob::new(release.job_id, release.token)
}

pub(crate) async fn release(connection: &Connection, request: &ReleaseJobs) -> Outcome<Released<JobId>> {
    if request.releases.is_empty() {
        return Ok(Released::default());
    }
    let last: LastClaims = request.releases.iter().map(claim_of).collect();
    let (releases, overtaken): (Vec<_>, Vec<_>) =
        request.releases.iter().partition(|release| last.contains(claim_of(release)));
    let asked = Asked { request, releases };
    let written = match deletion::of(connection, &asked).await? {
        Some(jobs) => deletion::write(connection, request, &jobs).await?,
        None => connection.transaction(Patience::Long, &Release { connection, asked: &asked }).await?,
    };
    let Written { mut released, tasks, queued_at } = written;
    released.lost.extend(overtaken.iter().map(|release| release.job_id));
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

struct Release<'a> {
    connection: &'a Connection,
    asked: &'a Asked<'a>,
}

impl Work for Release<'_> {
    type Done = Written;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Written> {
        let Self { connection, asked: Asked { request, releases } } = *self;
        let ids = uuids(releases.iter().map(|release| release.job_id));
        let mut changes = JobChanges::new(request.interest);
        let mut jobs = running_jobs(connection, session, ids, &mut changes).await?;
        let mut lost = Vec::new();
        let (mut tasks, mut queued_at) = (Vec::new(), None);
        for release in releases {
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
    ids: Vec<Bson>,
    changes: &mut JobChanges,
) -> Outcome<HashMap<JobId, Job>> {
    let running = doc! {"_id": {"$in": ids}, "lease.until": {"$exists": true}};
    let found = connection.collections().jobs.find(running).projection(without_payload());
    let found = statement::all(found.session(&mut *session).await?, session).await?;
    let mut jobs = HashMap::with_capacity(found.len());
    for raw in &found {
        match (JobDocument::read(raw), DocumentId::of(raw)) {
            (Ok(job), _) => drop(jobs.insert(job.id, job)),
            (Err(reason), Some(id)) => changes.quarantine(id, &reason),
            (Err(_), None) => {}
        }
    }
    Ok(jobs)
}
