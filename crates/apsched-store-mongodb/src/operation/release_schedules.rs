//! Writes what became of acquired schedules: their jobs and their advance, in one transaction.

use std::collections::{HashMap, HashSet};

use apsched_core::event::Wakeup;
use apsched_core::job::FinishedAttempt;
use apsched_core::schedule::{EarlierFate, EarlierJobs, Overlap, ScheduleRelease};
use apsched_core::store::{ReleaseSchedules, Released};
use apsched_core::{Schedule, ScheduleId};
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
        let active = with_active_jobs(connection, session, &request.releases).await?;
        let mut changes = JobChanges::new(request.interest);
        let mut lost = Vec::new();
        let mut advances = Vec::with_capacity(request.releases.len());
        let mut wakeup = Wakeup::new(None, None);
        for release in request.releases.iter() {
            // Taken out: a second release of the same schedule finds the token gone.
            let schedule = schedules.remove(release.schedule_id.as_str());
            let holds = |schedule: &Schedule| {
                release.holds(&request.scheduler_id, schedule.lease.as_deref(), schedule.revision)
            };
            let Some(mut schedule) = schedule.filter(holds) else {
                lost.push(release.schedule_id.clone());
                continue;
            };
            let is_active = active.contains(release.schedule_id.as_str());
            let earlier = if is_active { EarlierJobs::Active } else { EarlierJobs::None };
            let decided = release.jobs_after(earlier);
            if is_active && decided.earlier == EarlierFate::AreCancelled {
                cancel_jobs_of(connection, session, &release.schedule_id, request.now, &mut changes).await?;
            }
            for (job, outcome) in decided.ended {
                changes.record(job, FinishedAttempt::without_run(outcome, request.now));
            }
            let jobs_at = decided.added.iter().map(|job| job.run_at).min();
            decided.added.into_iter().for_each(|job| changes.add(job.clone()));
            changes.events.extend(release.events(&schedule.task_id, request.interest));
            schedule.advance(release);
            advances.push((doc! {"_id": release.schedule_id.as_str()}, advanced(&schedule)));
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
