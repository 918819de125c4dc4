//! Acquiring schedules that are due.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use apsched_core::event::{Event, ScheduleQuarantined};
use apsched_core::store::{AcquireSchedules, ClaimedSchedule, Strangers};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{Lease, Schedule, ScheduleId, TaskDefinition, instant};

use crate::dialect::{Dialect, Returning};
use crate::error::SqlResult;
use crate::row::{self, schedule::UnreadableSchedule};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::strangers::{self, names_column};
use crate::value::{Params, Row, Value};

const ACQUIRE_SCHEDULES_POSTGRES: Statement = statement!("acquire_schedules.postgres");
const DUE_SCHEDULES: Statement = statement!("due_schedules").giving_many(row::schedule::KINDS);
const LEASE_SCHEDULES: Statement = statement!("lease_schedules");
const LEASE_SCHEDULES_MYSQL: Statement = statement!("lease_schedules.mysql");
const UNLEASE_SCHEDULES: Statement = statement!("unlease_schedules");
const NAME_CUSTOM_TRIGGERS: Statement = statement!("name_custom_triggers");
const QUARANTINE_SCHEDULE: Statement = statement!("quarantine_schedule");
const TASKS_BY_ID: Statement = statement!("tasks_by_id");

/// What is acquired, and what happened.
pub(crate) type Acquired = (Vec<ClaimedSchedule>, Vec<Event>);

pub(crate) async fn acquire(
    session: &mut Session<'_>,
    request: &AcquireSchedules,
    strangers: &Strangers,
) -> SqlResult<Acquired> {
    let (mut schedules, mut events) = (Vec::new(), Vec::new());
    let mut left = BTreeSet::new();
    while schedules.len() < request.limit {
        let limit = request.limit - schedules.len();
        let request = AcquireSchedules { limit, ..request.clone() };
        let claimed = claim(session, &request, strangers).await?;
        schedules.extend(claimed.schedules);
        events.extend(claimed.events);
        // Those that take part in the limit though they cannot be planned here are not asked for again. Should one come all the
        // same, it ends the search.
        let known = left.len();
        left.extend(claimed.left);
        if left.len() == known {
            break;
        }
    }
    schedules.sort_unstable_by(|a, b| (a.next_fire_time, &a.id).cmp(&(b.next_fire_time, &b.id)));
    Ok((with_tasks(session, schedules).await?, events))
}

/// What was found due.
struct Claimed {
    /// Leased to the caller.
    schedules: Vec<Schedule>,
    /// Those that are left to others, who can plan them.
    left: Vec<(ScheduleId, Naming)>,
    events: Vec<Event>,
}

/// How a row names the custom triggers of its schedule, by which it is not to be given out to those who do not know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Naming {
    /// As far as is known by their own names, which nobody here has met before.
    Trusted,
    /// By others than their own, which were met before: a stranger wrote to the row. It is named anew.
    Wrong,
}

