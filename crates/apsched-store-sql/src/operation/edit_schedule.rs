//! Adding, changing and removing schedules, as users do.

use apsched_core::event::{Event, ScheduleAdded, ScheduleRemoved, ScheduleUpdated, Wakeup};
use apsched_core::schedule::{
    AddDecision, ConflictPolicy, ScheduleEdit, decide_add, decide_add_over_unreadable,
};
use apsched_core::store::RemoveJobs;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{LeaseToken, Schedule, ScheduleId, StoreError};
use chrono::{DateTime, Utc};

use super::cancel;
use crate::dialect::Dialect;
use crate::error::{SqlResult, unreadable};
use crate::row::schedule::{decode, params};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Row, Value};

const LOCK_SCHEDULE: Statement = statement!("lock_schedule");
const SCHEDULE_KEY: Statement = statement!("lock_schedule_key");
const INSERT_SCHEDULE: Statement = statement!("insert_schedule");
const INSERT_SCHEDULE_MYSQL: Statement = statement!("insert_schedule.mysql");
const UPDATE_SCHEDULE: Statement = statement!("update_schedule");
const DELETE_SCHEDULES: Statement = statement!("delete_schedules");
const DELETE_SCHEDULES_MYSQL: Statement = statement!("delete_schedules.mysql");
const REMOVED_TOKEN: Statement = statement!("removed_token");
const RAISE_REMOVED_TOKEN: Statement = statement!("raise_removed_token");

/// What stands under the id of a schedule.
enum Existing {
    None,
    Schedule(Box<Schedule>),
    Unreadable { reason: StoreError, token: LeaseToken },
}

async fn existing(
    session: &mut Session<'_>,
    id: &ScheduleId,
    registry: &TriggerRegistry,
) -> SqlResult<Existing> {
    let key = Params::new().with("id", id);
    let Some(row) = session.fetch_first(LOCK_SCHEDULE, &key).await? else { return Ok(Existing::None) };
    match decode(row, registry) {
        Ok(schedule) => Ok(Existing::Schedule(Box::new(schedule))),
        Err(spoiled) => {
            let row = session.fetch_first(SCHEDULE_KEY, &key).await?;
            let token = row.map_or(GREATEST_TOKEN, |mut row| {
                let _ = (row.text("id"), row.text("task_id"));
                token_or_greatest(&mut row)
            });
            Ok(Existing::Unreadable { reason: unreadable("schedule", id, &spoiled.reason), token })
        }
    }
}

/// Greater than any token that was given.
const GREATEST_TOKEN: LeaseToken = LeaseToken::new(1 << 62);

/// The token of a schedule; one that cannot be read is passed over by one that is greater than any that was given.
pub(crate) fn token_or_greatest(row: &mut Row) -> LeaseToken {
    row.count("token").map_or(GREATEST_TOKEN, LeaseToken::new)
}

/// How often a schedule that is there when it is inserted, and gone when it is looked at, is inserted again.
const MOST_INSERTS: u32 = 10;

/// Adds a schedule, by the conflict policy if its id is taken.
pub(crate) async fn add(
    session: &mut Session<'_>,
    schedule: &Schedule,
    policy: ConflictPolicy,
    registry: &TriggerRegistry,
) -> SqlResult<Vec<Event>> {
    for _ in 0..MOST_INSERTS {
        if let Some(events) = try_add(session, schedule, policy, registry).await? {
            return Ok(events);
        }
    }
    Err(StoreError::ScheduleExists { schedule_id: schedule.id.clone() }.into())
}

/// The same, once. `None`: somebody else has added one of the id since it was found free.
async fn try_add(
    session: &mut Session<'_>,
    schedule: &Schedule,
    policy: ConflictPolicy,
    registry: &TriggerRegistry,
) -> SqlResult<Option<Vec<Event>>> {
    let (id, task) = (schedule.id.clone(), schedule.task_id.clone());
    let decision = match existing(session, &id, registry).await? {
        Existing::None => decide_add(None, schedule.clone(), policy),
        Existing::Schedule(existing) => decide_add(Some(&existing), schedule.clone(), policy),
        Existing::Unreadable { token, .. } => decide_add_over_unreadable(token, schedule.clone(), policy),
    };
    match decision {
        AddDecision::Refuse => Err(StoreError::ScheduleExists { schedule_id: id }.into()),
        AddDecision::Keep => Ok(Some(Vec::new())),
        AddDecision::Insert(mut schedule) => {
            schedule.token = schedule.token.max(removed_token(session).await?);
            if insert(session, &schedule).await? == Inserted::Taken {
                return Ok(None);
            }
            let event = ScheduleAdded::new(id, task, schedule.next_fire_time).into();
            Ok(Some(with_wakeup(event, &schedule)))
        }
        AddDecision::Overwrite(schedule) => {
            session.execute(UPDATE_SCHEDULE, &params(&schedule)?).await?;
            let event = ScheduleUpdated::new(id, task, schedule.next_fire_time).into();
            Ok(Some(with_wakeup(event, &schedule)))
        }
    }
}

