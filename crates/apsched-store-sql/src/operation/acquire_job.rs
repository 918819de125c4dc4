//! Acquiring jobs: the lanes in which something is due, the slots that are free, then the first jobs of the lanes.
//!
//! A lane is the queue of one task, executor and priority. Jobs are taken lane by lane through one index, so what waits
//! elsewhere costs nothing: not the backlog, not a saturated task in front, not jobs of a later time. A task with a limit is
//! locked before its running jobs are counted, so two schedulers never both see the last free slot.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use apsched_core::event::{Event, EventType, JobAcquired, JobQuarantined};
use apsched_core::job::ClaimOrder;
use apsched_core::store::AcquireJobs;
use apsched_core::{Abilities, ExecutorName, Job, JobId, SchedulerId, TaskId, admission, instant};
use chrono::{DateTime, Utc};

use super::task;
use crate::dialect::{Dialect, Returning};
use crate::error::SqlResult;
use crate::pool::Access;
use crate::row::job::{self, JobDecoder, StoredJob};
use crate::row::{encoded, reason_column};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Kind, Params, Row, Value};

const LANES: Statement = statement!("lanes");
const LANE_JOBS: Statement = statement!("lane_jobs").giving_many(&[Kind::Id, Kind::Int]);
const LANE_ROWS: Statement = statement!("lane_rows").giving_many(job::KINDS);
const ACQUIRE_LANE: Statement = statement!("acquire_lane");
const ACQUIRE_LANE_POSTGRES: Statement = statement!("acquire_lane.postgres");
const ACQUIRE_JOBS: Statement = statement!("acquire_jobs");
const ACQUIRE_JOBS_POSTGRES: Statement = statement!("acquire_jobs.postgres");
const ACQUIRE_JOBS_MYSQL: Statement = statement!("acquire_jobs.mysql");
const JOBS_BY_ID: Statement = statement!("jobs_by_id").giving_many(job::KINDS);
const PAYLOADS: Statement = statement!("payloads");
const QUARANTINE_JOB: Statement = statement!("quarantine_job");

/// The queue of one task, executor and priority.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) task_id: TaskId,
    executor: ExecutorName,
    priority: i64,
    /// When its first job is due.
    pub(crate) first_at: DateTime<Utc>,
    pub(crate) limit: Option<u32>,
    /// Whether the task has a row to lock.
    is_known: bool,
}

/// The lanes with jobs that the caller can run, due or not.
pub(crate) async fn lanes(session: &mut Session<'_>, abilities: &Abilities) -> SqlResult<Vec<Lane>> {
    let tasks: Vec<_> = abilities.tasks().map(|task| [Value::from(task)]).collect();
    let executors: Vec<_> = abilities.executors().map(|executor| [Value::from(executor)]).collect();
    if tasks.is_empty() || executors.is_empty() {
        return Ok(Vec::new());
    }
    let params = Params::new().rows("task", tasks).rows("executor", executors);
    let mut lanes = Vec::new();
    for mut row in session.fetch(LANES, &params).await? {
        let (task_id, executor, priority) =
            (row.word("task_id")?, row.word("job_executor")?, row.int("priority")?);
        let first_at = row.opt_moment("run_at")?;
        let is_known = row.int("is_known")? != 0;
        let limit = task::limit(row.opt_int("max_running_jobs")?);
        let limit = if is_known { limit } else { admission::UNDECLARED_LIMIT };
        // Another scheduler may have emptied the lane while the statement ran.
        if let Some(first_at) = first_at {
            lanes.push(Lane { task_id, executor, priority, first_at, limit, is_known });
        }
    }
    Ok(lanes)
}

/// What a first look finds.
#[derive(Debug)]
pub(crate) enum Found {
    /// All that there is to acquire, which is mostly nothing, or what waits in one lane.
    Acquired(Acquired),
    /// Lanes to acquire from by an operation of its own.
    Lanes(Vec<Lane>),
}

/// What a first look needs: where a statement needs no transaction around it, it acquires at once.
pub(crate) const fn access(dialect: Dialect) -> Access {
    match dialect {
        Dialect::Postgres => Access::Statement,
        Dialect::Sqlite | Dialect::MySql => Access::Read,
    }
}

/// Looks for what is due, and acquires it if one statement can.
pub(crate) async fn look(session: &mut Session<'_>, request: &AcquireJobs) -> SqlResult<Found> {
    let dialect = session.dialect();
    let lanes = due_lanes(session, request).await?;
    if lanes.is_empty() {
        return Ok(Found::Acquired(Acquired::default()));
    }
    if access(dialect) == Access::Statement && is_simple(dialect, &lanes) {
        return from_lane(session, &lanes[0], request).await.map(Found::Acquired);
    }
    Ok(Found::Lanes(lanes))
}

