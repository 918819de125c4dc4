//! Tasks, as users and schedulers declare them.

use std::collections::HashMap;
use std::sync::Arc;

use apsched_core::TaskId;
use apsched_core::event::{Event, TaskRemoved, Wakeup};
use apsched_core::task::TaskDefinition;
use chrono::DateTime;
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{RawDocumentBuf, doc, serialize_to_document};

use crate::connection::Connection;
use crate::document::task::TaskDocument;
use crate::error::{Outcome, unreadable};
use crate::statement;
use crate::transaction::{Patience, Work};

/// How often tasks are declared anew that another process declares for the first time at the same moment.
const ATTEMPTS: u32 = 5;

/// Declares tasks. Fifty processes that start declare the same, so it is looked first whether there is anything to write.
pub(crate) async fn put(connection: &Connection, tasks: &[TaskDefinition]) -> Outcome<Vec<Event>> {
    let known = connection.collections().tasks.find(declared(&ids(tasks))).await?;
    let known = by_id(&known.try_collect::<Vec<_>>().await?);
    if tasks.iter().all(|task| known.get(&task.id).is_some_and(|known| **known == *task)) {
        return Ok(Vec::new());
    }
    for _ in 1..ATTEMPTS {
        match connection.transaction(Patience::Long, &Put { connection, tasks }).await {
            Err(problem) if problem.is_duplicate() => {}
            answer => return answer,
        }
    }
    connection.transaction(Patience::Long, &Put { connection, tasks }).await
}

struct Put<'a> {
    connection: &'a Connection,
    tasks: &'a [TaskDefinition],
}

impl Work for Put<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let collection = &self.connection.collections().tasks;
        let found = collection.find(declared(&ids(self.tasks))).session(&mut *session).await?;
        let mut known = by_id(&statement::all(found, session).await?);
        let mut events = Vec::new();
        for task in self.tasks {
            let before = known.insert(task.id.clone(), Arc::new(task.clone()));
            let Some(told) = task.declared_over(before.as_deref()) else { continue };
            events.push(told);
            let mut set =
                serialize_to_document(&TaskDocument::of(task)).map_err(mongodb::error::Error::from)?;
            set.remove("_id");
            let write = collection.update_one(doc! {"_id": task.id.as_str()}, doc! {"$set": set});
            write.upsert(true).session(&mut *session).await?;
        }
        if !events.is_empty() {
            events.push(Wakeup::jobs(DateTime::UNIX_EPOCH).into());
        }
        Ok(events)
    }
}

fn ids(tasks: &[TaskDefinition]) -> Vec<&str> {
    tasks.iter().map(|task| task.id.as_str()).collect()
}

pub(crate) fn declared(ids: &[&str]) -> mongodb::bson::Document {
    doc! {"_id": {"$in": ids}, "definition": {"$exists": true}}
}

/// Those that can be read; others are as good as not declared.
pub(crate) fn by_id(documents: &[RawDocumentBuf]) -> HashMap<TaskId, Arc<TaskDefinition>> {
    let mut tasks = HashMap::with_capacity(documents.len());
    for raw in documents {
        match TaskDocument::read(raw) {
            Ok(task) => drop(tasks.insert(task.id.clone(), Arc::new(task))),
            Err(reason) => tracing::warn!(%reason, "a task cannot be read"),
        }
    }
    tasks
}

/// Forgets a task. Its document stays, as something to lock while its jobs are acquired.
pub(crate) async fn remove(connection: &Connection, id: &TaskId) -> Outcome<Vec<Event>> {
    let was_known = connection.transaction(Patience::Long, &Forget { connection, id }).await?;
    Ok(was_known.then(|| TaskRemoved::new(id.clone()).into()).into_iter().collect())
}

struct Forget<'a> {
    connection: &'a Connection,
    id: &'a TaskId,
}

impl Work for Forget<'_> {
    type Done = bool;

    async fn run(&self, session: &mut ClientSession) -> Outcome<bool> {
        let forgotten = doc! {"$unset": {"definition": "", "max_running_jobs": ""}};
        let write = self.connection.collections().tasks.update_one(declared(&[self.id.as_str()]), forgotten);
        Ok(write.session(&mut *session).await?.matched_count > 0)
    }
}

pub(crate) async fn list(connection: &Connection) -> Outcome<Vec<TaskDefinition>> {
    let declared = doc! {"definition": {"$exists": true}};
    let found = connection.collections().tasks.find(declared).sort(doc! {"_id": 1}).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.iter().filter_map(|raw| TaskDocument::read(raw).ok()).collect())
}

pub(crate) async fn one(connection: &Connection, id: &TaskId) -> Outcome<Option<TaskDefinition>> {
    let found = connection.collections().tasks.find_one(declared(&[id.as_str()])).await?;
    let read = found.map(|raw: RawDocumentBuf| TaskDocument::read(&raw)).transpose();
    Ok(read.map_err(|reason| unreadable("task", id, &reason))?)
}
