//! What users ask to see. A row that cannot be decoded is left out of lists, and told to who asks for it.

use apsched_core::store::{JobFilter, ScheduleFilter};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{Job, JobId, JobResult, JobState, JobStatus, Schedule, ScheduleId};

use super::acquire_job::with_payloads;
use crate::error::{SqlResult, unreadable};
use crate::row::{self, job::JobDecoder};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Unreadable, Value};

const SCHEDULE: Statement = statement!("schedule");
const LIST_SCHEDULES: Statement = statement!("list_schedules");
const JOB: Statement = statement!("job");
const LIST_JOBS: Statement = statement!("list_jobs");
const RESULT: Statement = statement!("result");

pub(crate) async fn schedule(
    session: &mut Session<'_>,
    id: &ScheduleId,
    registry: &TriggerRegistry,
) -> SqlResult<Option<Schedule>> {
    let row = session.fetch_first(SCHEDULE, &Params::new().with("id", id)).await?;
    let decoded = row.map(|row| row::schedule::decode(row, registry)).transpose();
    Ok(decoded.map_err(|spoiled| unreadable("schedule", id, &spoiled.reason))?)
}

pub(crate) async fn schedules(
    session: &mut Session<'_>,
    filter: &ScheduleFilter,
    registry: &TriggerRegistry,
) -> SqlResult<Vec<Schedule>> {
    let params = Params::new()
        .with("task_id", filter.task_id.as_ref().map(AsRef::<str>::as_ref))
        .with("state", filter.state)
        .with("limit", limit(filter.limit));
    let rows = session.fetch(LIST_SCHEDULES, &params).await?;
    let decoded = rows.into_iter().filter_map(|row| match row::schedule::decode(row, registry) {
        Ok(schedule) => Some(schedule),
        Err(spoiled) => {
            tracing::warn!(schedule.id = spoiled.id, reason = %spoiled.reason, "a schedule cannot be decoded; it is left out");
            None
        }
    });
    Ok(decoded.collect())
}

fn limit(most: Option<usize>) -> i64 {
    most.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX)
}

/// A job that is queued or running, else its kept result.
pub(crate) async fn status(session: &mut Session<'_>, id: JobId) -> SqlResult<JobStatus> {
    let row = session.fetch_first(JOB, &Params::new().with("id", id)).await?;
    let Some(mut row) = row else {
        let result = result(session, id).await?;
        return Ok(result.map_or(JobStatus::Unknown, |result| JobStatus::Finished(Box::new(result))));
    };
    let state = row.text("state")?;
    let reason = row.opt_text("quarantine_reason")?;
    if state == "quarantined" {
        let reason = Unreadable(reason.unwrap_or_default());
        return Err(unreadable("job", id, &reason).into());
    }
    let stored = JobDecoder::default().decode(row)?;
    let stored = stored.map_err(|spoiled| unreadable("job", id, &spoiled.reason))?;
    let mut jobs = with_payloads(session, vec![stored]).await?;
    Ok(jobs.pop().map_or(JobStatus::Unknown, |job| JobStatus::Active(Box::new(job))))
}

pub(crate) async fn jobs(session: &mut Session<'_>, filter: &JobFilter) -> SqlResult<Vec<Job>> {
    let state = match filter.state {
        None => None,
        Some(state @ (JobState::Queued | JobState::Running)) => Some(state.as_str()),
        // A job that has ended is no longer in the queue.
        Some(JobState::Finished(_)) => return Ok(Vec::new()),
    };
    let params = Params::new()
        .with("task_id", filter.task_id.as_ref().map(AsRef::<str>::as_ref))
        .with("schedule_id", filter.schedule_id.as_ref().map(AsRef::<str>::as_ref))
        .with("state", Value::Text(state.map(str::to_owned)))
        .with("limit", limit(filter.limit));
    let mut decoder = JobDecoder::default();
    let mut stored = Vec::new();
    for row in session.fetch(LIST_JOBS, &params).await? {
        match decoder.decode(row)? {
            Ok(job) => stored.push(job),
            Err(spoiled) => {
                tracing::warn!(job.id = %spoiled.id, reason = %spoiled.reason, "a job cannot be decoded; it is left out");
            }
        }
    }
    with_payloads(session, stored).await
}

pub(crate) async fn result(session: &mut Session<'_>, id: JobId) -> SqlResult<Option<JobResult>> {
    let row = session.fetch_first(RESULT, &Params::new().with("id", id)).await?;
    Ok(row.map(row::result::decode).transpose().map_err(|reason| unreadable("result", id, &reason))?)
}
