//! Leases the chosen jobs: of tasks with a limit in a transaction that holds their locks, of others each for itself, by one statement.
//!
//! A job that others took meanwhile is not among what is given; nor is one whose task has no slot any more.

use std::collections::{BTreeMap, HashMap};

use apsched_core::job::ClaimOrder;
use apsched_core::lease::{Lease, LeaseToken};
use apsched_core::store::AcquireJobs;
use apsched_core::{Job, JobId, TaskId, instant};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::choice::Slots;
use crate::connection::Connection;
use crate::divide::DivisibleWork;
use crate::document::schedule::count;
use crate::document::{job_id, number, uuids};
use crate::error::Outcome;
use crate::operation::leasing::{Growth, Leasing};
use crate::statement;
use crate::survey::Survey;

/// Leases those of the jobs that are still queued and have a slot, for tasks with a limit.
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

    /// Nothing is counted for these, so each claim stands for itself: who takes some jobs and vanishes has taken some jobs.
    async fn free(&self, jobs: Vec<Job>) -> Outcome<(Vec<Job>, bool)> {
        if jobs.is_empty() {
            return Ok((jobs, false));
        }
        let leasing = Leasing {
            connection: self.connection,
            holder: &self.request.scheduler_id,
            until: self.until(),
            growth: Growth::One,
            condition: doc! {"lane": {"$exists": true}},
            update: self.update(),
        };
        let targets = jobs.iter().map(|job| (job.token, job.id)).collect();
        let leased = leasing.write(targets).await?;
        let mut claimed = self.claimed(&jobs.iter().collect::<Vec<_>>());
        claimed.retain(|job| leased.jobs.contains(&job.id));
        let has_collided = claimed.len() < jobs.len();
        self.connection.crowd().learn(has_collided);
        // Whoever has locked some is at it, or dead; there is no use in looking again.
        Ok((claimed, has_collided && !leased.was_locked))
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

    async fn lease(&self, jobs: &[&Job], session: &mut ClientSession) -> Outcome<Vec<Job>> {
        let collections = self.connection.collections();
        let written =
            statement::update_each(collections, &collections.jobs, self.statements(jobs), session).await?;
        let mut claimed = self.claimed(jobs);
        if written != claimed.len() {
            let held = collections.jobs.find(self.held(&claimed)).projection(doc! {"token": 1});
            let held = statement::all(held.session(&mut *session).await?, session).await?;
            retain_won(&mut claimed, &held);
        }
        Ok(claimed)
    }

    /// What leases the jobs that are still as they were read. A queued job is if its token is: each claim makes it grow.
    fn statements(&self, jobs: &[&Job]) -> Vec<(Document, Document)> {
        let mut by_token: BTreeMap<LeaseToken, Vec<JobId>> = BTreeMap::new();
        for job in jobs {
            by_token.entry(job.token).or_default().push(job.id);
        }
        let statement = |(token, ids): (LeaseToken, Vec<JobId>)| {
            let ids = doc! {"$in": uuids(ids)};
            let queued = doc! {"_id": ids, "lane": {"$exists": true}, "token": count(token.number())};
            (queued, self.update())
        };
        by_token.into_iter().map(statement).collect()
    }

    fn update(&self) -> Document {
        let holder = self.request.scheduler_id.to_string();
        doc! {
            "$set": {"lease": {"holder": holder, "until": self.until().timestamp_micros()}},
            "$inc": {"token": 1_i64, "attempt": 1_i64},
            "$unset": {"lane": ""},
        }
    }

    /// The jobs as they are when that is done.
    fn claimed(&self, jobs: &[&Job]) -> Vec<Job> {
        let (holder, until) = (&self.request.scheduler_id, self.until());
        let claimed = jobs.iter().map(|job| {
            let token = job.token.next();
            let lease = Some(Lease { holder: holder.clone(), token, until });
            Job { token, lease, attempt: job.attempt + 1, ..Job::clone(job) }
        });
        claimed.collect()
    }

    fn until(&self) -> DateTime<Utc> {
        instant::after(self.request.now, self.request.lease)
    }

    /// Those of the jobs that the caller holds, by whichever claim.
    fn held(&self, jobs: &[Job]) -> Document {
        let ids = uuids(jobs.iter().map(|job| job.id));
        doc! {"_id": {"$in": ids}, "lease.holder": self.request.scheduler_id.to_string()}
    }
}

/// Keeps the jobs that have the lease that they were to get, by what the caller holds.
fn retain_won(claimed: &mut Vec<Job>, held: &[RawDocumentBuf]) {
    let tokens: HashMap<JobId, i64> =
        held.iter().filter_map(|raw| Some((job_id(raw)?, number(raw, "token")?))).collect();
    claimed.retain(|job| tokens.get(&job.id) == Some(&count(job.token.number())));
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
