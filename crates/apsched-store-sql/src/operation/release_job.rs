//! How claims on jobs end: the job leaves the queue, or goes back into it.

use std::collections::{HashMap, HashSet};

use apsched_core::JobId;
use apsched_core::event::{Event, EventInterest};
use apsched_core::job::{ClaimEnd, FinishedAttempt, JobRelease, Release};
use apsched_core::store::{HeldJob, LastClaims, ReleaseJobs, Released};
use chrono::{DateTime, Utc};

use super::acquire_job::decode_or_quarantine;
use super::end_job::{self, Ended, FreedSlots, Openings};
use super::lease;
use crate::dialect::{Dialect, Returning};
use crate::error::SqlResult;
use crate::row::job::{self, JobDecoder, LockedJob, UnreadableJob};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Value};

const FINISH_JOBS_POSTGRES: Statement = statement!("finish_jobs.postgres");
const LOCK_CLAIMS: Statement = statement!("lock_claims");
const ENDED_JOBS: Statement = statement!("ended_jobs").giving_many(job::ENDED_KINDS);
const HELD_JOBS: Statement = statement!("held_jobs");
const REQUEUE_JOBS: Statement = statement!("requeue_jobs");
const REQUEUE_JOBS_MYSQL: Statement = statement!("requeue_jobs.mysql");

/// Writes how claims ended, each if it holds; gives also what has become free by it.
pub(crate) async fn release(
    session: &mut Session<'_>,
    request: &ReleaseJobs,
) -> SqlResult<(Released<JobId>, Openings)> {
    // What follows knows jobs by their ids alone.
    let last: LastClaims = request.releases.iter().map(claim_of).collect();
    let (mut ends, mut others) = (Vec::new(), Vec::new());
    for release in request.releases.iter().filter(|release| last.contains(claim_of(release))) {
        match &release.release {
            Release::Finish(end) => ends.push((release, end)),
            Release::RunAgain { .. } | Release::HandBack => others.push(release),
        }
    }
    if !ends.is_empty() && !others.is_empty() && session.dialect() != Dialect::Sqlite {
        // What follows locks them in two rounds, each in order of id.
        let holder = Params::new().with("holder", &request.scheduler_id);
        session.fetch_rows(LOCK_CLAIMS, holder, "held", claims(request.releases.iter())).await?;
    }
    let mut ended = Ended::new(request.interest);
    let mut freed = FreedSlots::default();
    let mut written = HashSet::new();
    let mut gone = finish(session, ends.iter().map(|(release, _)| *release), request).await?;
    for (release, end) in ends {
        let Some(job) = gone.remove(&release.job_id) else { continue };
        written.insert(release.job_id);
        let Some(job) = job else {
            ended.forget(release.job_id);
            continue;
        };
        if job.has_limit {
            freed.count(&job.job.task_id);
        }
        ended.push(job, FinishedAttempt::clone(end), Some(&request.scheduler_id))?;
    }
    let requeued = requeue(session, &others, request, &mut ended, &mut freed).await?;
    written.extend(requeued.written);
    let mut events = ended.write(session).await?;
    events.extend(requeued.events);
    let is_written =
        |release: &JobRelease| last.contains(claim_of(release)) && written.contains(&release.job_id);
    let lost = request.releases.iter().filter(|release| !is_written(release)).map(|release| release.job_id);
    let released = Released { events, lost: lost.collect() };
    Ok((released, Openings { freed, queued_at: requeued.earliest }))
}

/// Takes the jobs on which the claims hold out of the queue. `None`: it has ended, but what it was cannot be decoded.
async fn finish<'r>(
    session: &mut Session<'_>,
    releases: impl Iterator<Item = &'r JobRelease> + Send,
    request: &ReleaseJobs,
) -> SqlResult<HashMap<JobId, Option<LockedJob>>> {
    let claims = claims(releases);
    let params = Params::new().with("holder", &request.scheduler_id);
    let statement = match session.dialect() {
        Dialect::Postgres => FINISH_JOBS_POSTGRES,
        Dialect::Sqlite | Dialect::MySql => ENDED_JOBS,
    };
    let rows = session.fetch_rows(statement, params, "held", claims).await?;
    let mut decoder = JobDecoder::default();
    let mut ended = HashMap::new();
    for row in rows {
        match decoder.decode_ended(row)? {
            Ok(job) => drop(ended.insert(job.job.id, Some(job))),
            Err(UnreadableJob { id, reason }) => {
                tracing::warn!(job.id = %id, %reason, "a job that ends cannot be decoded; no result of it is kept");
                ended.insert(id, None);
            }
        }
    }
    if session.dialect().returning() == Returning::Missing {
        end_job::delete(session, ended.keys().copied()).await?;
    }
    Ok(ended)
}

