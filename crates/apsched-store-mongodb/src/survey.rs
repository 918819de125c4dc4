//! Which lanes have jobs waiting, since when, and how many slots their tasks have: looked at outside of any transaction.
//!
//! Lanes are found by jumping from one to the next in the index `queue`, so neither the number of jobs nor a saturated task costs
//! anything. How many jobs of a task run is counted from their leases. What is seen may have changed a moment later; who acts
//! on it looks again within a transaction.

use std::collections::HashMap;

use apsched_core::admission::free_slots;
use apsched_core::{Abilities, TaskId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use crate::collections::Collections;
use crate::connection::Connection;
use crate::document::lane::Lane;
use crate::document::task::StoredLimit;
use crate::document::{as_whole, due_at, number, text};
use crate::error::Outcome;
use crate::schema::index;

/// Limits of the tasks that have a document.
pub(crate) type Limits = HashMap<String, StoredLimit>;

#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Lanes with jobs, each with the earliest `run_at` of them.
    lanes: Vec<WaitingLane>,
    limits: Limits,
    /// Jobs that hold a lease, of the tasks that were counted.
    running: HashMap<String, usize>,
}

/// A lane with jobs.
#[derive(Clone, Debug)]
pub(crate) struct WaitingLane {
    pub(crate) lane: Lane,
    pub(crate) first_run_at: DateTime<Utc>,
}

impl Survey {
    /// Looks at lanes and limits; what runs is not counted yet.
    pub(crate) async fn take(connection: &Connection) -> Outcome<Self> {
        let collections = connection.collections();
        let limits = vec![doc! {"$project": {"max_running_jobs": 1}}];
        let union = doc! {"$unionWith": {"coll": collections.tasks.name(), "pipeline": limits}};
        let pipeline = lanes().into_iter().chain([union]);
        // What counts is what is there now: a claim that is about to be confirmed by the other nodes takes its job already.
        let found = collections.jobs.aggregate(pipeline).read_concern(ReadConcern::local());
        let mut found = found.with_type::<RawDocumentBuf>().await?;
        let mut survey = Self::default();
        while let Some(row) = found.try_next().await? {
            survey.learn(&row);
        }
        connection.learn_limits(&survey.limits);
        Ok(survey)
    }

    /// Rows without the id of a task or lane are nobody's.
    fn learn(&mut self, row: &RawDocument) {
        let Some(id) = text(row, "_id") else { return };
        match number(row, "run_at") {
            None => drop(self.limits.insert(id.to_owned(), StoredLimit::read(row))),
            Some(run_at) => {
                let lane = Lane::parse(id).zip(due_at(run_at));
                self.lanes.extend(lane.map(|(lane, first_run_at)| WaitingLane { lane, first_run_at }));
            }
        }
    }

    /// Counts what runs of these tasks.
    pub(crate) async fn count_running(&mut self, collections: &Collections, tasks: &[TaskId]) -> Outcome<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        let found = collections.jobs.aggregate(running(tasks)).read_concern(ReadConcern::local());
        let found = found.hint(Hint::Name(index::RUNNING.to_owned())).with_type::<RawDocumentBuf>();
        let found: Vec<RawDocumentBuf> = found.await?.try_collect().await?;
        self.running = counts(&found);
        Ok(())
    }

    /// How many jobs of the task run at most.
    pub(crate) fn limit(&self, task: &TaskId) -> StoredLimit {
        self.limits.get(task.as_str()).copied().unwrap_or(StoredLimit::Undeclared)
    }

    /// Whether there is a document to lock for the task.
    pub(crate) fn has_document(&self, task: &TaskId) -> bool {
        self.limits.contains_key(task.as_str())
    }

    /// By what was counted.
    pub(crate) fn free_slots(&self, task: &TaskId) -> usize {
        let running = self.running.get(task.as_str()).copied().unwrap_or(0);
        free_slots(self.limit(task).max_running_jobs(), running)
    }

    /// The lanes whose jobs the caller can run.
    pub(crate) fn known_lanes(&self, abilities: &Abilities) -> Vec<WaitingLane> {
        let is_known = |lane: &&WaitingLane| {
            abilities.knows_task(&lane.lane.task_id) && abilities.knows_executor(&lane.lane.job_executor)
        };
        self.lanes.iter().filter(is_known).cloned().collect()
    }

    /// Those of the tasks that have a limit, each once.
    pub(crate) fn limited_tasks<'a>(&self, tasks: impl IntoIterator<Item = &'a TaskId>) -> Vec<TaskId> {
        let mut tasks: Vec<TaskId> = tasks.into_iter().cloned().collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks.retain(|task| self.limit(task).max_running_jobs().is_some());
        tasks
    }

    /// Whether jobs of the task are due that may wait for a slot.
    pub(crate) fn may_be_held_up(&self, task: &TaskId, now: DateTime<Utc>) -> bool {
        self.limit(task).max_running_jobs().is_some()
            && self.lanes.iter().any(|lane| lane.lane.task_id == *task && lane.first_run_at <= now)
    }
}

/// The first job of each lane. One that has no number to run at does not stand before the others; it is put aside by the cleanup.
fn lanes() -> [Document; 4] {
    [
        doc! {"$match": {"lane": {"$gte": ""}, "run_at": {"$gte": i64::MIN}}},
        doc! {"$sort": {"lane": 1, "run_at": 1}},
        doc! {"$group": {"_id": "$lane", "run_at": {"$first": "$run_at"}}},
        doc! {"$set": {"run_at": as_whole("$run_at")}},
    ]
}

/// How many jobs of each of these tasks hold a lease, by the index `running`.
pub(crate) fn running(tasks: &[TaskId]) -> [Document; 2] {
    let ids: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    [
        doc! {"$match": {"task_id": {"$in": ids}, "lease.until": {"$gte": i64::MIN}}},
        doc! {"$group": {"_id": "$task_id", "running": {"$sum": 1}}},
    ]
}

/// What [`running`] gave, by task.
pub(crate) fn counts(rows: &[RawDocumentBuf]) -> HashMap<String, usize> {
    let count = |row: &RawDocumentBuf| {
        let running = usize::try_from(number(row, "running")?).ok()?;
        Some((text(row, "_id")?.to_owned(), running))
    };
    rows.iter().filter_map(count).collect()
}
