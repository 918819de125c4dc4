//! What became of acquired schedules: their jobs and their advance, in one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use apsched_core::event::{Event, Wakeup};
use apsched_core::job::FinishedAttempt;
use apsched_core::schedule::{EarlierFate, EarlierJobs, Revision, SchedulePoint, ScheduleRelease};
use apsched_core::store::{ReleaseSchedules, Released};
use apsched_core::{Job, JobOutcome, Lease, LeaseToken, ScheduleId, ScheduleState, TaskId};
use chrono::{DateTime, Utc};

use super::{add_job, cancel, end_job::Ended};
use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::row::schedule::state_reason;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Params, Row, Unreadable, Value};

const LOCK_SCHEDULES: Statement = statement!("lock_schedules");
const SCHEDULES_WITH_JOBS: Statement = statement!("schedules_with_jobs");
const ADVANCE_SCHEDULES: Statement = statement!("advance_schedules");
const ADVANCE_SCHEDULES_MYSQL: Statement = statement!("advance_schedules.mysql");

/// A schedule that is locked, as far as a release looks at it.
struct Locked {
    task_id: TaskId,
    revision: Revision,
    lease: Option<Lease>,
    point: SchedulePoint,
}

/// Writes what became of schedules, each if the claim on it holds.
pub(crate) async fn release(
    session: &mut Session<'_>,
    request: &ReleaseSchedules,
) -> SqlResult<Released<ScheduleId>> {
    let mut locked = lock(session, &request.releases).await?;
    let (mut valid, mut lost) = (Vec::new(), Vec::new());
    for release in request.releases.iter() {
        // Taken out: a second release of the same schedule finds the token gone.
        let holds = |schedule: &Locked| {
            release.holds(&request.scheduler_id, schedule.lease.as_ref(), schedule.revision)
        };
        let holds = locked.get(&release.schedule_id).is_some_and(holds);
        match locked.remove(&release.schedule_id).filter(|_| holds) {
            Some(schedule) => valid.push((release, schedule)),
            None => lost.push(release.schedule_id.clone()),
        }
    }
    let mut ended = Ended::new(request.interest);
    let (jobs, mut events) = plan_jobs(session, &valid, request, &mut ended).await?;
    let added = add_job::insert(session, jobs.iter().copied(), request.interest).await?;
    for job in jobs.iter().filter(|job| !added.ids.contains(&job.id)) {
        // A schedule that was replaced fires anew, and a job of the same fire time is there still: one is enough.
        let end = FinishedAttempt::without_run(JobOutcome::Skipped, request.now);
        ended.record(job, end, None)?;
    }
    events.extend(ended.write(session).await?);
    events.extend(added.events);
    let mut wakeup = Wakeup::new(added.earliest, None);
    let mut rows = Vec::new();
    for (release, schedule) in valid {
        events.extend(release.events(&schedule.task_id, request.interest));
        let point = schedule.point.after(release);
        wakeup.schedules_at = wakeup.schedules_at.into_iter().chain(point.claimable_at()).min();
        rows.push(cells(release, &point));
    }
    let is_mysql = session.dialect() == Dialect::MySql;
    let statement = if is_mysql { ADVANCE_SCHEDULES_MYSQL } else { ADVANCE_SCHEDULES };
    session.execute_rows(statement, Params::new(), "next", rows).await?;
    if wakeup != Wakeup::new(None, None) {
        events.push(wakeup.into());
    }
    Ok(Released { events, lost })
}

async fn lock(
    session: &mut Session<'_>,
    releases: &[ScheduleRelease],
) -> SqlResult<HashMap<ScheduleId, Locked>> {
    let ids: BTreeSet<&ScheduleId> = releases.iter().map(|release| &release.schedule_id).collect();
    let rows: Vec<_> = ids.into_iter().map(|id| [Value::from(id)]).collect();
    let mut locked = HashMap::new();
    for row in session.fetch_rows(LOCK_SCHEDULES, Params::new(), "wanted", rows).await? {
        match Locked::decode(row) {
            Ok((id, schedule)) => drop(locked.insert(id, schedule)),
            Err(reason) => tracing::warn!(%reason, "a schedule that was acquired cannot be decoded any more"),
        }
    }
    Ok(locked)
}

impl Locked {
    fn decode(mut row: Row) -> Result<(ScheduleId, Self), Unreadable> {
        let (id, task_id) = (row.word("id")?, row.word("task_id")?);
        let revision = Revision::new(row.count("revision")?);
        let token = LeaseToken::new(row.count("token")?);
        let holder = row.opt_scheduler_id("lease_holder")?;
        // Whether a claim holds is asked of holder and token alone.
        let lease = holder.map(|holder| Lease { holder, token, until: DateTime::<Utc>::MAX_UTC });
        let fires = row.count("fires")?;
        let last_fire_time = row.opt_instant("last_fire_time")?;
        let next_fire_time = row.opt_instant("next_fire_time")?;
        // One that is held is active.
        let point = SchedulePoint { state: ScheduleState::Active, next_fire_time, last_fire_time, fires };
        Ok((id, Self { task_id, revision, lease, point }))
    }
}

/// The jobs to add, by the overlap of each schedule; what is skipped or cancelled for them is written here.
async fn plan_jobs<'r>(
    session: &mut Session<'_>,
    valid: &[(&'r ScheduleRelease, Locked)],
    request: &ReleaseSchedules,
    ended: &mut Ended,
) -> SqlResult<(Vec<&'r Job>, Vec<Event>)> {
    let active = with_jobs(session, valid).await?;
    let decided = valid.iter().map(|(release, _)| {
        let is_active = active.contains(&release.schedule_id);
        let earlier = if is_active { EarlierJobs::Active } else { EarlierJobs::None };
        (&release.schedule_id, is_active, release.jobs_after(earlier))
    });
    let decided: Vec<_> = decided.collect();
    let replaced = decided.iter().filter(|(_, is_active, jobs)| {
        // Where there are none yet, they are jobs of the same release.
        *is_active && jobs.earlier == EarlierFate::AreCancelled
    });
    let replaced: Vec<_> = replaced.map(|(id, _, _)| *id).collect();
    let events = cancel::of_schedules(session, replaced.into_iter(), request.now).await?;
    let mut added = Vec::new();
    for (_, _, jobs) in decided {
        for (job, outcome) in jobs.ended {
            ended.record(job, FinishedAttempt::without_run(outcome, request.now), None)?;
        }
        added.extend(jobs.added);
    }
    Ok((added, events))
}

/// Which of the schedules have a job that is queued or running.
async fn with_jobs(
    session: &mut Session<'_>,
    valid: &[(&ScheduleRelease, Locked)],
) -> SqlResult<HashSet<ScheduleId>> {
    let firing = valid.iter().filter(|(release, _)| !release.jobs.is_empty());
    let ids: Vec<_> = firing.map(|(release, _)| [Value::from(&release.schedule_id)]).collect();
    let rows = session.fetch_rows(SCHEDULES_WITH_JOBS, Params::new(), "wanted", ids).await?;
    Ok(rows.into_iter().map(|mut row| row.word("schedule_id")).collect::<Result<_, _>>()?)
}

/// Where a schedule goes on, as a row.
fn cells(release: &ScheduleRelease, point: &SchedulePoint) -> [Value; 6] {
    [
        (&release.schedule_id).into(),
        point.fires.into(),
        point.last_fire_time.into(),
        point.next_fire_time.into(),
        point.state.as_str().into(),
        state_reason(&point.state).into(),
    ]
}
