//! Writes what became of acquired schedules: their jobs and their advance, each schedule in one transaction.
//!
//! As many schedules share a transaction as have some thousand jobs together: one that went on for long would be cut off, done anew, and
//! cut off again. When it fails after some of them were written, all are released anew, and those that were are lost to that.

use std::collections::{HashMap, HashSet};

use apsched_core::event::Wakeup;
use apsched_core::job::FinishedAttempt;
use apsched_core::schedule::{EarlierFate, EarlierJobs, Overlap, ScheduleRelease};
use apsched_core::store::{ReleaseSchedules, Released};
use apsched_core::{Schedule, ScheduleId};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};

use super::remove_schedule::cancel_jobs_of;
use super::taken::{ATTEMPTS, Keys, Taken};
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
    let mut released = Released::default();
    let mut first = Wakeup::new(None, None);
    for releases in parts(&request.releases) {
        let (part, wakeup) = release_part(connection, request, releases).await?;
        released.events.extend(part.events);
        released.lost.extend(part.lost);
        first.jobs_at = first.jobs_at.into_iter().chain(wakeup.jobs_at).min();
        first.schedules_at = first.schedules_at.into_iter().chain(wakeup.schedules_at).min();
    }
    if first != Wakeup::new(None, None) {
        released.events.push(first.into());
    }
    Ok(released)
}

/// Most jobs of the schedules that are released in one transaction, unless one of them has more.
const MOST_JOBS: usize = 10_000;

/// Releases in the order in which they are asked for, as many at once as have no more than [`MOST_JOBS`].
fn parts(releases: &[ScheduleRelease]) -> Vec<&[ScheduleRelease]> {
    let (mut parts, mut start, mut jobs) = (Vec::new(), 0, 0);
    for (index, release) in releases.iter().enumerate() {
        jobs += release.jobs.len();
        if jobs > MOST_JOBS && index > start {
            parts.push(&releases[start..index]);
            (start, jobs) = (index, release.jobs.len());
        }
    }
    parts.push(&releases[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The wakeup is what is due then; it is not among the events.
async fn release_part(
    connection: &Connection,
    request: &ReleaseSchedules,
    releases: &[ScheduleRelease],
) -> Outcome<(Released<ScheduleId>, Wakeup)> {
    let mut release = Release { connection, request, releases, keys: Keys::Free };
    for _ in 1..ATTEMPTS {
        match connection.transaction(Patience::Long, &release).await {
            Err(problem) if problem.is_duplicate() => release.keys = Keys::MayBeTaken,
            answer => return answer,
        }
    }
    connection.transaction(Patience::Long, &release).await
}

struct Release<'a> {
    connection: &'a Connection,
    request: &'a ReleaseSchedules,
    releases: &'a [ScheduleRelease],
    keys: Keys,
}

impl Work for Release<'_> {
    type Done = (Released<ScheduleId>, Wakeup);

    async fn run(&self, session: &mut ClientSession) -> Outcome<Self::Done> {
        let Self { connection, request, releases, keys } = *self;
        let mut schedules = read_schedules(connection, session, releases).await?;
        let active = with_active_jobs(connection, session, releases).await?;
        let mut changes = JobChanges::new(request.interest);
        let (mut lost, mut added) = (Vec::new(), Vec::new());
        let mut advances = Vec::with_capacity(releases.len());
        let mut wakeup = Wakeup::new(None, None);
        for release in releases {
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
            added.extend(decided.added.into_iter().cloned());
            changes.events.extend(release.events(&schedule.task_id, request.interest));
            schedule.advance(release);
            advances.push((doc! {"_id": release.schedule_id.as_str()}, advanced(&schedule)));
            wakeup.jobs_at = wakeup.jobs_at.into_iter().chain(jobs_at).min();
            wakeup.schedules_at = wakeup.schedules_at.into_iter().chain(schedule.claimable_at()).min();
        }
        let collections = connection.collections();
        if keys == Keys::MayBeTaken {
            let mut taken = Taken::in_queue(collections, session, &added, changes.gone()).await?;
            added.retain(|job| taken.admit(job));
        }
        added.into_iter().for_each(|job| changes.add(job));
        statement::update_each(collections, &collections.schedules, advances, session).await?;
        let events = changes.write(collections, session).await?;
        Ok((Released { events, lost }, wakeup))
    }
}

/// Those that are there and can be read, without their payloads.
async fn read_schedules(
    connection: &Connection,
    session: &mut ClientSession,
    releases: &[ScheduleRelease],
) -> Outcome<HashMap<String, Schedule>> {
    let ids: Vec<&str> = releases.iter().map(|release| release.schedule_id.as_str()).collect();
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

#[cfg(test)]
mod tests {
    use apsched_core::schedule::ScheduleAdvance;
    use apsched_testkit::sample::{self, schedule_id};

    use super::*;

    fn release(jobs: usize) -> ScheduleRelease {
        let advance = ScheduleAdvance::To { next_fire_time: None, cut_off: None };
        let job = sample::job().build();
        let (schedule_id, overlap) = (schedule_id("s"), Overlap::Queue);
        let (token, revision, jobs) = (Default::default(), Default::default(), vec![job; jobs]);
        ScheduleRelease { schedule_id, token, revision, overlap, jobs, advance }
    }

    #[test]
    fn a_transaction_has_so_many_jobs_and_no_more_unless_one_schedule_has() {
        for (jobs, expected) in [
            (vec![], vec![]),
            (vec![0, 1], vec![2]),
            (vec![MOST_JOBS, 0, 1], vec![2, 1]),
            (vec![1, MOST_JOBS + 1, 1], vec![1, 1, 1]),
            (vec![MOST_JOBS / 2; 5], vec![2, 2, 1]),
        ] {
            let releases: Vec<ScheduleRelease> = jobs.iter().copied().map(release).collect();
            let sizes: Vec<usize> = parts(&releases).iter().map(|part| part.len()).collect();
            assert_eq!(sizes, expected, "{jobs:?}");
        }
    }
}
