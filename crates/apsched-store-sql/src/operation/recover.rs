//! Taking back what vanished schedulers hold, and ending what can no longer start in time.

use apsched_core::event::{Event, EventInterest, Wakeup};
use apsched_core::job::{FinishedAttempt, Release};
use apsched_core::store::{Recover, RecoverScope, Strangers};
use apsched_core::{JobOutcome, SchedulerId};

use super::acquire_job::decode_or_quarantine;
use super::end_job::{Ended, FreedSlots, Openings};
use super::release_job::ClaimEnds;
use super::wakeup;
use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::row::{self, job::LockedJob};
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Value};

const LEASE_HOLDERS: Statement = statement!("lease_holders");
const ORPHANED_JOBS: Statement = statement!("orphaned_jobs");
const MISSED_JOBS: Statement = statement!("missed_jobs");
const DROP_SCHEDULE_LEASES: Statement = statement!("drop_schedule_leases");
const DROP_SCHEDULE_LEASES_MYSQL: Statement = statement!("drop_schedule_leases.mysql");
const HELD_SCHEDULES_MYSQL: Statement = statement!("held_schedules.mysql");

pub(crate) async fn recover(
    session: &mut Session<'_>,
    request: &Recover,
    strangers: &Strangers,
) -> SqlResult<(Vec<Event>, Openings)> {
    let predecessors = predecessors(session, request).await?;
    // Schedules before jobs, as all lock them.
    drop_schedule_leases(session, &predecessors).await?;
    let mut ended = Ended::new(EventInterest::ALL);
    let mut ends = ClaimEnds::default();
    let mut freed = FreedSlots::default();
    let mut events = orphans(session, request, &predecessors, &mut ended, &mut ends, &mut freed).await?;
    events.extend(missed(session, request, &mut ended, &mut ends).await?);
    let (requeued, earliest) = ends.write(session).await?;
    events.extend(ended.write(session).await?);
    events.extend(requeued);
    if request.scope == RecoverScope::ExpiredAndPredecessors {
        let first = wakeup::schedule(session, request.now, strangers).await?;
        events.extend(first.map(|at| Wakeup::schedules(at).into()));
    }
    Ok((events, Openings { freed, queued_at: earliest }))
}

/// Drops the claims on schedules of runs that are over.
async fn drop_schedule_leases(session: &mut Session<'_>, holders: &[Value]) -> SqlResult<()> {
    let others: Vec<_> = holders.iter().map(|holder| [holder.clone()]).collect();
    if session.dialect() != Dialect::MySql {
        session.execute_rows(DROP_SCHEDULE_LEASES, Params::new(), "others", others).await?;
        return Ok(());
    }
    let mut held = Vec::new();
    for mut row in session.fetch_rows(HELD_SCHEDULES_MYSQL, Params::new(), "others", others).await? {
        held.push((row.text("id")?, row.text("lease_holder")?));
    }
    held.sort_unstable();
    let held: Vec<_> = held.into_iter().map(|(id, by)| [Value::from(id), Value::from(by)]).collect();
    session.execute_rows(DROP_SCHEDULE_LEASES_MYSQL, Params::new(), "held", held).await?;
    Ok(())
}

/// The earlier runs of the caller that hold something still.
async fn predecessors(session: &mut Session<'_>, request: &Recover) -> SqlResult<Vec<Value>> {
    if request.scope == RecoverScope::Expired {
        return Ok(Vec::new());
    }
    let mut predecessors = Vec::new();
    for mut row in session.fetch(LEASE_HOLDERS, &Params::new()).await? {
        let text = row.text("lease_holder")?;
        let holder: Result<SchedulerId, _> = row::scheduler_id(&text);
        if holder.is_ok_and(|holder| request.scheduler_id.is_other_run_of(&holder)) {
            predecessors.push(Value::from(text));
        }
    }
    Ok(predecessors)
}

/// Decides what becomes of running jobs whose worker vanished.
async fn orphans(
    session: &mut Session<'_>,
    request: &Recover,
    predecessors: &[Value],
    ended: &mut Ended,
    ends: &mut ClaimEnds,
    freed: &mut FreedSlots,
) -> SqlResult<Vec<Event>> {
    // No scheduler has an empty name, so the set is never empty and never finds anybody by it.
    let others = predecessors.iter().cloned().chain([Value::from("")]).map(|holder| [holder]);
    let params = Params::new().with("now", request.now).with("limit", request.limit).rows("others", others);
    let rows = session.fetch(ORPHANED_JOBS, &params).await?;
    let (orphans, events) = decode_or_quarantine(session, rows, None).await?;
    let mut random = fastrand::Rng::with_seed(request.seed);
    for stored in orphans {
        let has_payload_apart = stored.payload_apart.is_some();
        let mut job = stored.job;
        let is_orphaned = job
            .lease
            .as_ref()
            .is_some_and(|lease| request.scope.covers(lease, &request.scheduler_id, request.now));
        if !is_orphaned {
            continue;
        }
        let release = job.recover(request.now, random.f64());
        freed.count(&job.task_id);
        let orphan = LockedJob { job, has_payload_apart, has_limit: true };
        ends.push(orphan, release, request.now, EventInterest::ALL, ended)?;
    }
    Ok(events)
}

/// Decides the end of queued jobs that can no longer start in time.
async fn missed(
    session: &mut Session<'_>,
    request: &Recover,
    ended: &mut Ended,
    ends: &mut ClaimEnds,
) -> SqlResult<Vec<Event>> {
    let params = Params::new().with("now", request.now).with("limit", request.limit);
    let rows = session.fetch(MISSED_JOBS, &params).await?;
    let (missed, events) = decode_or_quarantine(session, rows, None).await?;
    for stored in missed {
        if stored.job.is_to_end_as_missed(request.now) {
            let has_payload_apart = stored.payload_apart.is_some();
            let job = LockedJob { job: stored.job, has_payload_apart, has_limit: true };
            let end = FinishedAttempt::without_run(JobOutcome::MissedStartDeadline, request.now);
            ends.push(job, Release::Finish(end), request.now, EventInterest::ALL, ended)?;
        }
    }
    Ok(events)
}
