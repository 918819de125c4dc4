//! Which of the due jobs to take: the first of each lane are looked up, and of them the first in claim order that have a slot.

use std::collections::HashMap;

use apsched_core::admission::free_slots;
use apsched_core::job::ClaimOrder;
use apsched_core::{Job, TaskId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};

use crate::collections::Collections;
use crate::document::job::JobDocument;
use crate::document::{DocumentId, Unreadable};
use crate::error::Outcome;
use crate::schema::index;
use crate::statement;
use crate::survey::{self, Survey, WaitingLane};

/// What was found at the front of the lanes.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// In claim order.
    pub(crate) jobs: Vec<Job>,
    pub(crate) unreadable: Vec<(DocumentId, Unreadable)>,
}

/// Most lanes that are read in one order; above it the server reads and sorts all of them.
const MOST_LANES_MERGED: usize = 100;

/// Most lookups that are sent as one statement.
const MOST_LOOKUPS: usize = 50;

/// The first due jobs of some lanes: `span` of them in all, and no more of a task than it has slots.
///
/// One priority after the other, from the highest, until there are enough.
pub(crate) async fn first_due(
    collections: &Collections,
    survey: &Survey,
    lanes: &[WaitingLane],
    now: DateTime<Utc>,
    span: usize,
) -> Outcome<Due> {
    let mut lanes: Vec<&WaitingLane> = lanes.iter().collect();
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.lane.priority));
    let mut slots = Slots::of(survey);
    let mut due = Due::default();
    for tier in lanes.chunk_by(|a, b| a.lane.priority == b.lane.priority) {
        let wanted = span - due.jobs.len();
        let mut jobs = Vec::new();
        for batch in lookups(&slots, tier, now, wanted).chunks(MOST_LOOKUPS) {
            look_up(collections, batch, &mut jobs, &mut due.unreadable).await?;
        }
        jobs.sort_by_cached_key(ClaimOrder::of);
        due.jobs.extend(jobs.into_iter().filter(|job| slots.take(&job.task_id)).take(wanted));
        if due.jobs.len() >= span {
            break;
        }
    }
    Ok(due)
}

/// Lanes that have more slots than jobs are wanted are merged by the server; of the others only so many jobs are of use.
fn lookups(
    slots: &Slots<'_>,
    lanes: &[&WaitingLane],
    now: DateTime<Utc>,
    wanted: usize,
) -> Vec<Vec<Document>> {
    let left = |lane: &WaitingLane| slots.left(&lane.lane.task_id);
    let open = lanes.iter().copied().filter(|lane| left(lane) > 0);
    let (wide, narrow): (Vec<&WaitingLane>, Vec<_>) = open.partition(|lane| left(lane) >= wanted);
    let keys: Vec<String> = wide.iter().map(|lane| lane.lane.key()).collect();
    let wide = keys.chunks(MOST_LANES_MERGED).map(|keys| first_of(doc! {"$in": keys}, now, wanted));
    let narrow = narrow.iter().map(|lane| first_of(doc! {"$eq": lane.lane.key()}, now, left(lane)));
    wide.chain(narrow).collect()
}

/// The first due jobs of some lanes of one priority, in the order of the index `queue`.
fn first_of(lane: Document, now: DateTime<Utc>, limit: usize) -> Vec<Document> {
    vec![
        doc! {"$match": {"lane": lane, "run_at": {"$lte": now.timestamp_micros()}}},
        doc! {"$sort": {"run_at": 1, "_id": 1}},
        doc! {"$limit": i64::try_from(limit).unwrap_or(i64::MAX)},
    ]
}

async fn look_up(
    collections: &Collections,
    lookups: &[Vec<Document>],
    jobs: &mut Vec<Job>,
    unreadable: &mut Vec<(DocumentId, Unreadable)>,
) -> Outcome<()> {
    let [first, others @ ..] = lookups else { return Ok(()) };
    let union = |lookup: &Vec<Document>| {
        doc! {"$unionWith": {"coll": collections.jobs.name(), "pipeline": lookup.clone()}}
    };
    let pipeline: Vec<Document> = first.iter().cloned().chain(others.iter().map(union)).collect();
    let found = collections.jobs.aggregate(pipeline).read_concern(ReadConcern::local());
    let found = found.hint(Hint::Name(index::QUEUE.to_owned())).with_type::<RawDocumentBuf>().await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    for raw in &found {
        match (JobDocument::read(raw), DocumentId::of(raw)) {
            (Ok(job), _) => jobs.push(job),
            (Err(reason), Some(id)) => unreadable.push((id, reason)),
            (Err(_), None) => {}
        }
    }
    Ok(())
}

