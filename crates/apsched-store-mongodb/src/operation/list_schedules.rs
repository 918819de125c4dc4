//! Schedules, as users look at them.

use apsched_core::store::ScheduleFilter;
use apsched_core::{Schedule, ScheduleId};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

use crate::connection::Connection;
use crate::document::schedule::ScheduleDocument;
use crate::error::{Outcome, unreadable};

pub(crate) async fn one(connection: &Connection, id: &ScheduleId) -> Outcome<Option<Schedule>> {
    let found: Option<RawDocumentBuf> =
        connection.collections().schedules.find_one(doc! {"_id": id.as_str()}).await?;
    let read = found.map(|raw| ScheduleDocument::read(&raw, &connection.registry())).transpose();
    Ok(read.map_err(|reason| unreadable("schedule", id, &reason))?)
}

/// By next fire time, none last, then by id; those that cannot be read are left out.
pub(crate) async fn list(connection: &Connection, filter: &ScheduleFilter) -> Outcome<Vec<Schedule>> {
    let Some(limit) = positive(filter.limit) else { return Ok(Vec::new()) };
    let mut wanted = Document::new();
    if let Some(task) = &filter.task_id {
        wanted.insert("task_id", task.as_str());
    }
    if let Some(state) = filter.state {
        wanted.insert("state", state);
    }
    let pipeline = [
        doc! {"$match": wanted},
        doc! {"$set": {"place": {"$ifNull": ["$next_fire_time", i64::MAX]}}},
        doc! {"$sort": {"place": 1, "_id": 1}},
        doc! {"$limit": limit},
        doc! {"$unset": "place"},
    ];
    let found = connection.collections().schedules.aggregate(pipeline).read_concern(ReadConcern::snapshot());
    let found = found.allow_disk_use(true).with_type::<RawDocumentBuf>().await?;
    let found: Vec<_> = found.try_collect().await?;
    let registry = connection.registry();
    Ok(found.iter().filter_map(|raw| ScheduleDocument::read(raw, &registry).ok()).collect())
}

/// A limit as the server takes it. `None`: nothing is wanted.
pub(crate) fn positive(limit: Option<usize>) -> Option<i64> {
    match limit {
        None => Some(i64::MAX),
        Some(0) => None,
        Some(limit) => Some(i64::try_from(limit).unwrap_or(i64::MAX)),
    }
}
