//! Removes what nobody needs any more: expired results, and finished schedules without a queued or running job.

use std::collections::HashSet;

use apsched_core::event::Event;
use apsched_core::{ScheduleId, ScheduleState};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Bson, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

use super::add_schedule::remember_removed;
use super::remove_schedule::removed;
use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::divide::DivisibleWork;
use crate::document::{number, text};
use crate::error::Outcome;
use crate::statement;

/// Most documents that are removed at once.
const BATCH: i64 = 5_000;

pub(crate) async fn clean_up(connection: &Connection, now: DateTime<Utc>) -> Outcome<Vec<Event>> {
    remove_expired_results(connection, now).await?;
    remove_finished_schedules(connection).await
}

/// Batch by batch: each result stands for itself.
async fn remove_expired_results(connection: &Connection, now: DateTime<Utc>) -> Outcome<()> {
    let results = &connection.collections().results;
    let expired = doc! {"expires_at": {"$lte": now.timestamp_micros()}};
    loop {
        let found = results.find(expired.clone()).sort(doc! {"expires_at": 1}).limit(BATCH);
        let found = found.projection(doc! {"_id": 1}).read_concern(ReadConcern::local()).await?;
        let found: Vec<RawDocumentBuf> = found.try_collect().await?;
        let ids: Vec<Bson> = found.iter().filter_map(|raw| raw.get("_id").ok()??.try_into().ok()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut gone = expired.clone();
        gone.insert("_id", doc! {"$in": ids});
        if results.delete_many(gone).hint(statement::by_id()).await?.deleted_count == 0 {
            return Ok(());
        }
    }
}

async fn remove_finished_schedules(connection: &Connection) -> Outcome<Vec<Event>> {
    let finished = doc! {"state": ScheduleState::Finished.as_str()};
    let found = connection.collections().schedules.find(finished).projection(doc! {"_id": 1});
    let found: Vec<RawDocumentBuf> = found.read_concern(ReadConcern::local()).await?.try_collect().await?;
    let ids: Vec<String> = found.iter().filter_map(|raw| text(raw, "_id").map(str::to_owned)).collect();
    let mut events = Vec::new();
    for batch in ids.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        events.extend(
            connection
                .divided(batch, &Crowd::default(), &RemoveIdle { connection })
                .await?
                .done
                .into_iter()
                .flatten(),
        );
    }
    Ok(events)
}

/// Removes those of the schedules that are still finished, and have no job.
struct RemoveIdle<'a> {
    connection: &'a Connection,
}

impl DivisibleWork for RemoveIdle<'_> {
    type Item = String;
    type Done = Vec<Event>;

    async fn run_for(&self, ids: &[String], session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let connection = self.connection;
        let schedules = &connection.collections().schedules;
        let active = doc! {"schedule_id": {"$in": ids}, "quarantine_reason": {"$exists": false}};
        let busy =
            connection.collections().jobs.distinct("schedule_id", active).session(&mut *session).await?;
        let busy: HashSet<&str> = busy.iter().filter_map(Bson::as_str).collect();
        let idle: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !busy.contains(id)).collect();
        if idle.is_empty() {
            return Ok(Vec::new());
        }
        let finished = doc! {"_id": {"$in": idle}, "state": ScheduleState::Finished.as_str()};
        let fields = doc! {"task_id": 1, "token": 1};
        let found = schedules
            .find(finished.clone())
            .hint(statement::by_id())
            .projection(fields)
            .session(&mut *session)
            .await?;
        let found = statement::all(found, session).await?;
        let Some(token) = found.iter().map(|raw| number(raw, "token").unwrap_or(0)).max() else {
            return Ok(Vec::new());
        };
        schedules.delete_many(finished).hint(statement::by_id()).session(&mut *session).await?;
        remember_removed(connection, token, session).await?;
        let id = |raw: &RawDocumentBuf| ScheduleId::new(text(raw, "_id")?).ok();
        Ok(found.iter().filter_map(|raw| removed(raw, id(raw)?)).collect())
    }
}
