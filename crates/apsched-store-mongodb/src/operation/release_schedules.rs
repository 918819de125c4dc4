//! Writes what became of acquired schedules: their jobs and their advance, in one transaction.

use std::collections::{HashMap, HashSet};

use apsched_core::event::{
    Event, EventInterest, EventType, FireTimesCutOff, ScheduleQuarantined, ScheduleUpdated, Wakeup,
};
use apsched_core::job::FinishedAttempt;
use apsched_core::schedule::{EarlierJobs, Overlap, OverlapAction, ScheduleAdvance, ScheduleRelease};
use apsched_core::store::{ReleaseSchedules, Released};
use apsched_core::{JobOutcome, Schedule, ScheduleId, ScheduleState};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};

use super::remove_schedule::cancel_jobs_of;
use crate::connection::Connection;
use crate::document::schedule::{ScheduleDocument, count, state_reason};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::statement;
use crate::transaction::{Patience, Work};

pub(crate) async fn release(
    connection: &Connection,
    request: &ReleaseSchedules,
) -> Outcome<Released<ScheduleId>> {
    if request.releases.is_empty() {
        return Ok(Released::default());
    }
    connection.transaction(Patience::Long, &Release { connection, request }).await
}

struct Release<'a> {
    connection: &'a Connection,
    request: &'a ReleaseSchedules,
}

impl Work for Release<'_> {
    type Done = Released<ScheduleId>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Released<ScheduleId>> {
        let Self { connection, request } = *self;
        let mut schedules = read_schedules(connection, session, request).await?;
        let mut active = with_active_jobs(connection, session, &request.releases).await?;
        let mut changes = JobChanges::new(request.interest);
        let mut lost = Vec::new();
        let mut advances = Vec::with_capacity(request.releases.len());
        let mut wakeup = Wakeup::new(None, None);
        for release in request.releases.iter() {
            let schedule = schedules.get_mut(release.schedule_id.as_str());
            let Some(schedule) = schedule.filter(|schedule| is_held(schedule, release, request)) else {
                lost.push(release.schedule_id.clone());
                continue;
            };
            let jobs_at =
                add_jobs(connection, session, release, request.now, &mut active, &mut changes).await?;
            advance(schedule, release, request.interest, &mut changes.events);
            advances.push((doc! {"_id": release.schedule_id.as_str()}, advanced(schedule)));
            wakeup.jobs_at = wakeup.jobs_at.into_iter().chain(jobs_at).min();
            wakeup.schedules_at = wakeup.schedules_at.into_iter().chain(schedule.claimable_at()).min();
        }
        let collections = connection.collections();
        statement::update_each(collections, &collections.schedules, advances, session).await?;
        let mut events = changes.write(collections, session).await?;
        if wakeup != Wakeup::new(None, None) {
            events.push(wakeup.into());
        }
        Ok(Released { events, lost })
    }
}

fn is_held(schedule: &Schedule, release: &ScheduleRelease, request: &ReleaseSchedules) -> bool {
    let lease = schedule.lease.as_ref();
    lease.is_some_and(|lease| lease.is_held_by(&request.scheduler_id, release.token))
        && schedule.revision == release.revision
}

/// Those that are there and can be read, without their payloads.
async fn read_schedules(
    connection: &Connection,
    session: &mut ClientSession,
    request: &ReleaseSchedules,
) -> Outcome<HashMap<String, Schedule>> {
    let ids: Vec<&str> = request.releases.iter().map(|release| release.schedule_id.as_str()).collect();
    let found = connection.collections().schedules.find(doc! {"_id": {"$in": ids}});
    let found = found.projection(doc! {"payload": 0}).session(&mut *session).await?;
    let registry = connection.registry();
    let found = statement::all(found, session).await?;
    let read = found.iter().filter_map(|raw| ScheduleDocument::read(raw, &registry).ok());
    Ok(read.map(|schedule| (schedule.id.as_str().to_owned(), schedule)).collect())
}

