//! Jobs that leave the queue: their results are kept, their payloads removed, and whoever waited for the slot is woken.

use std::collections::HashMap;

use apsched_core::event::{Event, EventInterest, EventType, JobReleased};
use apsched_core::job::FinishedAttempt;
use apsched_core::{Job, JobId, SchedulerId, TaskId};
use chrono::{DateTime, Utc};

use super::task;
use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::row;
use crate::row::job::LockedJob;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Value};

const DELETE_JOBS: Statement = statement!("delete_jobs");
const DELETE_JOBS_MYSQL: Statement = statement!("delete_jobs.mysql");
const DELETE_PAYLOADS: Statement = statement!("delete_payloads");
const DELETE_PAYLOADS_MYSQL: Statement = statement!("delete_payloads.mysql");
const ADD_RESULTS: Statement = statement!("add_results");
const ADD_RESULTS_MYSQL: Statement = statement!("add_results.mysql");

/// Jobs that have ended within a transaction, until their results are written.
#[derive(Debug)]
pub(crate) struct Ended {
    interest: EventInterest,
    results: Vec<[Value; 12]>,
    payloads: Vec<[Value; 1]>,
    pub(crate) events: Vec<Event>,
}

impl Ended {
    pub(crate) const fn new(interest: EventInterest) -> Self {
        Self { interest, results: Vec::new(), payloads: Vec::new(), events: Vec::new() }
    }

    /// Keeps what is to be kept of a job that ended, and reports it.
    pub(crate) fn push(
        &mut self,
        ended: LockedJob,
        end: FinishedAttempt,
        holder: Option<&SchedulerId>,
    ) -> SqlResult<()> {
        if ended.has_payload_apart {
            self.payloads.push([ended.job.id.into()]);
        }
        self.record(&ended.job, end, holder)
    }

    /// Removes what may be left of a job that has ended and cannot be decoded: nothing of it is kept or reported.
    pub(crate) fn forget(&mut self, id: JobId) {
        self.payloads.push([id.into()]);
    }

    /// The same as [`push`](Self::push) for a job that was never in the queue.
    pub(crate) fn record(
        &mut self,
        job: &Job,
        end: FinishedAttempt,
        holder: Option<&SchedulerId>,
    ) -> SqlResult<()> {
        if self.interest.includes(JobReleased::INTEREST) {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            let event = JobReleased::new(job.id, task, schedule, holder.cloned(), end.outcome);
            self.events.push(event.into());
        }
        if let Some(result) = end.into_result(job) {
            self.results.push(row::result::cells(&result)?);
        }
        Ok(())
    }

    /// Writes what was recorded; gives the events.
    pub(crate) async fn write(self, session: &mut Session<'_>) -> SqlResult<Vec<Event>> {
        let (delete, add) = match session.dialect() {
            Dialect::MySql => (DELETE_PAYLOADS_MYSQL, ADD_RESULTS_MYSQL),
            Dialect::Sqlite | Dialect::Postgres => (DELETE_PAYLOADS, ADD_RESULTS),
        };
        session.execute_rows(delete, Params::new(), "gone", self.payloads).await?;
        session.execute_rows(add, Params::new(), "result", self.results).await?;
        Ok(self.events)
    }
}

/// Takes jobs that are locked out of the queue.
pub(crate) async fn delete(
    session: &mut Session<'_>,
    ids: impl Iterator<Item = JobId> + Send,
) -> SqlResult<()> {
    let ids: Vec<_> = ids.map(|id| [Value::from(id)]).collect();
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { DELETE_JOBS_MYSQL } else { DELETE_JOBS };
    session.execute_rows(statement, Params::new(), "gone", ids).await?;
    Ok(())
}

/// Claims that ended, by task: each had a slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreedSlots(HashMap<TaskId, usize>);

impl FreedSlots {
    pub(crate) fn count(&mut self, task: &TaskId) {
        match self.0.get_mut(task) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(task.clone(), 1)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a job of one of the tasks had no slot until these were freed.
    ///
    /// Asked once that is committed: a job that was added meanwhile is seen now, and one that is added later finds the slot free.
    /// Within the transaction it could be neither.
    pub(crate) async fn were_awaited(&self, session: &mut Session<'_>) -> SqlResult<bool> {
        let slots = task::slots(session, self.0.keys()).await?;
        Ok(slots.iter().any(|(id, slots)| slots.were_awaited(self.0.get(id).copied().unwrap_or(0))))
    }
}

/// What the ends of claims make possible.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    pub(crate) freed: FreedSlots,
    /// When the first of the jobs is due that wait again.
    pub(crate) queued_at: Option<DateTime<Utc>>,
}