/// The lanes in which something is due, the most urgent first.
async fn due_lanes(session: &mut Session<'_>, request: &AcquireJobs) -> SqlResult<Vec<Lane>> {
    let mut lanes = lanes(session, &request.abilities).await?;
    lanes.retain(|lane| lane.first_at <= request.now);
    lanes.sort_unstable_by_key(|lane| (Reverse(lane.priority), lane.first_at));
    Ok(lanes)
}

/// What is acquired: jobs in claim order, and what happened.
pub(crate) type Acquired = (Vec<Job>, Vec<Event>);

/// Whether the jobs of these lanes can be acquired without asking for each: one lane, and nothing to count.
pub(crate) fn is_simple(dialect: Dialect, lanes: &[Lane]) -> bool {
    matches!(lanes, [lane] if lane.limit.is_none()) && dialect != Dialect::MySql
}

/// Acquires from the one lane in which something is due: on PostgreSQL by one statement.
pub(crate) async fn from_lane(
    session: &mut Session<'_>,
    lane: &Lane,
    request: &AcquireJobs,
) -> SqlResult<Acquired> {
    let params = claim_params(request)
        .with("task_id", &lane.task_id)
        .with("job_executor", &lane.executor)
        .with("priority", lane.priority)
        .with("now", request.now)
        .with("limit", request.limit);
    if session.dialect() == Dialect::Postgres {
        let rows = session.fetch(ACQUIRE_LANE_POSTGRES, &params).await?;
        return deliver(session, rows, request, |_| {}).await;
    }
    let rows = session.fetch(LANE_ROWS, &params).await?;
    if rows.is_empty() {
        return Ok(Acquired::default());
    }
    session.execute(ACQUIRE_LANE, &params).await?;
    let until = instant::after(request.now, request.lease);
    deliver(session, rows, request, |job| job.acquire(request.scheduler_id.clone(), until)).await
}

/// Acquires from several lanes, or from tasks with limits: within a transaction.
pub(crate) async fn from_lanes(
    session: &mut Session<'_>,
    lanes: &[Lane],
    request: &AcquireJobs,
) -> SqlResult<Acquired> {
    let mut free = free_slots(session, lanes).await?;
    let mut chosen: Vec<JobId> = Vec::new();
    let mut rest = lanes;
    // Priority by priority: what is due with a lower one is not looked at while a higher one fills the request.
    while let Some(first) = rest.first()
        && chosen.len() < request.limit
    {
        let count = rest.iter().take_while(|lane| lane.priority == first.priority).count();
        let (same, lower) = rest.split_at(count);
        rest = lower;
        let left = request.limit - chosen.len();
        let mut candidates = Vec::new();
        for lane in same {
            let most = free.get(&lane.task_id).copied().unwrap_or(usize::MAX).min(left);
            candidates.extend(first_jobs(session, lane, most, request.now).await?);
        }
        candidates.sort_unstable_by_key(|candidate| (candidate.run_at, candidate.id));
        for candidate in candidates {
            let slots = free.entry(candidate.task_id).or_insert(usize::MAX);
            if *slots > 0 && chosen.len() < request.limit {
                *slots = slots.saturating_sub(1);
                chosen.push(candidate.id);
            }
        }
    }
    let rows = take(session, chosen, request).await?;
    deliver(session, rows, request, |_| {}).await
}

/// The first due job of a lane, and those that follow.
struct Candidate {
    task_id: TaskId,
    run_at: i64,
    id: JobId,
}

async fn first_jobs(
    session: &mut Session<'_>,
    lane: &Lane,
    most: usize,
    now: DateTime<Utc>,
) -> SqlResult<Vec<Candidate>> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let params = Params::new()
        .with("task_id", &lane.task_id)
        .with("job_executor", &lane.executor)
        .with("priority", lane.priority)
        .with("now", now)
        .with("limit", most);
    let mut candidates = Vec::new();
    for mut row in session.fetch(LANE_JOBS, &params).await? {
        let id = row.job_id("id")?;
        candidates.push(Candidate { task_id: lane.task_id.clone(), run_at: row.int("run_at")?, id });
    }
    Ok(candidates)
}

