//! What became of acquired schedules: their jobs and their advance, in one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use apsched_core::event::{Event, EventType, FireTimesCutOff, ScheduleQuarantined, ScheduleUpdated, Wakeup};
use apsched_core::job::FinishedAttempt;
use apsched_core::schedule::{EarlierJobs, OverlapAction, ScheduleAdvance, ScheduleRelease};
use apsched_core::store::{ReleaseSchedules, Released};
use apsched_core::{Job, JobOutcome, Lease, LeaseToken, ScheduleId, ScheduleState, TaskId};
use chrono::{DateTime, Utc};

use super::{add_job, cancel, end_job::Ended};
use crate::dialect::Dialect;
use crate::error::Outcome;
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
    revision: u64,
    lease: Option<Lease>,
    fires: u64,
    last_fire_time: Option<DateTime<Utc>>,
    next_fire_time: Option<DateTime<Utc>>,
}

/// Writes what became of schedules, each if the claim on it holds.
pub(crate) async fn release(
    session: &mut Session<'_>,
    request: &ReleaseSchedules,
) -> Outcome<Released<ScheduleId>> {
    let mut locked = lock(session, &request.releases).await?;
    let (mut valid, mut lost) = (Vec::new(), Vec::new());
    for release in request.releases.iter() {
        // Taken out: a second release of the same schedule finds the token gone.
        let holds =
            locked.get(&release.schedule_id).is_some_and(|schedule| schedule.is_held(release, request));
        match locked.remove(&release.schedule_id).filter(|_| holds) {
            Some(schedule) => valid.push((release, schedule)),
            None => lost.push(release.schedule_id.clone()),
        }
    }
    let mut ended = Ended::new(request.interest);
    let (jobs, mut events) = plan_jobs(session, &valid, request, &mut ended).await?;
    let added = add_job::insert(session, jobs.iter().copied(), request.interest).await?;
    events.extend(ended.write(session).await?);
    events.extend(added.events);
    let mut wakeup = Wakeup::new(added.earliest, None);
    let mut rows = Vec::new();
    for (release, schedule) in valid {
        let next = advance(release, schedule, request, &mut events);
        wakeup.schedules_at = wakeup.schedules_at.into_iter().chain(next.claimable_at).min();
        rows.push(next.cells);
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
) -> Outcome<HashMap<ScheduleId, Locked>> {
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
        let revision = row.count("revision")?;
        let token = LeaseToken::new(row.count("token")?);
        let holder = row.opt_scheduler_id("lease_holder")?;
        // Whether a claim holds is asked of holder and token alone.
        let lease = holder.map(|holder| Lease { holder, token, until: DateTime::<Utc>::MAX_UTC });
        let fires = row.count("fires")?;
        let last_fire_time = row.opt_instant("last_fire_time")?;
        let next_fire_time = row.opt_instant("next_fire_time")?;
        Ok((id, Self { task_id, revision, lease, fires, last_fire_time, next_fire_time }))
    }

    fn is_held(&self, release: &ScheduleRelease, request: &ReleaseSchedules) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|lease| lease.is_held_by(&request.scheduler_id, release.token))
            && self.revision == release.revision.number()
    }
}

