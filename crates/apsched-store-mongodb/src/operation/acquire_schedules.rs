//! Leases due schedules that nobody holds, the earliest first, by the index `due`.

use std::collections::HashMap;
use std::sync::Arc;

use apsched_core::event::{Event, ScheduleQuarantined};
use apsched_core::lease::Lease;
use apsched_core::store::{AcquireSchedules, ClaimedSchedule};
use apsched_core::task::TaskDefinition;
use apsched_core::{Schedule, ScheduleId, ScheduleState, TaskId, instant};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use super::task;
use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::divide::DivisibleWork;
use crate::document::schedule::ScheduleDocument;
use crate::document::{Unreadable, text};
use crate::error::Outcome;
use crate::schema::index;
use crate::statement;

/// How often is looked again for schedules that others were faster to take, or that could not be read.
const LOOKS: usize = 4;

/// What one transaction claimed.
#[derive(Debug, Default)]
struct Claimed {
    schedules: Vec<ClaimedSchedule>,
    events: Vec<Event>,
}

pub(crate) async fn acquire(
    connection: &Connection,
    request: &AcquireSchedules,
) -> Outcome<(Vec<ClaimedSchedule>, Vec<Event>)> {
    let mut acquired = Claimed::default();
    for _ in 0..LOOKS {
        let wanted = request.limit - acquired.schedules.len();
        let due = due(connection, request.now, wanted).await?;
        let before = acquired.schedules.len();
        let divided = connection.divided(&due, &Crowd::default(), &Claim { connection, request }).await?;
        for claimed in divided.done {
            acquired.schedules.extend(claimed.schedules);
            acquired.events.extend(claimed.events);
        }
        let is_all_won = acquired.schedules.len() - before == due.len();
        // Whoever holds a lock is at it, or dead; there is no use in looking again.
        if is_all_won || divided.locked > 0 || acquired.schedules.len() >= request.limit {
            break;
        }
    }
    let place = |claimed: &ClaimedSchedule| (claimed.schedule.next_fire_time, claimed.schedule.id.clone());
    acquired.schedules.sort_by_cached_key(place);
    Ok((acquired.schedules, acquired.events))
}

/// What [`Schedule::is_claimable`] says, in the language of the server.
fn claimable(now: DateTime<Utc>) -> Document {
    let now = now.timestamp_micros();
    doc! {
        "state": ScheduleState::Active.as_str(),
        "next_fire_time": {"$lte": now},
        "lease.until": {"$not": {"$gt": now}},
    }
}

/// The ids of the first schedules that are due.
async fn due(connection: &Connection, now: DateTime<Utc>, wanted: usize) -> Outcome<Vec<String>> {
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let found =
        connection.collections().schedules.find(claimable(now)).sort(doc! {"next_fire_time": 1, "_id": 1});
    let found = found.limit(i64::try_from(wanted).unwrap_or(i64::MAX)).projection(doc! {"_id": 1});
    let found = found.hint(Hint::Name(index::DUE.to_owned())).read_concern(ReadConcern::local()).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.iter().filter_map(|raw| text(raw, "_id").map(str::to_owned)).collect())
}

struct Claim<'a> {
    connection: &'a Connection,
    request: &'a AcquireSchedules,
}

impl DivisibleWork for Claim<'_> {
    type Item = String;
    type Done = Claimed;

    async fn run_for(&self, ids: &[String], session: &mut ClientSession) -> Outcome<Claimed> {
        let Self { connection, request } = *self;
        if ids.is_empty() {
            return Ok(Claimed::default());
        }
        let collection = &connection.collections().schedules;
        let mut still_due = claimable(request.now);
        still_due.insert("_id", doc! {"$in": ids});
        let found = statement::all(
            collection.find(still_due).hint(statement::by_id()).session(&mut *session).await?,
            session,
        )
        .await?;
        let registry = connection.registry();
        let (mut schedules, mut unreadable) = (Vec::with_capacity(found.len()), Vec::new());
        for raw in &found {
            match (ScheduleDocument::read(raw, &registry), text(raw, "_id")) {
                (Ok(schedule), _) => schedules.push(schedule),
                (Err(reason), Some(id)) => unreadable.push((id, reason)),
                (Err(_), None) => {}
            }
        }
        let until = instant::after(request.now, request.lease);
        let lease = doc! {"holder": request.scheduler_id.to_string(), "until": until.timestamp_micros()};
        let claimed: Vec<&str> = schedules.iter().map(|schedule| schedule.id.as_str()).collect();
        if !claimed.is_empty() {
            let claim = doc! {"$set": {"lease": lease}, "$inc": {"token": 1_i64}};
            collection.update_many(doc! {"_id": {"$in": claimed}}, claim).session(&mut *session).await?;
        }
        let events = quarantine(connection, session, &unreadable).await?;
        let tasks = tasks_of(connection, session, &schedules).await?;
        let claimed = schedules.into_iter().map(|mut schedule| {
            schedule.token = schedule.token.next();
            let holder = request.scheduler_id.clone();
            schedule.lease = Some(Box::new(Lease { holder, token: schedule.token, until }));
            let task = tasks.get(&schedule.task_id).cloned();
            ClaimedSchedule { schedule, task }
        });
        Ok(Claimed { schedules: claimed.collect(), events })
    }
}

/// Puts schedules aside that cannot be read; nobody acquires them before they are replaced.
async fn quarantine(
    connection: &Connection,
    session: &mut ClientSession,
    unreadable: &[(&str, Unreadable)],
) -> Outcome<Vec<Event>> {
    let state = ScheduleState::Quarantined(Arc::from(""));
    let updates = unreadable.iter().map(|(id, reason)| {
        let set = doc! {"state": state.as_str(), "state_reason": &reason.0};
        (doc! {"_id": *id}, doc! {"$set": set, "$unset": {"lease": ""}, "$inc": {"token": 1_i64}})
    });
    let collections = connection.collections();
    statement::update_each(collections, &collections.schedules, updates.collect(), session).await?;
    let event = |(id, reason): &(&str, Unreadable)| {
        Some(ScheduleQuarantined::new(ScheduleId::new(id).ok()?, reason.to_string()).into())
    };
    Ok(unreadable.iter().filter_map(event).collect())
}

async fn tasks_of(
    connection: &Connection,
    session: &mut ClientSession,
    schedules: &[Schedule],
) -> Outcome<HashMap<TaskId, Arc<TaskDefinition>>> {
    let mut ids: Vec<&str> = schedules.iter().map(|schedule| schedule.task_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = connection.collections().tasks.find(task::declared(&ids)).session(&mut *session).await?;
    let found: Vec<RawDocumentBuf> = statement::all(found, session).await?;
    Ok(task::by_id(&found))
}
