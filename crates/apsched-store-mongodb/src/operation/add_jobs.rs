//! Queues jobs, each once however often it is added.

use std::collections::HashSet;

use apsched_core::event::{Event, EventInterest, Wakeup};
use apsched_core::{Job, JobId};
use mongodb::ClientSession;
use mongodb::bson::doc;

use crate::collections::Raw;
use crate::connection::Connection;
use crate::document::{job_id, uuids};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::statement;
use crate::transaction::{Patience, Work};

/// Ids are made by whoever adds a job, so they are free but for a call that is repeated: then the insertion says so, and it
/// is looked which of them are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Free,
    MayBeTaken,
}

/// How often is begun anew when somebody else adds the same id at the same moment.
const ATTEMPTS: u32 = 5;

pub(crate) async fn add(
    connection: &Connection,
    jobs: Vec<Job>,
    interest: EventInterest,
) -> Outcome<Vec<Event>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut add = Add { connection, jobs: &jobs, ids: Ids::Free, interest };
    for _ in 1..ATTEMPTS {
        match connection.transaction(Patience::Long, &add).await {
            Err(problem) if problem.is_duplicate() => add.ids = Ids::MayBeTaken,
            answer => return answer,
        }
    }
    connection.transaction(Patience::Long, &add).await
}

struct Add<'a> {
    connection: &'a Connection,
    jobs: &'a [Job],
    ids: Ids,
    interest: EventInterest,
}

impl Work for Add<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        within(self.connection, session, self.jobs.to_vec(), self.ids, self.interest).await
    }
}

/// Queues them within a transaction.
pub(crate) async fn within(
    connection: &Connection,
    session: &mut ClientSession,
    jobs: Vec<Job>,
    ids: Ids,
    interest: EventInterest,
) -> Outcome<Vec<Event>> {
    let collections = connection.collections();
    let mut taken = those_in(&collections.results, &jobs, session).await?;
    if ids == Ids::MayBeTaken {
        taken.extend(those_in(&collections.jobs, &jobs, session).await?);
    }
    let mut changes = JobChanges::new(interest);
    let mut earliest = None;
    for job in jobs {
        if taken.insert(job.id) {
            earliest = Some(earliest.map_or(job.run_at, |at| job.run_at.min(at)));
            changes.add(job);
        }
    }
    let mut events = changes.write(collections, session).await?;
    events.extend(earliest.map(|at| Wakeup::jobs(at).into()));
    Ok(events)
}

/// The ids of these jobs that a collection has.
async fn those_in(collection: &Raw, jobs: &[Job], session: &mut ClientSession) -> Outcome<HashSet<JobId>> {
    let ids = doc! {"_id": {"$in": uuids(jobs.iter().map(|job| job.id))}};
    let found = collection.find(ids).projection(doc! {"_id": 1}).session(&mut *session).await?;
    Ok(statement::all(found, session).await?.iter().filter_map(|raw| job_id(raw)).collect())
}
