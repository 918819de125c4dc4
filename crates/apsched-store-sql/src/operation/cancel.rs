//! Asking for the end of jobs: of a queued one at once, of a running one by its worker.

use apsched_core::event::{Event, EventInterest, JobCancelRequested};
use apsched_core::job::{CancelStep, FinishedAttempt};
use apsched_core::{JobId, JobOutcome, JobState, ScheduleId};
use chrono::{DateTime, Utc};

use super::end_job::{self, Ended};
use crate::error::SqlResult;
use crate::row::job::{JobDecoder, UnreadableJob};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Row, Value};

const LOCK_JOB: Statement = statement!("lock_job");
const JOBS_OF_SCHEDULES: Statement = statement!("jobs_of_schedules");
const LOCK_JOBS: Statement = statement!("lock_jobs");
const REQUEST_CANCEL: Statement = statement!("request_cancel");

/// Asks for the end of one job.
pub(crate) async fn job(session: &mut Session<'_>, id: JobId, now: DateTime<Utc>) -> SqlResult<Vec<Event>> {
    let rows = session.fetch(LOCK_JOB, &Params::new().with("id", id)).await?;
    all(session, rows, now).await
}

/// Asks for the end of all jobs of some schedules; locks them in the order in which all lock jobs.
pub(crate) async fn of_schedules<'s>(
    session: &mut Session<'_>,
    schedules: impl Iterator<Item = &'s ScheduleId> + Send,
    now: DateTime<Utc>,
) -> SqlResult<Vec<Event>> {
    let schedules: Vec<_> = schedules.map(|id| [Value::from(id)]).collect();
    let mut jobs = Vec::new();
    for mut row in session.fetch_rows(JOBS_OF_SCHEDULES, Params::new(), "wanted", schedules).await? {
        jobs.push(row.job_id("id")?);
    }
    jobs.sort_unstable();
    let jobs: Vec<_> = jobs.into_iter().map(|id| [Value::from(id)]).collect();
    let rows = session.fetch_rows(LOCK_JOBS, Params::new(), "wanted", jobs).await?;
    all(session, rows, now).await
}

async fn all(session: &mut Session<'_>, rows: Vec<Row>, now: DateTime<Utc>) -> SqlResult<Vec<Event>> {
    let mut decoder = JobDecoder::default();
    let mut ended = Ended::new(EventInterest::ALL);
    let mut gone = Vec::new();
    let mut requests = Vec::new();
    for mut row in rows {
        let is_running = row.text("state")? == JobState::Running.as_str();
        let job = match decoder.decode_ended(row)? {
            Ok(job) => job,
            Err(UnreadableJob { id, .. }) if is_running => {
                requests.push(id);
                continue;
            }
            // Put aside because it cannot be decoded: a user may get rid of it.
            Err(UnreadableJob { id, .. }) => {
                gone.push(id);
                ended.forget(id);
                continue;
            }
        };
        let state = if is_running { JobState::Running } else { JobState::Queued };
        match CancelStep::of(state, job.job.cancel) {
            CancelStep::AskWorker => requests.push(job.job.id),
            CancelStep::Nothing => {}
            CancelStep::End => {
                gone.push(job.job.id);
                ended.push(job, FinishedAttempt::without_run(JobOutcome::Cancelled, now), None)?;
            }
        }
    }
    end_job::delete(session, gone.into_iter()).await?;
    let mut events = ended.write(session).await?;
    for id in requests {
        session.execute(REQUEST_CANCEL, &Params::new().with("id", id)).await?;
        events.push(JobCancelRequested::new(id).into());
    }
    Ok(events)
}
