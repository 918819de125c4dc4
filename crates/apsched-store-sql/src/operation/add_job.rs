//! Queueing jobs.

use std::collections::HashSet;
use std::sync::Arc;

use apsched_core::event::{Event, EventInterest, EventType, JobAdded, Wakeup};
use apsched_core::{Job, JobId, JobState};
use chrono::{DateTime, Utc};

use crate::dialect::{Dialect, Returning};
use crate::error::SqlResult;
use crate::row::job::{LARGEST_PAYLOAD_IN_ROW, PayloadPlace, SettingsColumn, place_payload};
use crate::row::payload_size;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Value};

const ADD_JOBS: Statement = statement!("add_jobs");
const ADD_JOBS_POSTGRES: Statement = statement!("add_jobs.postgres");
const ADD_JOBS_MYSQL: Statement = statement!("add_jobs.mysql");
const ADD_SIBLINGS: Statement = statement!("add_siblings");
const ADD_SIBLINGS_POSTGRES: Statement = statement!("add_siblings.postgres");
const KNOWN_JOBS: Statement = statement!("known_jobs");
const SAVEPOINT: Statement = statement!("savepoint");
const ROLLBACK: Statement = statement!("rollback_to_savepoint");
const RELEASE: Statement = statement!("release_savepoint");
const ADD_PAYLOADS: Statement = statement!("add_payloads");

/// Jobs that were added; those that were there are left as they are.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) events: Vec<Event>,
    pub(crate) earliest: Option<DateTime<Utc>>,
    /// Which they are.
    pub(crate) ids: HashSet<JobId>,
}

/// Whether the jobs go into one table, and so by one statement.
pub(crate) fn is_simple(dialect: Dialect, jobs: &[Job]) -> bool {
    dialect.returning() == Returning::Supported
        && jobs.iter().all(|job| payload_size(&job.payload) <= LARGEST_PAYLOAD_IN_ROW)
}

/// Queues jobs, and wakes whoever waits for one.
pub(crate) async fn add(
    session: &mut Session<'_>,
    jobs: &[Job],
    interest: EventInterest,
) -> SqlResult<Vec<Event>> {
    let mut added = insert(session, jobs.iter(), interest).await?;
    added.events.extend(added.earliest.map(|at| Wakeup::jobs(at).into()));
    Ok(added.events)
}

/// Queues jobs, unless one of the id is or was there.
pub(crate) async fn insert<'j>(
    session: &mut Session<'_>,
    jobs: impl Iterator<Item = &'j Job> + Send,
    interest: EventInterest,
) -> SqlResult<Added> {
    let jobs = distinct(jobs);
    let (mut new_jobs, mut large) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in &jobs {
        let (serializer, place) = place_payload(job)?;
        let payload = match place {
            PayloadPlace::Row(bytes) => Some(bytes),
            PayloadPlace::Apart(bytes) => {
                large.push((job.id, bytes));
                None
            }
        };
        new_jobs.push(NewJob { job, serializer, payload: Value::Bytes(payload) });
    }
    if new_jobs.is_empty() {
        return Ok(Added::default());
    }
    let new = match session.dialect() {
        Dialect::MySql => insert_unknown(session, new_jobs).await?,
        Dialect::Sqlite => insert_all_or_unknown(session, new_jobs).await?,
        Dialect::Postgres => {
            let returned = match siblings(&new_jobs) {
                Some((shared, rows)) => {
                    session.fetch_rows(ADD_SIBLINGS_POSTGRES, shared, "job", rows).await?
                }
                None => session.fetch_rows(ADD_JOBS_POSTGRES, Params::new(), "job", rows(new_jobs)).await?,
            };
            returned.into_iter().map(|mut row| row.job_id("id")).collect::<Result<HashSet<_>, _>>()?
        }
    };
    large.retain(|(id, _)| new.contains(id));
    let large = large.into_iter().map(|(id, bytes)| [id.into(), Value::Bytes(Some(bytes))]);
    session.execute_rows(ADD_PAYLOADS, Params::new(), "large", large.collect::<Vec<_>>()).await?;
    let added = report(jobs.into_iter().filter(|job| new.contains(&job.id)), interest);
    Ok(Added { ids: new, ..added })
}

/// Of jobs with one id the first. Those that were made one after another have rising ids, and need no closer look.
fn distinct<'j>(jobs: impl Iterator<Item = &'j Job>) -> Vec<&'j Job> {
    let mut jobs: Vec<&Job> = jobs.collect();
    if !jobs.is_sorted_by(|a, b| a.id < b.id) {
        let mut seen = HashSet::with_capacity(jobs.len());
        jobs.retain(|job| seen.insert(job.id));
    }
    jobs
}

/// A job with its payload as it is stored.
#[derive(Debug)]
struct NewJob<'j> {
    job: &'j Job,
    serializer: Value,
    /// Bytes; none if the payload stands apart.
    payload: Value,
}

/// The columns of a new job, as `add_jobs` names them.
type NewRow = [Value; 12];

fn rows(jobs: Vec<NewJob<'_>>) -> Vec<NewRow> {
    let mut settings = SettingsColumn::default();
    let row = |NewJob { job, serializer, payload }| {
        [
            job.id.into(),
            (&job.task_id).into(),
            (&job.settings.job_executor).into(),
            Value::Int(Some(job.settings.priority.into())),
            job.run_at.into(),
            Value::Text(job.schedule_id.as_ref().map(ToString::to_string)),
            job.fire_time.into(),
            job.created_at.into(),
            job.start_deadline.into(),
            settings.of(&job.settings).into(),
            serializer,
            payload,
        ]
    };
    jobs.into_iter().map(row).collect()
}

