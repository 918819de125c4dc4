//! Leases the chosen jobs, in one transaction that holds the locks of their tasks.
//!
//! A job that others took meanwhile is not among what is given; nor is one whose task has no slot any more.

use std::collections::{BTreeMap, HashMap, HashSet};

use apsched_core::job::ClaimOrder;
use apsched_core::lease::{Lease, LeaseToken};
use apsched_core::store::AcquireJobs;
use apsched_core::{Job, JobId, TaskId, instant};
use mongodb::ClientSession;
use mongodb::bson::doc;

use super::choice::Slots;
use crate::connection::Connection;
use crate::divide::DivisibleWork;
use crate::document::schedule::count;
use crate::document::{job_id, number, uuids};
use crate::error::Outcome;
use crate::statement;
use crate::survey::Survey;

/// Leases those of the jobs that are still queued and have a slot.
pub(crate) struct Claim<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) survey: &'a Survey,
    pub(crate) request: &'a AcquireJobs,
}

impl DivisibleWork for Claim<'_> {
    type Item = Vec<Job>;
    type Done = Vec<Job>;

    async fn run_for(&self, groups: &[Vec<Job>], session: &mut ClientSession) -> Outcome<Vec<Job>> {
        let Self { connection, survey, .. } = *self;
        let limited = survey.limited_tasks(groups.iter().flatten().map(|job| &job.task_id));
        let Some(mut slots) = lock(connection, session, &limited, survey).await? else {
            return Ok(Vec::new());
        };
        let mut jobs: Vec<&Job> = groups.iter().flatten().collect();
        jobs.sort_by_cached_key(|job| ClaimOrder::of(job));
        let chosen: Vec<&Job> = jobs.into_iter().filter(|job| slots.take(&job.task_id)).collect();
        self.lease(&chosen, session).await
    }
}

