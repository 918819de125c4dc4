//! Which jobs are there already: by their id, or by the fire time of their schedule, of which there is one job.
//!
//! Ids are made by whoever adds a job, and a fire time is planned once. So both are free, but for a call that is repeated and a schedule
//! that is replaced while its jobs wait: then an insertion fails by its index, and all is done anew after a look.

use std::collections::{BTreeMap, HashSet};

use apsched_core::{Job, JobId, ScheduleId};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};

use crate::collections::{Collections, Raw};
use crate::document::{MOST_IDS, job_id, number, text, uuids};
use crate::error::Outcome;
use crate::statement;

/// Whether it is looked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    Free,
    MayBeTaken,
}

/// Most jobs that are looked for at once, by their ids and their fire times: the server plans each of these for itself.
const MOST_LOOKED_FOR: usize = 1_000;

/// How often is begun anew when somebody else adds the same at the same moment.
pub(crate) const ATTEMPTS: u32 = 5;

/// What is taken, as far as was looked, and by the jobs that were admitted.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    ids: HashSet<JobId>,
    fire_times: HashSet<(ScheduleId, DateTime<Utc>)>,
}

impl Taken {
    /// Looks for jobs that are queued or run, other than those that `end` in the same transaction.
    pub(crate) async fn in_queue(
        collections: &Collections,
        session: &mut ClientSession,
        jobs: &[Job],
        end: &[JobId],
    ) -> Outcome<Self> {
        let mut taken = Self::default();
        let end: HashSet<JobId> = end.iter().copied().collect();
        for jobs in jobs.chunks(MOST_LOOKED_FOR) {
            let found = collections.jobs.find(same(jobs)).projection(doc! {"schedule_id": 1, "fire_time": 1});
            for raw in statement::all(found.session(&mut *session).await?, session).await? {
                let job = job_id(&raw);
                // The server would plan their exclusion for each fire time anew.
                if job.is_some_and(|job| end.contains(&job)) {
                    continue;
                }
                taken.ids.extend(job);
                let id = text(&raw, "schedule_id").and_then(|id| ScheduleId::new(id).ok());
                let at = number(&raw, "fire_time").and_then(DateTime::from_timestamp_micros);
                taken.fire_times.extend(id.zip(at));
            }
        }
        Ok(taken)
    }

    /// Learns which of the jobs have ended, as their results tell.
    pub(crate) async fn learn_results(
        &mut self,
        results: &Raw,
        session: &mut ClientSession,
        jobs: &[Job],
    ) -> Outcome<()> {
        for jobs in jobs.chunks(MOST_IDS) {
            let found = results.find(of(jobs)).projection(doc! {"_id": 1}).session(&mut *session).await?;
            self.ids.extend(statement::all(found, session).await?.iter().filter_map(|raw| job_id(raw)));
        }
        Ok(())
    }

    /// Whether the job can be added; of several that are the same the first can.
    pub(crate) fn admit(&mut self, job: &Job) -> bool {
        let is_planned = fire_time(job).is_some_and(|(id, at)| self.fire_times.contains(&(id.clone(), at)));
        if is_planned || !self.ids.insert(job.id) {
            return false;
        }
        self.fire_times.extend(fire_time(job).map(|(id, at)| (id.clone(), at)));
        true
    }
}

fn of(jobs: &[Job]) -> Document {
    let ids: Vec<Bson> = uuids(jobs.iter().map(|job| job.id));
    doc! {"_id": {"$in": ids}}
}

/// Jobs of the same ids, and those for the same fire times, schedule by schedule.
fn same(jobs: &[Job]) -> Document {
    let mut fire_times: BTreeMap<&ScheduleId, Vec<i64>> = BTreeMap::new();
    for (id, at) in jobs.iter().filter_map(fire_time) {
        fire_times.entry(id).or_default().push(at.timestamp_micros());
    }
    let fire_times = fire_times.into_iter();
    let planned = fire_times.map(|(id, at)| doc! {"schedule_id": id.as_str(), "fire_time": {"$in": at}});
    doc! {"$or": std::iter::once(of(jobs)).chain(planned).collect::<Vec<Document>>()}
}

/// The fire time that the job is the one of. One that was fired by hand has none.
fn fire_time(job: &Job) -> Option<(&ScheduleId, DateTime<Utc>)> {
    job.schedule_id.as_ref().zip(job.fire_time)
}

#[cfg(test)]
mod tests {
    use apsched_testkit::sample::{self, at, schedule_id};

    use super::*;

    #[test]
    fn of_jobs_for_one_fire_time_the_first_is_admitted_and_those_fired_by_hand_all_are() {
        let mut taken = Taken::default();
        let mut admit = |fire_time: Option<i64>, schedule: &str| {
            let job = sample::job().build();
            let fire_time = fire_time.map(at);
            taken.admit(&Job { schedule_id: Some(schedule_id(schedule)), fire_time, ..job })
        };

        assert!(admit(Some(1), "s"));
        assert!(!admit(Some(1), "s"));
        assert!(admit(Some(2), "s") && admit(Some(1), "t"));
        assert!(admit(None, "s") && admit(None, "s"));
    }
}
