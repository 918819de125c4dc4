//! Leases due schedules that nobody holds and the process can plan, the earliest first, by the index `due`.
//!
//! One with a custom trigger that is not registered here is met once and left as it is; from then on, those that bear the same names
//! are not found.

use std::collections::HashMap;
use std::sync::Arc;

use apsched_core::event::{Event, ScheduleQuarantined};
use apsched_core::lease::Lease;
use apsched_core::store::{AcquireSchedules, ClaimedSchedule, Strangers};
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
    /// How many are left to others, and will not be found again.
    left: usize,
    events: Vec<Event>,
}

pub(crate) async fn acquire(
    connection: &Connection,
    request: &AcquireSchedules,
) -> Outcome<(Vec<ClaimedSchedule>, Vec<Event>)> {
    let mut acquired = Claimed::default();
    let mut looks = 0;
    while looks < LOOKS && acquired.schedules.len() < request.limit {
        match look_and_claim(connection, request, &mut acquired).await {
            Ok(Outlook::Enough) => break,
            Ok(Outlook::MoreMayBeThere) => looks += 1,
            // There are few names to be met, and those have been.
            Ok(Outlook::SomeWereLeft) => {}
            Err(problem) if acquired.schedules.is_empty() && acquired.events.is_empty() => {
                return Err(problem);
            }
            // What was claimed must be told: nobody else gets it before its lease ends.
            Err(problem) => {
                tracing::warn!(?problem, "no more schedules were acquired");
                break;
            }
        }
    }
    let place = |claimed: &ClaimedSchedule| (claimed.schedule.next_fire_time, claimed.schedule.id.clone());
    acquired.schedules.sort_by_cached_key(place);
    Ok((acquired.schedules, acquired.events))
}

/// Whether to look again.
enum Outlook {
    Enough,
    /// Others were faster to take schedules, or some could not be read.
    MoreMayBeThere,
    /// Some are left to those who know their triggers, and will not be found again.
    SomeWereLeft,
}

async fn look_and_claim(
    connection: &Connection,
    request: &AcquireSchedules,
    acquired: &mut Claimed,
) -> Outcome<Outlook> {
    let claimable = claimable(request.now, &connection.strangers().met());
    let due = due(connection, &claimable, request.limit - acquired.schedules.len()).await?;
    let claim = Claim { connection, request, claimable };
    let divided = connection.divided(&due, &Crowd::default(), &claim).await?;
    let (mut won, mut left) = (0, 0);
    for claimed in divided.done {
        won += claimed.schedules.len();
        left += claimed.left;
        acquired.schedules.extend(claimed.schedules);
        acquired.events.extend(claimed.events);
    }
    Ok(match left {
        // Whoever holds a lock is at it, or dead; there is no use in looking again.
        _ if won == due.len() || divided.locked > 0 => Outlook::Enough,
        0 => Outlook::MoreMayBeThere,
        _ => Outlook::SomeWereLeft,
    })
}

/// What [`Schedule::is_claimable`] says, in the language of the server; and that its custom triggers are none of those `met`.
fn claimable(now: DateTime<Utc>, met: &[String]) -> Document {
    let now = now.timestamp_micros();
    doc! {
        "state": ScheduleState::Active.as_str(),
        "next_fire_time": {"$lte": now},
        "lease.until": {"$not": {"$gt": now}},
        "custom_triggers": {"$nin": met},
    }
}

/// The ids of the first schedules that are due.
async fn due(connection: &Connection, claimable: &Document, wanted: usize) -> Outcome<Vec<String>> {
    let found = connection.collections().schedules.find(claimable.clone());
    let found = found.sort(doc! {"next_fire_time": 1, "_id": 1});
    let found = found.limit(i64::try_from(wanted).unwrap_or(i64::MAX)).projection(doc! {"_id": 1});
    let found = found.hint(Hint::Name(index::DUE.to_owned())).read_concern(ReadConcern::local()).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.iter().filter_map(|raw| text(raw, "_id").map(str::to_owned)).collect())
}

struct Claim<'a> {
    connection: &'a Connection,
    request: &'a AcquireSchedules,
    /// By what they were found.
    claimable: Document,
}

impl DivisibleWork for Claim<'_> {
    type Item = String;
    type Done = Claimed;

    async fn run_for(&self, ids: &[String], session: &mut ClientSession) -> Outcome<Claimed> {
        let Self { connection, request, claimable } = self;
        let collection = &connection.collections().schedules;
        let mut still_due = claimable.clone();
        still_due.insert("_id", doc! {"$in": ids});
        let found = statement::all(
            collection.find(still_due).hint(statement::by_id()).session(&mut *session).await?,
            session,
        )
        .await?;
        let registry = connection.registry();
        let (mut schedules, mut left) = (Vec::with_capacity(found.len()), Vec::new());
        let mut unreadable = Vec::new();
        for raw in &found {
            match (ScheduleDocument::read(raw, &registry), text(raw, "_id")) {
                (Ok(schedule), _) if schedule.trigger.is_known_to(&registry) => schedules.push(schedule),
                (Ok(schedule), _) => left.push((schedule, text(raw, "custom_triggers"))),
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
        leave(connection, session, &left).await?;
        let tasks = tasks_of(connection, session, &schedules).await?;
        let claimed = schedules.into_iter().map(|mut schedule| {
            schedule.token = schedule.token.next();
            let holder = request.scheduler_id.clone();
            schedule.lease = Some(Box::new(Lease { holder, token: schedule.token, until }));
            let task = tasks.get(&schedule.task_id).cloned();
            ClaimedSchedule { schedule, task }
        });
        Ok(Claimed { schedules: claimed.collect(), left: left.len(), events })
    }
}

/// Leaves schedules to those who know their triggers, by the names that their documents bear.
async fn leave(
    connection: &Connection,
    session: &mut ClientSession,
    left: &[(Schedule, Option<&str>)],
) -> Outcome<()> {
    let mut misnamed = Vec::new();
    for (schedule, named) in left {
        if let Some(names) = connection.strangers().meet(&schedule.trigger) {
            tracing::warn!(
                names,
                "custom triggers are not registered here; schedules with them are left to who knows them"
            );
        }
        // Somebody else wrote to the document, and it would be found again and again.
        let names = Strangers::names_of(&schedule.trigger);
        if names.as_deref() != *named {
            misnamed.push((doc! {"_id": schedule.id.as_str()}, doc! {"$set": {"custom_triggers": names}}));
        }
    }
    let collections = connection.collections();
    statement::update_each(collections, &collections.schedules, misnamed, session).await?;
    Ok(())
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