impl Claim<'_> {
    /// Claims jobs: which, and whether others were faster to take some of them.
    ///
    /// Jobs of tasks without a limit go first, as nobody's lock is in their way.
    pub(crate) async fn all(&self, chosen: Vec<Job>) -> Outcome<(Vec<Job>, bool)> {
        let has_limit = |job: &Job| self.survey.limit(&job.task_id).max_running_jobs().is_some();
        let (limited, free): (Vec<Job>, Vec<Job>) = chosen.into_iter().partition(has_limit);
        let (mut claimed, mut was_overtaken) = self.free(free).await?;
        match self.limited(limited).await {
            Ok((of_limited, overtaken)) => {
                claimed.extend(of_limited);
                was_overtaken |= overtaken;
            }
            Err(problem) if claimed.is_empty() => return Err(problem),
            // What was claimed so far must be told, whatever becomes of the rest.
            Err(problem) => tracing::warn!(?problem, "jobs of tasks with a limit were not acquired"),
        }
        Ok((claimed, was_overtaken))
    }

    async fn free(&self, jobs: Vec<Job>) -> Outcome<(Vec<Job>, bool)> {
        let (count, crowd) = (jobs.len(), self.connection.crowd());
        let jobs: Vec<Vec<Job>> = jobs.into_iter().map(|job| vec![job]).collect();
        let divided = self.connection.divided(&jobs, crowd, self).await?;
        let claimed: Vec<Job> = divided.done.into_iter().flatten().collect();
        let was_overtaken = claimed.len() < count;
        if count > 0 {
            crowd.learn(was_overtaken || divided.collisions > 0);
        }
        Ok((claimed, was_overtaken))
    }

    async fn limited(&self, jobs: Vec<Job>) -> Outcome<(Vec<Job>, bool)> {
        let (count, crowd) = (jobs.len(), self.connection.crowd_at_limits());
        let divided = self.connection.divided(&by_task(jobs), crowd, self).await?;
        let claimed: Vec<Job> = divided.done.into_iter().flatten().collect();
        if count > 0 {
            crowd.learn(divided.collisions > 0);
        }
        // Whoever holds a lock is at it; there is no use in looking again.
        let was_overtaken = claimed.len() < count && divided.locked == 0;
        Ok((claimed, was_overtaken))
    }

    /// A job that is queued is as it was read if its token is: each claim makes it grow.
    async fn lease(&self, jobs: &[&Job], session: &mut ClientSession) -> Outcome<Vec<Job>> {
        let holder = &self.request.scheduler_id;
        let until = instant::after(self.request.now, self.request.lease);
        let claim = doc! {
            "$set": {"lease": {"holder": holder.to_string(), "until": until.timestamp_micros()}},
            "$inc": {"token": 1_i64, "attempt": 1_i64},
            "$unset": {"lane": ""},
        };
        let mut by_token: BTreeMap<LeaseToken, Vec<JobId>> = BTreeMap::new();
        for job in jobs {
            by_token.entry(job.token).or_default().push(job.id);
        }
        let updates = by_token.into_iter().map(|(token, ids)| {
            let ids = doc! {"$in": uuids(ids)};
            let queued = doc! {"_id": ids, "lane": {"$exists": true}, "token": count(token.number())};
            (queued, claim.clone())
        });
        let collections = self.connection.collections();
        let written =
            statement::update_each(collections, &collections.jobs, updates.collect(), session).await?;
        let claimed = jobs.iter().map(|job| {
            let token = job.token.next();
            let lease = Some(Lease { holder: holder.clone(), token, until });
            Job { token, lease, attempt: job.attempt + 1, ..Job::clone(job) }
        });
        let mut claimed: Vec<Job> = claimed.collect();
        if written != claimed.len() {
            let won = self.won(&claimed, session).await?;
            claimed.retain(|job| won.contains(&job.id));
        }
        Ok(claimed)
    }

    /// Which of the jobs have the lease that they were to get.
    async fn won(&self, jobs: &[Job], session: &mut ClientSession) -> Outcome<HashSet<JobId>> {
        let collection = &self.connection.collections().jobs;
        let ids = uuids(jobs.iter().map(|job| job.id));
        let held = doc! {"_id": {"$in": ids}, "lease.holder": self.request.scheduler_id.to_string()};
        let found = collection.find(held).projection(doc! {"token": 1}).session(&mut *session).await?;
        let found = statement::all(found, session).await?;
        let tokens: HashMap<JobId, i64> =
            found.iter().filter_map(|raw| Some((job_id(raw)?, number(raw, "token")?))).collect();
        let is_won = |job: &&Job| tokens.get(&job.id) == Some(&count(job.token.number()));
        Ok(jobs.iter().filter(is_won).map(|job| job.id).collect())
    }
}

/// Jobs of one task share its lock, and are claimed together.
fn by_task(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut groups: Vec<Vec<Job>> = Vec::new();
    for job in jobs {
        match groups.iter_mut().find(|group| group[0].task_id == job.task_id) {
            Some(group) => group.push(job),
            None => groups.push(vec![job]),
        }
    }
    groups
}

/// Locks the documents of limited tasks, and counts their free slots anew. `None`: a limit has been changed meanwhile.
///
/// The lock is a write: nobody else who writes to the same document can commit.
async fn lock<'a>(
    connection: &Connection,
    session: &mut ClientSession,
    tasks: &[TaskId],
    survey: &'a Survey,
) -> Outcome<Option<Slots<'a>>> {
    let as_surveyed = tasks.iter().map(|task| {
        doc! {"_id": task.as_str(), "max_running_jobs": survey.limit(task).as_condition()}
    });
    let as_surveyed: Vec<_> = as_surveyed.collect();
    if as_surveyed.is_empty() {
        return Ok(Some(Slots::of(survey)));
    }
    let lock = doc! {"$inc": {"claims": 1_i64}};
    let locked = connection.collections().tasks.update_many(doc! {"$or": as_surveyed}, lock);
    if usize::try_from(locked.session(&mut *session).await?.matched_count) != Ok(tasks.len()) {
        return Ok(None);
    }
    Slots::counted(connection.collections(), session, tasks, survey).await.map(Some)
}