/// Direct jobs that differ in nothing but their ids and payloads, as those mostly do that are added together: what they share, once,
/// and a row for each. `None`: they differ in more.
fn siblings(jobs: &[NewJob<'_>]) -> Option<(Params, Vec<[Value; 2]>)> {
    let NewJob { job: first, serializer, .. } = jobs.first()?;
    let are_alike = jobs.iter().all(|new| {
        let job = new.job;
        job.schedule_id.is_none()
            && job.fire_time.is_none()
            && job.task_id == first.task_id
            && Arc::ptr_eq(&job.settings, &first.settings)
            && (job.run_at, job.created_at) == (first.run_at, first.created_at)
            && job.start_deadline == first.start_deadline
            && new.serializer == *serializer
    });
    if !are_alike {
        return None;
    }
    let shared = Params::new()
        .with("task_id", &first.task_id)
        .with("job_executor", &first.settings.job_executor)
        .with("priority", i64::from(first.settings.priority))
        .with("run_at", first.run_at)
        .with("created_at", first.created_at)
        .with("start_deadline", first.start_deadline)
        .with("settings", SettingsColumn::default().of(&first.settings))
        .with("payload_serializer", serializer.clone());
    Some((shared, jobs.iter().map(|new| [new.job.id.into(), new.payload.clone()]).collect()))
}

/// Inserts all; only when some of them turn out to be there already is it looked up which.
async fn insert_all_or_unknown(
    session: &mut Session<'_>,
    jobs: Vec<NewJob<'_>>,
) -> SqlResult<HashSet<JobId>> {
    let Some((shared, rows)) = siblings(&jobs) else { return insert_unknown(session, jobs).await };
    let ids: HashSet<JobId> = jobs.iter().map(|new| new.job.id).collect();
    if let [_] = jobs[..] {
        let inserted = session.execute_rows(ADD_SIBLINGS, shared, "job", rows).await?;
        return Ok(if inserted == 0 { HashSet::new() } else { ids });
    }
    session.execute(SAVEPOINT, &Params::new()).await?;
    let inserted = session.execute_rows(ADD_SIBLINGS, shared, "job", rows).await?;
    let new = if inserted == jobs.len() as u64 {
        ids
    } else {
        session.execute(ROLLBACK, &Params::new()).await?;
        insert_unknown(session, jobs).await?
    };
    session.execute(RELEASE, &Params::new()).await?;
    Ok(new)
}

/// Where an insert cannot say what it inserted, what is there is looked up first.
async fn insert_unknown(session: &mut Session<'_>, jobs: Vec<NewJob<'_>>) -> SqlResult<HashSet<JobId>> {
    let rows = rows(jobs);
    let keys: Vec<_> = rows.iter().map(|row| [row[0].clone(), row[5].clone(), row[6].clone()]).collect();
    let known = session.fetch_rows(KNOWN_JOBS, Params::new(), "job", keys).await?;
    let known = known.into_iter().map(|mut row| row.job_id("id")).collect::<Result<HashSet<_>, _>>()?;
    let (mut new, mut fire_times, mut unknown) = (HashSet::new(), HashSet::new(), Vec::new());
    for row in rows {
        let id = id_of(&row);
        // Of two with one id, or for one fire time, in one call the first stands.
        let fire_time = match (&row[5], &row[6]) {
            (Value::Text(Some(schedule)), Value::Int(Some(at))) => Some((schedule.clone(), *at)),
            _ => None,
        };
        let stands_alone = fire_time.is_none_or(|fire_time| fire_times.insert(fire_time));
        if !known.contains(&id) && stands_alone && new.insert(id) {
            unknown.push(row);
        }
    }
    if session.dialect() == Dialect::MySql {
        let unknown = unknown.into_iter().map(with_constants).collect::<Vec<_>>();
        session.execute_rows(ADD_JOBS_MYSQL, Params::new(), "job", unknown).await?;
    } else {
        session.execute_rows(ADD_JOBS, Params::new(), "job", unknown).await?;
    }
    Ok(new)
}

fn id_of(row: &NewRow) -> JobId {
    let Value::Id(id) = row[0] else { unreachable!("the first column is the id") };
    id.into()
}

/// A row of `add_jobs.mysql`, which has the columns of a new job among the others.
fn with_constants(row: NewRow) -> [Value; 16] {
    let [id, rest @ ..] = row;
    let [a, b, c, d, e, f, g, h, i, j, k] = rest;
    let zero = || Value::from(0_i64);
    [id, JobState::Queued.as_str().into(), zero(), zero(), zero(), a, b, c, d, e, f, g, h, i, j, k]
}

fn report<'j>(new: impl Iterator<Item = &'j Job>, interest: EventInterest) -> Added {
    let is_heard = interest.includes(JobAdded::INTEREST);
    let mut added = Added::default();
    for job in new {
        added.earliest = added.earliest.into_iter().chain([job.run_at]).min();
        if is_heard {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            added.events.push(JobAdded::new(job.id, task, schedule, job.run_at).into());
        }
    }
    added
}
