//! Removing what nobody needs any more, some at a time.

use apsched_core::ScheduleId;
use apsched_core::event::{Event, ScheduleRemoved};
use chrono::{DateTime, Utc};

use super::edit_schedule;
use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::Params;

const DELETE_EXPIRED_RESULTS: Statement = statement!("delete_expired_results");
const DELETE_EXPIRED_RESULTS_MYSQL: Statement = statement!("delete_expired_results.mysql");
const FINISHED_SCHEDULES: Statement = statement!("finished_schedules");

/// What one transaction removes at most, so that others do not wait long for it.
const AT_ONCE: u64 = 5_000;

/// Whether there may be more to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    Perhaps,
}

fn rest(removed: u64) -> Rest {
    if removed < AT_ONCE { Rest::Nothing } else { Rest::Perhaps }
}

/// Removes results that are no longer to be kept.
pub(crate) async fn remove_expired_results(session: &mut Session<'_>, now: DateTime<Utc>) -> SqlResult<Rest> {
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { DELETE_EXPIRED_RESULTS_MYSQL } else { DELETE_EXPIRED_RESULTS };
    let params = Params::new().with("now", now).with("limit", AT_ONCE);
    Ok(rest(session.execute(statement, &params).await?))
}

/// Removes finished schedules without jobs.
pub(crate) async fn remove_finished_schedules(session: &mut Session<'_>) -> SqlResult<(Vec<Event>, Rest)> {
    let rows = session.fetch(FINISHED_SCHEDULES, &Params::new().with("limit", AT_ONCE)).await?;
    let rest = rest(rows.len() as u64);
    let (mut gone, mut events) = (Vec::new(), Vec::new());
    for mut row in rows {
        let id: String = row.text("id")?;
        let task = row.word("task_id");
        gone.push((id.clone(), edit_schedule::token_or_greatest(&mut row)));
        // A row whose ids cannot be read goes without a word: nobody could know it by them.
        if let (Ok(id), Ok(task)) = (ScheduleId::new(&id), task) {
            events.push(ScheduleRemoved::new(id, task).into());
        }
    }
    edit_schedule::forget(session, &gone).await?;
    Ok((events, rest))
}
