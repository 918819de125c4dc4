//! Declaring tasks, and the lock that lets one scheduler at a time start the jobs of a limited task.

use std::collections::{BTreeSet, HashMap};

use apsched_core::event::{Event, TaskRemoved, Wakeup};
use apsched_core::job::Slots;
use apsched_core::{TaskDefinition, TaskId, admission};
use chrono::DateTime;

use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::row::{self, json};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Json, Params, Value};

const TASKS: Statement = statement!("tasks");
const TASK: Statement = statement!("task");
const LOCK_TASKS: Statement = statement!("lock_tasks");
const PUT_TASK: Statement = statement!("put_task");
const PUT_TASK_MYSQL: Statement = statement!("put_task.mysql");
const INSERT_MISSING_TASKS: Statement = statement!("insert_missing_tasks");
const INSERT_MISSING_TASKS_MYSQL: Statement = statement!("insert_missing_tasks.mysql");
const UNDECLARE_TASK: Statement = statement!("undeclare_task");
const TASK_SLOTS: Statement = statement!("task_slots");

/// Declares tasks; gives what changed.
pub(crate) async fn put(session: &mut Session<'_>, tasks: &[TaskDefinition]) -> SqlResult<Vec<Event>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    // Rows first, then their locks: two processes that declare the same new task come one after another.
    insert_missing(session, tasks.iter().map(|task| &task.id)).await?;
    let mut known = lock(session, tasks.iter().map(|task| &task.id)).await?;
    let mut events = Vec::new();
    for task in tasks {
        let known = known.insert(task.id.as_str().to_owned(), Some(task.clone())).flatten();
        let Some(told) = task.declared_over(known.as_ref()) else { continue };
        events.push(told);
        let statement = if session.dialect() == Dialect::MySql { PUT_TASK_MYSQL } else { PUT_TASK };
        let params = Params::new()
            .with("id", &task.id)
            .with("max_running_jobs", task.max_running_jobs.map(i64::from))
            .with("definition", Json(Some(json(task))));
        session.execute(statement, &params).await?;
    }
    if !events.is_empty() {
        events.push(Wakeup::jobs(DateTime::UNIX_EPOCH).into());
    }
    Ok(events)
}

/// Makes rows for tasks that have none.
pub(crate) async fn insert_missing<'t>(
    session: &mut Session<'_>,
    ids: impl Iterator<Item = &'t TaskId> + Send,
) -> SqlResult<()> {
    let statement =
        if session.dialect() == Dialect::MySql { INSERT_MISSING_TASKS_MYSQL } else { INSERT_MISSING_TASKS };
    let ids: BTreeSet<&TaskId> = ids.collect();
    let limit = Value::from(admission::UNDECLARED_LIMIT.map(i64::from));
    let rows: Vec<_> = ids.into_iter().map(|id| [Value::from(id), limit.clone()]).collect();
    session.execute_rows(statement, Params::new(), "missing", rows).await?;
    Ok(())
}

/// Locks the rows of tasks, and gives what is declared; a definition that cannot be decoded counts as none.
async fn lock<'t>(
    session: &mut Session<'_>,
    ids: impl Iterator<Item = &'t TaskId> + Send,
) -> SqlResult<HashMap<String, Option<TaskDefinition>>> {
    let mut known = HashMap::new();
    for row in lock_rows(session, ids).await? {
        match row::task::decode_with_limit(row) {
            Ok(Some(task)) => drop(known.insert(task.id.as_str().to_owned(), Some(task))),
            Ok(None) => {}
            Err(reason) => {
                tracing::warn!(%reason, "the definition of a task cannot be decoded; it is declared anew");
            }
        }
    }
    Ok(known)
}

/// Locks the rows of tasks in order of id, so that two who lock some of the same wait for each other only one way.
pub(crate) async fn lock_rows<'t>(
    session: &mut Session<'_>,
    ids: impl Iterator<Item = &'t TaskId> + Send,
) -> SqlResult<Vec<crate::value::Row>> {
    let ids: BTreeSet<&TaskId> = ids.collect();
    let rows: Vec<_> = ids.into_iter().map(|id| [Value::from(id)]).collect();
    Ok(session.fetch_rows(LOCK_TASKS, Params::new(), "wanted", rows).await?)
}

pub(crate) async fn remove(session: &mut Session<'_>, id: &TaskId) -> SqlResult<Vec<Event>> {
    let limit = admission::UNDECLARED_LIMIT.map(i64::from);
    let params = Params::new().with("id", id).with("max_running_jobs", limit);
    let removed = session.execute(UNDECLARE_TASK, &params).await?;
    Ok((removed > 0).then(|| TaskRemoved::new(id.clone()).into()).into_iter().collect())
}

/// Every task that can be decoded.
pub(crate) async fn all(session: &mut Session<'_>) -> SqlResult<Vec<TaskDefinition>> {
    let rows = session.fetch(TASKS, &Params::new()).await?;
    let decoded = rows.into_iter().filter_map(|row| match row::task::decode(row) {
        Ok(task) => task,
        Err(reason) => {
            tracing::warn!(%reason, "the definition of a task cannot be decoded; it is left out");
            None
        }
    });
    Ok(decoded.collect())
}

pub(crate) async fn one(session: &mut Session<'_>, id: &TaskId) -> SqlResult<Option<TaskDefinition>> {
    let row = session.fetch_first(TASK, &Params::new().with("id", id)).await?;
    let decoded = row.map(row::task::decode).transpose();
    Ok(decoded.map_err(|reason| crate::error::unreadable("task", id, &reason))?.flatten())
}

/// The slots of some tasks.
pub(crate) async fn slots(
    session: &mut Session<'_>,
    ids: impl Iterator<Item = &TaskId> + Send,
) -> SqlResult<HashMap<TaskId, Slots>> {
    let ids: BTreeSet<&TaskId> = ids.collect();
    let rows: Vec<_> = ids.into_iter().map(|id| [Value::from(id)]).collect();
    let rows = session.fetch_rows(TASK_SLOTS, Params::new(), "wanted", rows).await?;
    let mut slots = HashMap::new();
    for mut row in rows {
        let id = row.word("id")?;
        let max_running_jobs = limit(row.opt_int("max_running_jobs")?);
        let running = usize::try_from(row.count("running")?).unwrap_or(usize::MAX);
        let has_queue = row.int("queued")? != 0;
        slots.insert(id, Slots { max_running_jobs, running, has_queue });
    }
    Ok(slots)
}

/// The limit as its column says it; a number that is none counts as zero: rather nothing runs than too much.
pub(crate) fn limit(column: Option<i64>) -> Option<u32> {
    column.map(|limit| u32::try_from(limit).unwrap_or(0))
}
