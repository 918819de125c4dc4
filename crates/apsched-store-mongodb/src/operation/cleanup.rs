//! Removes what nobody needs any more: expired results, and finished schedules without a queued or running job. Puts queued jobs
//! aside that no look at the queue comes upon.

use std::collections::HashSet;

use apsched_core::event::{Event, EventInterest};
use apsched_core::{ScheduleId, ScheduleState};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use super::add_schedule::remember_removed;
use super::parts::next_part;
use super::remove_schedule::removed;
use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::divide::DivisibleWork;
use crate::document::job::{JobDocument, without_payload};
use crate::document::{DocumentId, number, text};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::schema::index;
use crate::statement;

/// Most documents that are removed at once.
const BATCH: i64 = 5_000;

pub(crate) async fn clean_up(connection: &Connection, now: DateTime<Utc>) -> Outcome<Vec<Event>> {
    remove_expired_results(connection, now).await?;
    let events = put_aside_undated(connection).await?;
    next_part(events, remove_finished_schedules(connection)).await
}

/// Queued jobs that have no number for the instant from which they may run: two jumps for each lane in the index `queue`.
fn undated() -> Document {
    doc! {"lane": {"$gte": ""}, "run_at": {"$not": {"$gte": i64::MIN}}}
}

async fn put_aside_undated(connection: &Connection) -> Outcome<Vec<Event>> {
    let found = connection.collections().jobs.find(undated()).hint(Hint::Name(index::QUEUE.to_owned()));
    let found = found.limit(BATCH).projection(doc! {"_id": 1}).read_concern(ReadConcern::local()).await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    let ids: Vec<DocumentId> = found.iter().filter_map(|raw| DocumentId::of(raw)).collect();
    let put_aside = connection.divided(&ids, &Crowd::default(), &PutAsideUndated { connection }).await?;
    Ok(put_aside.done.into_iter().flatten().collect())
}

struct PutAsideUndated<'a> {
    connection: &'a Connection,
}

impl DivisibleWork for PutAsideUndated<'_> {
    type Item = DocumentId;
    type Done = Vec<Event>;

    async fn run_for(&self, ids: &[DocumentId], session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let collections = self.connection.collections();
        let mut still_undated = undated();
        still_undated.insert("_id", doc! {"$in": DocumentId::all(ids)});
        let found =
            collections.jobs.find(still_undated).hint(statement::by_id()).projection(without_payload());
        let mut changes = JobChanges::new(EventInterest::ALL);
        for raw in statement::all(found.session(&mut *session).await?, session).await? {
            if let (Err(reason), Some(id)) = (JobDocument::read(&raw), DocumentId::of(&raw)) {
                changes.quarantine(id, &reason);
            }
        }
        changes.write(collections, session).await
    }
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
        let removed = async {
            let divided = connection.divided(batch, &Crowd::default(), &RemoveIdle { connection }).await?;
            Ok(divided.done.into_iter().flatten().collect())
        };
        events = next_part(events, removed).await?;
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
