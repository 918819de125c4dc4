//! Leases due jobs that the caller can run, the first in claim order, and never more of a task than its limit lets run.
//!
//! 1. A survey tells which lanes have due jobs and whose tasks have free slots. At rest this is all.
//! 2. The first due jobs of those lanes are looked up by the index `queue`, from the highest priority down, and the first of all chosen.
//! 3. Those of tasks without a limit that are still queued are leased, by one statement, each for itself.
//! 4. For the others, in one transaction, the documents of their tasks are locked, what runs of these tasks is counted, and the jobs
//!    that are still queued are leased, as far as there are slots. Two who want slots of one task cannot both hold the lock of
//!    its document, so the second counts what the first has taken.
//!
//! Who loses jobs to another, or finds one that cannot be read, looks again.

mod choice;
mod claim;

use apsched_core::Job;
use apsched_core::event::{Event, EventInterest, EventType, JobAcquired};
use apsched_core::job::ClaimOrder;
use apsched_core::store::AcquireJobs;
use mongodb::ClientSession;
use mongodb::bson::doc;

use self::choice::{Due, choose, first_due};
use self::claim::Claim;
use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::divide::DivisibleWork;
use crate::document::{DocumentId, Unreadable};
use crate::error::{Outcome, Problem};
use crate::job_changes::JobChanges;
use crate::statement;
use crate::survey::Survey;

/// How often is looked again for jobs that others were faster to take, or that could not be read.
const LOOKS: usize = 4;

/// What was claimed.
#[derive(Debug, Default)]
struct Claimed {
    jobs: Vec<Job>,
    /// One for each job that cannot be read.
    events: Vec<Event>,
}

pub(crate) async fn acquire(
    connection: &Connection,
    request: &AcquireJobs,
) -> Outcome<(Vec<Job>, Vec<Event>)> {
    let mut acquired = Claimed::default();
    for _ in 0..LOOKS {
        match look_and_claim(connection, request, &mut acquired).await {
            Ok(Outlook::MoreMayBeThere) => {}
            Ok(Outlook::Enough) => break,
            Err(problem) if acquired.jobs.is_empty() && acquired.events.is_empty() => return Err(problem),
            // What was claimed must be told: nobody else gets it before its lease ends.
            Err(problem) => {
                tracing::warn!(?problem, "no more jobs were acquired");
                break;
            }
        }
    }
    acquired.jobs.sort_by_cached_key(ClaimOrder::of);
    acquired.events.extend(reports(&acquired.jobs, request));
    Ok((acquired.jobs, acquired.events))
}

/// Whether to look again.
enum Outlook {
    /// Others were faster to take jobs, or some could not be read.
    MoreMayBeThere,
    Enough,
}

async fn look_and_claim(
    connection: &Connection,
    request: &AcquireJobs,
    acquired: &mut Claimed,
) -> Outcome<Outlook> {
    let wanted = request.limit - acquired.jobs.len();
    if wanted == 0 || request.abilities.tasks().len() == 0 {
        return Ok(Outlook::Enough);
    }
    let Some((survey, due)) = look(connection, request, wanted).await? else { return Ok(Outlook::Enough) };
    let has_unreadable = !due.unreadable.is_empty();
    acquired.events.extend(put_aside(connection, due.unreadable).await?);
    let chosen = choose(due.jobs, wanted);
    make_lockable(connection, &survey, &chosen).await?;
    let claim = Claim { connection, survey: &survey, request };
    let (claimed, was_overtaken) = claim.all(chosen).await?;
    acquired.jobs.extend(claimed);
    Ok(if was_overtaken || has_unreadable { Outlook::MoreMayBeThere } else { Outlook::Enough })
}

/// The jobs to take, as far as can be seen without a transaction. `None`: there is nothing to take.
async fn look(
    connection: &Connection,
    request: &AcquireJobs,
    wanted: usize,
) -> Outcome<Option<(Survey, Due)>> {
    let mut survey = Survey::take(connection).await?;
    let mut lanes = survey.known_lanes(&request.abilities);
    lanes.retain(|lane| lane.first_run_at <= request.now);
    let limited = survey.limited_tasks(lanes.iter().map(|lane| &lane.lane.task_id));
    survey.count_running(connection.collections(), &limited).await?;
    lanes.retain(|lane| survey.free_slots(&lane.lane.task_id) > 0);
    if lanes.is_empty() {
        return Ok(None);
    }
    let span = connection.crowd().span(wanted);
    let due = first_due(connection.collections(), &survey, &lanes, request.now, span).await?;
    Ok(Some((survey, due)))
}

/// Puts jobs aside that cannot be read, so that they are seen once.
async fn put_aside(
    connection: &Connection,
    unreadable: Vec<(DocumentId, Unreadable)>,
) -> Outcome<Vec<Event>> {
    if unreadable.is_empty() {
        return Ok(Vec::new());
    }
    let put_aside = PutAside { connection };
    let divided = connection.divided(&unreadable, &Crowd::default(), &put_aside).await?;
    Ok(divided.done.into_iter().flatten().collect())
}

struct PutAside<'a> {
    connection: &'a Connection,
}

impl DivisibleWork for PutAside<'_> {
    type Item = (DocumentId, Unreadable);
    type Done = Vec<Event>;

    async fn run_for(&self, jobs: &[Self::Item], session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let collections = self.connection.collections();
        let ids: Vec<DocumentId> = jobs.iter().map(|(id, _)| id.clone()).collect();
        let queued = doc! {"_id": {"$in": DocumentId::all(&ids)}, "lane": {"$exists": true}};
        let found = collections
            .jobs
            .find(queued)
            .hint(statement::by_id())
            .projection(doc! {"_id": 1})
            .session(&mut *session)
            .await?;
        let found = statement::all(found, session).await?;
        let queued: Vec<DocumentId> = found.iter().filter_map(|raw| DocumentId::of(raw)).collect();
        let mut changes = JobChanges::new(EventInterest::ALL);
        for (id, reason) in jobs.iter().filter(|(id, _)| queued.contains(id)) {
            changes.quarantine(id.clone(), reason);
        }
        changes.write(collections, session).await
    }
}

fn reports(jobs: &[Job], request: &AcquireJobs) -> Vec<Event> {
    if !request.interest.includes(JobAcquired::INTEREST) {
        return Vec::new();
    }
    let report = |job: &Job| {
        let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
        JobAcquired::new(job.id, task, schedule, request.scheduler_id.clone(), job.attempt).into()
    };
    jobs.iter().map(report).collect()
}

/// Makes documents for tasks that nobody has declared, so that there is something to lock.
async fn make_lockable(connection: &Connection, survey: &Survey, jobs: &[Job]) -> Outcome<()> {
    let limited = survey.limited_tasks(jobs.iter().map(|job| &job.task_id));
    for task in limited.iter().filter(|task| !survey.has_document(task)) {
        let (by_id, nothing) = (doc! {"_id": task.as_str()}, doc! {"$setOnInsert": {"claims": 0_i64}});
        let made = connection.collections().tasks.update_one(by_id, nothing).upsert(true).await;
        match made.map_err(Problem::from) {
            // Somebody else has made it.
            Err(problem) if problem.is_duplicate() => {}
            answer => drop(answer?),
        }
    }
    Ok(())
}