/// The jobs to add, by the overlap of each schedule; what is skipped or cancelled for them is written here.
async fn plan_jobs<'r>(
    session: &mut Session<'_>,
    valid: &[(&'r ScheduleRelease, Locked)],
    request: &ReleaseSchedules,
    ended: &mut Ended,
) -> Outcome<(Vec<&'r Job>, Vec<Event>)> {
    let mut active = with_jobs(session, valid).await?;
    lock_replaced(session, valid, &active).await?;
    let (mut jobs, mut events): (Vec<&Job>, Vec<Event>) = (Vec::new(), Vec::new());
    for (release, _) in valid {
        let id = &release.schedule_id;
        for job in &release.jobs {
            let earlier = if active.contains(id) { EarlierJobs::Active } else { EarlierJobs::None };
            match release.overlap.action(earlier) {
                OverlapAction::RecordSkipped => {
                    let end = FinishedAttempt::without_run(JobOutcome::Skipped, request.now);
                    ended.record(job, end, None)?;
                    continue;
                }
                OverlapAction::CancelEarlierAndAdd => {
                    events.extend(cancel::of_schedule(session, id, request.now).await?);
                    // Jobs of this release that are not written yet are cancelled by not being written.
                    let (replaced, others): (Vec<_>, Vec<_>) =
                        jobs.into_iter().partition(|job| job.schedule_id.as_ref() == Some(id));
                    for job in replaced {
                        let end = FinishedAttempt::without_run(JobOutcome::Cancelled, request.now);
                        ended.record(job, end, None)?;
                    }
                    jobs = others;
                }
                OverlapAction::Add => {}
            }
            active.insert(id.clone());
            jobs.push(job);
        }
    }
    Ok((jobs, events))
}

/// Locks the jobs that are to be replaced, of all schedules at once, in the order in which all lock jobs.
async fn lock_replaced(
    session: &mut Session<'_>,
    valid: &[(&ScheduleRelease, Locked)],
    active: &HashSet<ScheduleId>,
) -> Outcome<()> {
    let replaces = |release: &ScheduleRelease| {
        !release.jobs.is_empty()
            && release.overlap.action(EarlierJobs::Active) == OverlapAction::CancelEarlierAndAdd
            && active.contains(&release.schedule_id)
    };
    let replacing = valid.iter().map(|(release, _)| *release).filter(|release| replaces(release));
    let schedules: Vec<_> = replacing.map(|release| &release.schedule_id).collect();
    // Those of one schedule are locked in order when they are replaced.
    if schedules.len() > 1 {
        cancel::lock_jobs_of(session, schedules.into_iter()).await?;
    }
    Ok(())
}

/// Which of the schedules have a job that is queued or running.
async fn with_jobs(
    session: &mut Session<'_>,
    valid: &[(&ScheduleRelease, Locked)],
) -> Outcome<HashSet<ScheduleId>> {
    let firing = valid.iter().filter(|(release, _)| !release.jobs.is_empty());
    let ids: Vec<_> = firing.map(|(release, _)| [Value::from(&release.schedule_id)]).collect();
    let rows = session.fetch_rows(SCHEDULES_WITH_JOBS, Params::new(), "wanted", ids).await?;
    Ok(rows.into_iter().map(|mut row| row.word("schedule_id")).collect::<Result<_, _>>()?)
}

/// Where a schedule goes on.
struct Next {
    cells: [Value; 6],
    claimable_at: Option<DateTime<Utc>>,
}

fn advance(
    release: &ScheduleRelease,
    schedule: Locked,
    request: &ReleaseSchedules,
    events: &mut Vec<Event>,
) -> Next {
    let id = &release.schedule_id;
    let fires = schedule.fires + release.jobs.len() as u64;
    let last_fire_time = release.jobs.last().and_then(|job| job.fire_time).or(schedule.last_fire_time);
    let (next_fire_time, state) = match &release.advance {
        ScheduleAdvance::To { next_fire_time, cut_off } => {
            if let Some((first, last)) = *cut_off {
                events.push(FireTimesCutOff::new(id.clone(), first, last).into());
            }
            if request.interest.includes(ScheduleUpdated::INTEREST) {
                events.push(ScheduleUpdated::new(id.clone(), schedule.task_id, *next_fire_time).into());
            }
            (*next_fire_time, ScheduleState::after_fire(*next_fire_time))
        }
        ScheduleAdvance::Quarantine(reason) => {
            events.push(ScheduleQuarantined::new(id.clone(), reason.to_string()).into());
            (schedule.next_fire_time, ScheduleState::Quarantined(reason.clone()))
        }
    };
    let cells = [
        id.into(),
        fires.into(),
        last_fire_time.into(),
        next_fire_time.into(),
        state.as_str().into(),
        state_reason(&state).into(),
    ];
    Next { cells, claimable_at: next_fire_time.filter(|_| state == ScheduleState::Active) }
}