async fn claim(
    session: &mut Session<'_>,
    request: &AcquireSchedules,
    strangers: &Strangers,
) -> SqlResult<Claimed> {
    let until = instant::after(request.now, request.lease);
    let claim = Params::new().with("holder", &request.scheduler_id).with("until", until);
    let due = claim.clone().with("now", request.now).with("limit", request.limit);
    let met = strangers::rows(strangers);
    let due = due.rows("strangers", met.clone());
    let rows = match session.dialect().returning() {
        Returning::Supported => session.fetch(ACQUIRE_SCHEDULES_POSTGRES, &due).await?,
        Returning::Missing => session.fetch(DUE_SCHEDULES, &due).await?,
    };
    let registry = strangers.registry();
    let (schedules, events) = decode(session, rows, request, &registry).await?;
    let (mut schedules, left): (Vec<_>, Vec<_>) =
        schedules.into_iter().partition(|schedule| schedule.trigger.is_known_to(&registry));
    left.iter().for_each(|schedule| strangers::meet(strangers, &schedule.trigger));
    let naming = |schedule: &Schedule| {
        if met.contains(&[names_column(&schedule.trigger)]) { Naming::Wrong } else { Naming::Trusted }
    };
    let left: Vec<_> = left.into_iter().map(|schedule| (naming(&schedule), schedule)).collect();
    for (_, schedule) in left.iter().filter(|(naming, _)| *naming == Naming::Wrong) {
        let names = names_column(&schedule.trigger);
        let params = Params::new().with("id", &schedule.id).with("custom_triggers", names);
        session.execute(NAME_CUSTOM_TRIGGERS, &params).await?;
    }
    match session.dialect().returning() {
        Returning::Supported => {
            let left = left.iter().map(|(_, schedule)| [Value::from(&schedule.id)]).collect::<Vec<_>>();
            session.execute_rows(UNLEASE_SCHEDULES, Params::new(), "unplanned", left).await?;
        }
        Returning::Missing => lease(session, &mut schedules, claim, request).await?,
    }
    let left = left.into_iter().map(|(naming, schedule)| (schedule.id, naming)).collect();
    Ok(Claimed { schedules, left, events })
}

/// Leases schedules that are locked.
async fn lease(
    session: &mut Session<'_>,
    schedules: &mut [Schedule],
    claim: Params,
    request: &AcquireSchedules,
) -> SqlResult<()> {
    let ids: Vec<_> = schedules.iter().map(|schedule| [Value::from(&schedule.id)]).collect();
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { LEASE_SCHEDULES_MYSQL } else { LEASE_SCHEDULES };
    session.execute_rows(statement, claim, "due", ids).await?;
    let until = instant::after(request.now, request.lease);
    for schedule in schedules {
        schedule.token = schedule.token.next();
        let holder = request.scheduler_id.clone();
        schedule.lease = Some(Box::new(Lease { holder, token: schedule.token, until }));
    }
    Ok(())
}

/// Decodes what was leased; what cannot be decoded is put aside.
async fn decode(
    session: &mut Session<'_>,
    rows: Vec<Row>,
    request: &AcquireSchedules,
    registry: &TriggerRegistry,
) -> SqlResult<(Vec<Schedule>, Vec<Event>)> {
    let (mut schedules, mut events) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row::schedule::decode(row, registry) {
            Ok(schedule) => schedules.push(schedule),
            Err(UnreadableSchedule { key, id, reason }) => {
                let reason = reason.to_string();
                tracing::error!(schedule.id = id, reason, "a schedule cannot be decoded; it is put aside");
                let params = Params::new()
                    .with("id", key)
                    .with("reason", row::reason_column(&reason))
                    .with("now", request.now);
                session.execute(QUARANTINE_SCHEDULE, &params).await?;
                if let Some(Ok(id)) = id.map(ScheduleId::new) {
                    events.push(ScheduleQuarantined::new(id, reason).into());
                }
            }
        }
    }
    Ok((schedules, events))
}

/// Schedules with their tasks as they are declared now; one that cannot be decoded counts as not declared.
async fn with_tasks(session: &mut Session<'_>, schedules: Vec<Schedule>) -> SqlResult<Vec<ClaimedSchedule>> {
    let mut tasks: HashMap<_, Option<Arc<TaskDefinition>>> = HashMap::new();
    for schedule in &schedules {
        tasks.entry(schedule.task_id.clone()).or_default();
    }
    let ids: Vec<_> = tasks.keys().map(|id| [Value::from(id)]).collect();
    for row in session.fetch_rows(TASKS_BY_ID, Params::new(), "wanted", ids).await? {
        if let Ok(Some(task)) = row::task::decode(row) {
            tasks.insert(task.id.clone(), Some(Arc::new(task)));
        }
    }
    let with_task = |schedule: Schedule| {
        let task = tasks.get(&schedule.task_id).cloned().flatten();
        ClaimedSchedule { schedule, task }
    };
    Ok(schedules.into_iter().map(with_task).collect())
}