/// Slots that are left while jobs are chosen.
#[derive(Debug)]
pub(crate) struct Slots<'a> {
    survey: &'a Survey,
    left: HashMap<TaskId, usize>,
}

impl<'a> Slots<'a> {
    /// As they were surveyed.
    pub(crate) fn of(survey: &'a Survey) -> Self {
        Self { survey, left: HashMap::new() }
    }

    /// As they are in this transaction, which holds the locks of these tasks.
    pub(crate) async fn counted(
        collections: &Collections,
        session: &mut ClientSession,
        tasks: &[TaskId],
        survey: &'a Survey,
    ) -> Outcome<Self> {
        let found = collections.jobs.aggregate(survey::running(tasks));
        let found = found.hint(Hint::Name(index::RUNNING.to_owned())).with_type::<RawDocumentBuf>();
        let found = statement::all(found.session(&mut *session).await?, session).await?;
        let running = survey::counts(&found);
        let left = tasks.iter().map(|task| {
            let running = running.get(task.as_str()).copied().unwrap_or(0);
            (task.clone(), free_slots(survey.limit(task).max_running_jobs(), running))
        });
        Ok(Self { survey, left: left.collect() })
    }

    fn left(&self, task: &TaskId) -> usize {
        self.left.get(task).copied().unwrap_or_else(|| self.survey.free_slots(task))
    }

    /// Takes a slot of the task, if one is left.
    pub(crate) fn take(&mut self, task: &TaskId) -> bool {
        let left = self.left(task);
        if left > 0 {
            self.left.insert(task.clone(), left - 1);
        }
        left > 0
    }
}

/// So many of the due jobs, which are in claim order: the first, or with more than that looked up because of others, some block of
/// those that are the last to be wanted.
///
/// Jobs of a higher priority than those go first, whoever else wants them, and each block has its turn: the first as often as
/// any, so that no job waits for good while others are added behind it.
pub(crate) fn choose(mut due: Vec<Job>, wanted: usize) -> Vec<Job> {
    let Some(lowest) = wanted.checked_sub(1).and_then(|last| due.get(last)).map(|job| job.settings.priority)
    else {
        due.truncate(wanted);
        return due;
    };
    due.retain(|job| job.settings.priority >= lowest);
    let urgent = due.partition_point(|job| job.settings.priority > lowest);
    let block = wanted - urgent;
    let blocks = (due.len() - urgent) / block;
    due.drain(urgent..urgent + block * fastrand::usize(..blocks));
    due.truncate(wanted);
    due
}

#[cfg(test)]
mod tests {
    use apsched_core::JobId;
    use apsched_testkit::sample;

    use super::*;

    /// Two urgent jobs and eight others.
    fn due() -> Vec<Job> {
        let jobs = (0..10).map(|number| sample::job().priority(i32::from(number < 2)));
        let mut jobs: Vec<Job> = jobs.map(|job| job.build()).collect();
        jobs.sort_by_cached_key(ClaimOrder::of);
        jobs
    }

    fn ids(jobs: &[Job]) -> Vec<JobId> {
        jobs.iter().map(|job| job.id).collect()
    }

    #[test]
    fn urgent_jobs_are_always_chosen_and_each_block_of_the_others_has_its_turn() {
        let due = due();
        fastrand::seed(7);

        let mut turns = [0; 4];
        for _ in 0..400 {
            let chosen = choose(due.clone(), 4);
            assert_eq!(ids(&chosen[..2]), ids(&due[..2]), "urgent ones go first");
            let block = due.chunks(2).skip(1).position(|block| ids(block) == ids(&chosen[2..]));
            turns[block.expect("a block of those that are wanted last")] += 1;
        }
        assert!(turns.iter().all(|turns| *turns > 50), "each has its turn: {turns:?}");
    }

    #[test]
    fn what_is_not_more_than_wanted_is_chosen_whole() {
        let due = due();
        for (wanted, chosen) in [(20, 10), (10, 10), (2, 2), (0, 0)] {
            assert_eq!(ids(&choose(due.clone(), wanted)), ids(&due[..chosen]), "{wanted} are wanted");
        }
    }
}