/// The schedules that have queued or running jobs, among those for which that makes a difference.
async fn with_active_jobs(
    connection: &Connection,
    session: &mut ClientSession,
    releases: &[ScheduleRelease],
) -> Outcome<HashSet<String>> {
    let asked =
        releases.iter().filter(|release| release.overlap != Overlap::Queue && !release.jobs.is_empty());
    let ids: Vec<&str> = asked.map(|release| release.schedule_id.as_str()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let active = doc! {"schedule_id": {"$in": ids}, "quarantine_reason": {"$exists": false}};
    let found = connection.collections().jobs.distinct("schedule_id", active).session(&mut *session).await?;
    Ok(found.iter().filter_map(Bson::as_str).map(str::to_owned).collect())
}

/// Adds the jobs of one release as its overlap decides. The earliest `run_at` of them.
async fn add_jobs(
    connection: &Connection,
    session: &mut ClientSession,
    release: &ScheduleRelease,
    now: DateTime<Utc>,
    active: &mut HashSet<String>,
    changes: &mut JobChanges,
) -> Outcome<Option<DateTime<Utc>>> {
    let id = &release.schedule_id;
    let mut earliest: Option<DateTime<Utc>> = None;
    let mut has_cancelled = false;
    for job in &release.jobs {
        let earlier = if active.contains(id.as_str()) { EarlierJobs::Active } else { EarlierJobs::None };
        match release.overlap.action(earlier) {
            OverlapAction::RecordSkipped => {
                changes.record(job, FinishedAttempt::without_run(JobOutcome::Skipped, now));
                continue;
            }
            OverlapAction::CancelEarlierAndAdd => {
                if !std::mem::replace(&mut has_cancelled, true) {
                    cancel_jobs_of(connection, session, id, now, changes).await?;
                }
                changes.cancel_added(|job| job.schedule_id.as_ref() == Some(id), now);
            }
            OverlapAction::Add => {}
        }
        active.insert(id.as_str().to_owned());
        earliest = Some(earliest.map_or(job.run_at, |at| at.min(job.run_at)));
        changes.add(job.clone());
    }
    Ok(earliest)
}

/// Brings the schedule to where its release says.
fn advance(
    schedule: &mut Schedule,
    release: &ScheduleRelease,
    interest: EventInterest,
    events: &mut Vec<Event>,
) {
    schedule.lease = None;
    schedule.fires += release.jobs.len() as u64;
    let last_fire_time = release.jobs.last().and_then(|job| job.fire_time);
    schedule.last_fire_time = last_fire_time.or(schedule.last_fire_time);
    match &release.advance {
        ScheduleAdvance::To { next_fire_time, cut_off } => {
            schedule.next_fire_time = *next_fire_time;
            schedule.state = ScheduleState::after_fire(*next_fire_time);
            if let Some((first, last)) = *cut_off {
                events.push(FireTimesCutOff::new(schedule.id.clone(), first, last).into());
            }
            if interest.includes(ScheduleUpdated::INTEREST) {
                let task = schedule.task_id.clone();
                events.push(ScheduleUpdated::new(schedule.id.clone(), task, *next_fire_time).into());
            }
        }
        ScheduleAdvance::Quarantine(reason) => {
            events.push(ScheduleQuarantined::new(schedule.id.clone(), reason.to_string()).into());
            schedule.state = ScheduleState::Quarantined(reason.clone());
        }
    }
}

/// What is written of a schedule that was advanced.
fn advanced(schedule: &Schedule) -> Document {
    let mut set = doc! {"state": schedule.state.as_str(), "fires": count(schedule.fires)};
    let mut unset = doc! {"lease": ""};
    let mut put = |field: &str, value: Option<Bson>| match value {
        Some(value) => drop(set.insert(field, value)),
        None => drop(unset.insert(field, "")),
    };
    put("state_reason", state_reason(&schedule.state).map(|reason| Bson::from(reason.as_ref())));
    put("next_fire_time", schedule.next_fire_time.map(|at| Bson::from(at.timestamp_micros())));
    put("last_fire_time", schedule.last_fire_time.map(|at| Bson::from(at.timestamp_micros())));
    doc! {"$set": set, "$unset": unset}
}