/// Whether a new schedule was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inserted {
    Written,
    /// Two added the same new schedule at once, and the other was first.
    Taken,
}

/// Inserts; two who add the same new schedule at once are told apart by the key.
///
/// On PostgreSQL a key that is violated would end the transaction, which may be the user's.
async fn insert(session: &mut Session<'_>, schedule: &Schedule) -> SqlResult<Inserted> {
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { INSERT_SCHEDULE_MYSQL } else { INSERT_SCHEDULE };
    match session.execute(statement, &params(schedule)?).await {
        Ok(0) => Ok(Inserted::Taken),
        Err(sqlx::Error::Database(error)) if is_mysql && error.is_unique_violation() => Ok(Inserted::Taken),
        inserted => Ok(inserted.map(|_| Inserted::Written)?),
    }
}

fn with_wakeup(event: Event, schedule: &Schedule) -> Vec<Event> {
    let wakeup = schedule.claimable_at().map(|at| Wakeup::schedules(at).into());
    std::iter::once(event).chain(wakeup).collect()
}

async fn removed_token(session: &mut Session<'_>) -> SqlResult<LeaseToken> {
    let row = session.fetch_first(REMOVED_TOKEN, &Params::new()).await?;
    let token = row.map(|mut row| row.count("removed_schedule_token")).transpose()?;
    Ok(LeaseToken::new(token.unwrap_or_default()))
}

/// Changes a schedule.
pub(crate) async fn edit(
    session: &mut Session<'_>,
    id: &ScheduleId,
    edit: &ScheduleEdit,
    now: DateTime<Utc>,
    registry: &TriggerRegistry,
) -> SqlResult<Vec<Event>> {
    let schedule = match existing(session, id, registry).await? {
        Existing::None => return Err(StoreError::ScheduleNotFound { schedule_id: id.clone() }.into()),
        Existing::Unreadable { reason, .. } => return Err(reason.into()),
        Existing::Schedule(schedule) => schedule,
    };
    let edited = edit.clone().applied_to(&schedule, now);
    let edited = edited.map_err(|source| StoreError::Trigger { schedule_id: id.clone(), source })?;
    session.execute(UPDATE_SCHEDULE, &params(&edited)?).await?;
    let event = ScheduleUpdated::new(id.clone(), edited.task_id.clone(), edited.next_fire_time).into();
    Ok(with_wakeup(event, &edited))
}

/// Removes a schedule, and asks for the end of its jobs if that is wanted.
pub(crate) async fn remove(
    session: &mut Session<'_>,
    id: &ScheduleId,
    jobs: RemoveJobs,
    now: DateTime<Utc>,
) -> SqlResult<Vec<Event>> {
    let row = session.fetch_first(SCHEDULE_KEY, &Params::new().with("id", id)).await?;
    let Some(mut row) = row else {
        return Err(StoreError::ScheduleNotFound { schedule_id: id.clone() }.into());
    };
    let (key, task_id) = (row.text("id")?, row.word("task_id"));
    forget(session, &[(key, token_or_greatest(&mut row))]).await?;
    let mut events: Vec<Event> = Vec::new();
    // Of a row whose task cannot be read nobody is told.
    events.extend(task_id.map(|task_id| ScheduleRemoved::new(id.clone(), task_id).into()));
    if jobs == RemoveJobs::Cancel {
        events.extend(cancel::of_schedules(session, [id].into_iter(), now).await?);
    }
    Ok(events)
}

/// Removes schedules that are locked, and remembers their tokens.
pub(crate) async fn forget(session: &mut Session<'_>, schedules: &[(String, LeaseToken)]) -> SqlResult<()> {
    let Some(token) = schedules.iter().map(|(_, token)| *token).max() else { return Ok(()) };
    let ids: Vec<_> = schedules.iter().map(|(id, _)| [Value::from(id.as_str())]).collect();
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { DELETE_SCHEDULES_MYSQL } else { DELETE_SCHEDULES };
    session.execute_rows(statement, Params::new(), "gone", ids).await?;
    session.execute(RAISE_REMOVED_TOKEN, &Params::new().with("token", token.number())).await?;
    Ok(())
}