fn claims<'r>(releases: impl Iterator<Item = &'r JobRelease>) -> Vec<[Value; 2]> {
    lease::claims(releases.map(claim_of))
}

const fn claim_of(release: &JobRelease) -> HeldJob {
    HeldJob::new(release.job_id, release.token)
}

/// What went back into the queue, or was to.
#[derive(Debug, Default)]
struct Requeued {
    written: Vec<JobId>,
    events: Vec<Event>,
    earliest: Option<DateTime<Utc>>,
}

/// Puts jobs back into the queue, unless they were asked to stop.
async fn requeue(
    session: &mut Session<'_>,
    releases: &[&JobRelease],
    request: &ReleaseJobs,
    ended: &mut Ended,
    freed: &mut FreedSlots,
) -> SqlResult<Requeued> {
    let claims = claims(releases.iter().copied());
    let params = Params::new().with("holder", &request.scheduler_id);
    let rows = session.fetch_rows(HELD_JOBS, params, "held", claims).await?;
    let (held, quarantined) = decode_or_quarantine(session, rows, None).await?;
    let releases: HashMap<JobId, &Release> =
        releases.iter().map(|release| (release.job_id, &release.release)).collect();
    let mut claims = ClaimEnds::default();
    let mut written = Vec::new();
    for stored in held {
        let has_payload_apart = stored.payload_apart.is_some();
        let held = LockedJob { job: stored.job, has_payload_apart, has_limit: true };
        written.push(held.job.id);
        freed.count(&held.job.task_id);
        if let Some(release) = releases.get(&held.job.id) {
            claims.push(held, Release::clone(release), request.now, request.interest, ended)?;
        }
    }
    let (mut events, earliest) = claims.write(session).await?;
    events.extend(quarantined);
    Ok(Requeued { written, events, earliest })
}

/// Claims that end in one transaction, decided and not yet written.
#[derive(Debug, Default)]
pub(crate) struct ClaimEnds {
    gone: Vec<JobId>,
    queued: Vec<[Value; 5]>,
    events: Vec<Event>,
    earliest: Option<DateTime<Utc>>,
}

impl ClaimEnds {
    /// Decides what becomes of a job that is locked.
    pub(crate) fn push(
        &mut self,
        held: LockedJob,
        release: Release,
        now: DateTime<Utc>,
        interest: EventInterest,
        ended: &mut Ended,
    ) -> SqlResult<()> {
        let LockedJob { mut job, has_payload_apart, has_limit } = held;
        match job.end_claim(release, now, interest) {
            ClaimEnd::Gone(end) => {
                let holder = job.lease.take().map(|lease| lease.holder);
                self.gone.push(job.id);
                return ended.push(LockedJob { job, has_payload_apart, has_limit }, end, holder.as_ref());
            }
            ClaimEnd::Queued(told) => self.events.extend(told),
        }
        self.earliest = self.earliest.into_iter().chain([job.run_at]).min();
        self.queued.push([
            job.id.into(),
            job.run_at.into(),
            job.attempt.into(),
            job.token.number().into(),
            job.start_deadline.into(),
        ]);
        Ok(())
    }

    /// Writes what was decided; gives the events, and when the first of the jobs is due.
    pub(crate) async fn write(
        self,
        session: &mut Session<'_>,
    ) -> SqlResult<(Vec<Event>, Option<DateTime<Utc>>)> {
        end_job::delete(session, self.gone.into_iter()).await?;
        let statement = if session.dialect() == Dialect::MySql { REQUEUE_JOBS_MYSQL } else { REQUEUE_JOBS };
        session.execute_rows(statement, Params::new(), "next", self.queued).await?;
        Ok((self.events, self.earliest))
    }
}
