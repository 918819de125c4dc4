//! Queues jobs, each once however often it is added, and one for each fire time of a schedule.

use apsched_core::Job;
use apsched_core::event::{Event, EventInterest, Wakeup};
use mongodb::ClientSession;

use super::taken::{ATTEMPTS, Keys, Taken};
use crate::connection::Connection;
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::transaction::{Patience, Work};

pub(crate) async fn add(
    connection: &Connection,
    jobs: Vec<Job>,
    interest: EventInterest,
) -> Outcome<Vec<Event>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut add = Add { connection, jobs: &jobs, keys: Keys::Free, interest };
    for _ in 1..ATTEMPTS {
        match connection.transaction(Patience::Long, &add).await {
            Err(problem) if problem.is_duplicate() => add.keys = Keys::MayBeTaken,
            answer => return answer,
        }
    }
    connection.transaction(Patience::Long, &add).await
}

struct Add<'a> {
    connection: &'a Connection,
    jobs: &'a [Job],
    keys: Keys,
    interest: EventInterest,
}

impl Work for Add<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        within(self.connection, session, self.jobs.to_vec(), self.keys, self.interest).await
    }
}

/// Queues them within a transaction.
pub(crate) async fn within(
    connection: &Connection,
    session: &mut ClientSession,
    jobs: Vec<Job>,
    keys: Keys,
    interest: EventInterest,
) -> Outcome<Vec<Event>> {
    let collections = connection.collections();
    let mut taken = match keys {
        Keys::Free => Taken::default(),
        Keys::MayBeTaken => Taken::in_queue(collections, session, &jobs, &[]).await?,
    };
    taken.learn_results(&collections.results, session, &jobs).await?;
    let mut changes = JobChanges::new(interest);
    let mut earliest = None;
    for job in jobs {
        if taken.admit(&job) {
            earliest = Some(earliest.map_or(job.run_at, |at| job.run_at.min(at)));
            changes.add(job);
        }
    }
    let mut events = changes.write(collections, session).await?;
    events.extend(earliest.map(|at| Wakeup::jobs(at).into()));
    Ok(events)
}
