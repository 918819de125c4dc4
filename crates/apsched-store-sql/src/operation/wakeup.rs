//! When there will be something to do, by the predicates by which it is given out.

use std::collections::HashMap;

use apsched_core::TaskId;
use apsched_core::schedule::missed_at;
use apsched_core::store::{Strangers, WakeupQuery, Wakeups};
use chrono::{DateTime, Utc};

use super::{acquire_job, task};
use crate::error::SqlResult;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::strangers;
use crate::value::Params;

const NEXT_SCHEDULE: Statement = statement!("next_schedule");
const NEXT_RECOVERY: Statement = statement!("next_recovery");

pub(crate) async fn next(
    session: &mut Session<'_>,
    query: &WakeupQuery,
    strangers: &Strangers,
) -> SqlResult<Wakeups> {
    let schedule = schedule(session, query.now, strangers).await?;
    let job = job(session, query).await?;
    let lease = recovery(session).await?;
    Ok(Wakeups { schedule, job, lease })
}

/// When the next schedule can be acquired that this process can plan.
pub(crate) async fn schedule(
    session: &mut Session<'_>,
    now: DateTime<Utc>,
    strangers: &Strangers,
) -> SqlResult<Option<DateTime<Utc>>> {
    let params = Params::new().with("now", now).rows("strangers", strangers::rows(strangers));
    let row = session.fetch_first(NEXT_SCHEDULE, &params).await?;
    let Some(mut row) = row else { return Ok(None) };
    let free = row.opt_moment("next_fire_time")?;
    let held = row.opt_moment("lease_until")?;
    let later = row.opt_moment("next_fire_time")?;
    Ok(free.into_iter().chain(held).chain(later).min())
}

/// When the first job is due that the caller can run and whose task has a free slot.
async fn job(session: &mut Session<'_>, query: &WakeupQuery) -> SqlResult<Option<DateTime<Utc>>> {
    let lanes = acquire_job::lanes(session, &query.abilities).await?;
    let limited = || lanes.iter().filter(|lane| lane.limit.is_some());
    let slots = match limited().next() {
        Some(_) => task::slots(session, limited().map(|lane| &lane.task_id)).await?,
        None => HashMap::new(),
    };
    let is_saturated = |task: &TaskId| slots.get(task).is_some_and(|slots| slots.free() == 0);
    let open = lanes.iter().filter(|lane| !is_saturated(&lane.task_id));
    Ok(open.map(|lane| lane.first_at).min())
}

/// When there is something to recover.
async fn recovery(session: &mut Session<'_>) -> SqlResult<Option<DateTime<Utc>>> {
    let row = session.fetch_first(NEXT_RECOVERY, &Params::new()).await?;
    let Some(mut row) = row else { return Ok(None) };
    let lease = row.opt_moment("lease_until")?;
    let deadline = row.opt_moment("start_deadline")?;
    Ok(lease.into_iter().chain(deadline.map(missed_at)).min())
}