/// Free slots of the tasks that have a limit, which are locked until the end of the transaction.
async fn free_slots(session: &mut Session<'_>, lanes: &[Lane]) -> SqlResult<HashMap<TaskId, usize>> {
    let limited = || lanes.iter().filter(|lane| lane.limit.is_some());
    if limited().any(|lane| !lane.is_known) {
        task::insert_missing(session, limited().map(|lane| &lane.task_id)).await?;
    }
    task::lock_rows(session, limited().map(|lane| &lane.task_id)).await?;
    // Counted by a statement of its own: it sees what was committed while this one waited for the lock.
    let slots = task::slots(session, lanes.iter().map(|lane| &lane.task_id)).await?;
    let is_locked = |id: &TaskId| limited().any(|lane| lane.task_id == *id);
    let free = slots.into_iter().map(|(id, slots)| {
        // A task that has got a limit since the lanes were read is not locked: it has its turn with the next request.
        let is_counted = slots.max_running_jobs.is_none() || is_locked(&id);
        let free = if is_counted { slots.free() } else { 0 };
        (id, free)
    });
    Ok(free.collect())
}

fn claim_params(request: &AcquireJobs) -> Params {
    let until = instant::after(request.now, request.lease);
    Params::new().with("holder", &request.scheduler_id).with("until", until)
}

/// Leases jobs that are locked.
async fn take(session: &mut Session<'_>, chosen: Vec<JobId>, request: &AcquireJobs) -> SqlResult<Vec<Row>> {
    let ids: Vec<_> = chosen.into_iter().map(|id| [Value::from(id)]).collect();
    match session.dialect().returning() {
        Returning::Supported => {
            Ok(session.fetch_rows(ACQUIRE_JOBS_POSTGRES, claim_params(request), "acquired", ids).await?)
        }
        Returning::Missing => {
            let params = claim_params(request);
            let is_mysql = session.dialect() == Dialect::MySql;
            let statement = if is_mysql { ACQUIRE_JOBS_MYSQL } else { ACQUIRE_JOBS };
            session.execute_rows(statement, params, "acquired", ids.clone()).await?;
            Ok(session.fetch_rows(JOBS_BY_ID, Params::new(), "acquired", ids).await?)
        }
    }
}

/// Decodes what was leased; what cannot be decoded is put aside. `bring_up_to_date` does to a job what was done to its row since it
/// was read.
async fn deliver(
    session: &mut Session<'_>,
    rows: Vec<Row>,
    request: &AcquireJobs,
    bring_up_to_date: impl FnMut(&mut Job) + Send,
) -> SqlResult<Acquired> {
    let (stored, mut events) = decode_or_quarantine(session, rows, Some(&request.scheduler_id)).await?;
    let mut jobs = with_payloads(session, stored).await?;
    jobs.iter_mut().for_each(bring_up_to_date);
    jobs.sort_unstable_by_key(ClaimOrder::of);
    if request.interest.includes(JobAcquired::INTEREST) {
        events.extend(jobs.iter().map(|job| {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            JobAcquired::new(job.id, task, schedule, request.scheduler_id.clone(), job.attempt).into()
        }));
    }
    Ok((jobs, events))
}

/// Decodes rows; quarantines those that cannot be: as their `holder`, or because they are locked.
pub(crate) async fn decode_or_quarantine(
    session: &mut Session<'_>,
    rows: Vec<Row>,
    holder: Option<&SchedulerId>,
) -> SqlResult<(Vec<StoredJob>, Vec<Event>)> {
    let mut decoder = JobDecoder::default();
    let (mut jobs, mut events) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match decoder.decode(row)? {
            Ok(stored) => jobs.push(stored),
            Err(spoiled) => {
                let reason = spoiled.reason.to_string();
                tracing::error!(job.id = %spoiled.id, reason, "a job cannot be decoded; it is put aside");
                let params = Params::new()
                    .with("id", spoiled.id)
                    .with("reason", reason_column(&reason))
                    .with("holder", Value::Text(holder.map(ToString::to_string)));
                session.execute(QUARANTINE_JOB, &params).await?;
                events.push(JobQuarantined::new(spoiled.id, reason).into());
            }
        }
    }
    Ok((jobs, events))
}

/// Jobs with the payloads that stand apart.
pub(crate) async fn with_payloads(session: &mut Session<'_>, stored: Vec<StoredJob>) -> SqlResult<Vec<Job>> {
    let apart = stored.iter().filter(|stored| stored.payload_apart.is_some());
    let ids: Vec<_> = apart.map(|stored| [Value::from(stored.job.id)]).collect();
    let mut payloads = BTreeMap::new();
    for mut row in session.fetch_rows(PAYLOADS, Params::new(), "wanted", ids).await? {
        payloads.insert(row.job_id("job_id")?, row.opt_bytes("payload")?.unwrap_or_default());
    }
    let filled = stored.into_iter().map(|StoredJob { mut job, payload_apart }| {
        if let Some(serializer) = payload_apart {
            // One that is missing becomes no bytes, which the handler's type refuses with its own words.
            job.payload = encoded(serializer, payloads.remove(&job.id).unwrap_or_default());
        }
        job
    });
    Ok(filled.collect())
}
