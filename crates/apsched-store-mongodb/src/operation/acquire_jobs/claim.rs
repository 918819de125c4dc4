//! Leases the chosen jobs: of tasks with a limit in a transaction that holds their locks, of others each for itself, by one statement.
//!
//! A job that others took meanwhile is not among what is given; nor is one whose task has no slot any more.

use apsched_core::job::ClaimOrder;
use apsched_core::lease::Lease;
use apsched_core::store::AcquireJobs;
use apsched_core::{Job, TaskId, instant};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::doc;

use super::choice::Slots;
use crate::connection::Connection;
use crate::divide::DivisibleWork;
use crate::error::Outcome;
use crate::operation::leasing::{Growth, Leasing};
use crate::operation::token::Target;
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
        jobs.retain(|job| slots.take(&job.task_id));
        let leased = self.leasing().write_within(&targets(jobs.iter().copied()), session).await?;
        jobs.retain(|job| leased.contains(&job.id));
        Ok(self.claimed(jobs))
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
        let leased = self.leasing().write(targets(&jobs)).await?;
        let claimed = self.claimed(jobs.iter().filter(|job| leased.jobs.contains(&job.id)));
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

    fn leasing(&self) -> Leasing<'_> {
        let (holder, until) = (&self.request.scheduler_id, self.until());
        Leasing {
            connection: self.connection,
            holder,
            until,
            growth: Growth::One,
            condition: doc! {"lane": {"$exists": true}},
            update: doc! {
                "$set": {"lease": {"holder": holder.to_string(), "until": until.timestamp_micros()}},
                "$inc": {"token": 1_i64, "attempt": 1_i64},
                "$unset": {"lane": ""},
            },
        }
    }

    /// The jobs as they are when that is done.
    fn claimed<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>) -> Vec<Job> {
        let (holder, until) = (&self.request.scheduler_id, self.until());
        let claimed = jobs.into_iter().map(|job| {
            let token = job.token.next();
            let lease = Some(Lease { holder: holder.clone(), token, until });
            Job { token, lease, attempt: job.attempt + 1, ..job.clone() }
        });
        claimed.collect()
    }

    fn until(&self) -> DateTime<Utc> {
        instant::after(self.request.now, self.request.lease)
    }
}

fn targets<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<Target> {
    jobs.into_iter().map(|job| (job.token, job.id)).collect()
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
