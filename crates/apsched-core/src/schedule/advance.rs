//! How does a schedule go on when it is released? Pure; every store asks it in the transaction that writes.
//!
//! Three questions, in this order: does the claim under which the release was planned still hold; what becomes of its jobs,
//! given that earlier ones are there or not; and which point has the schedule reached.

use chrono::{DateTime, Utc};

use super::{
    EarlierJobs, OverlapAction, Revision, Schedule, ScheduleAdvance, ScheduleRelease, ScheduleState,
};
use crate::event::{Event, EventInterest, EventType, FireTimesCutOff, ScheduleQuarantined, ScheduleUpdated};
use crate::id::{SchedulerId, TaskId};
use crate::job::{Job, JobOutcome};
use crate::lease::Lease;

/// The point that a schedule has reached: what moves when it fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulePoint {
    /// Whether it fires.
    pub state: ScheduleState,
    /// The next fire time.
    pub next_fire_time: Option<DateTime<Utc>>,
    /// The last fire time that became a job or was skipped.
    pub last_fire_time: Option<DateTime<Utc>>,
    /// How often it has fired.
    pub fires: u64,
}

impl SchedulePoint {
    /// The point after a release that holds, as its fire times have told.
    #[must_use]
    pub fn after(self, release: &ScheduleRelease) -> Self {
        let fires = self.fires.saturating_add(release.jobs.len() as u64);
        let last_fire_time = release.jobs.last().and_then(|job| job.fire_time).or(self.last_fire_time);
        let (next_fire_time, state) = match &release.advance {
            ScheduleAdvance::To { next_fire_time, .. } => {
                (*next_fire_time, ScheduleState::after_fire(*next_fire_time))
            }
            // Where it stood, for a user to see: it cannot be planned, so it does not fire.
            ScheduleAdvance::Quarantine(reason) => {
                (self.next_fire_time, ScheduleState::Quarantined(reason.clone()))
            }
        };
        Self { state, next_fire_time, last_fire_time, fires }
    }

    /// First instant at which a scheduler may acquire the schedule, now that nobody holds it.
    #[must_use]
    pub fn claimable_at(&self) -> Option<DateTime<Utc>> {
        self.next_fire_time.filter(|_| self.state == ScheduleState::Active)
    }
}

impl Schedule {
    /// Goes on as a release says whose claim holds; nobody holds it then.
    pub fn advance(&mut self, release: &ScheduleRelease) {
        let point = SchedulePoint {
            state: std::mem::take(&mut self.state),
            next_fire_time: self.next_fire_time,
            last_fire_time: self.last_fire_time,
            fires: self.fires,
        };
        let SchedulePoint { state, next_fire_time, last_fire_time, fires } = point.after(release);
        self.state = state;
        self.next_fire_time = next_fire_time;
        self.last_fire_time = last_fire_time;
        self.fires = fires;
        self.lease = None;
    }
}

/// What becomes of the jobs of a release.
#[derive(Clone, Debug)]
pub struct ReleasedJobs<'r> {
    /// What happens to the jobs of the schedule that are there.
    pub earlier: EarlierFate,
    /// Those that end without having been queued: skipped, or cancelled for a later one of the same release.
    pub ended: Vec<(&'r Job, JobOutcome)>,
    /// Those that are added.
    pub added: Vec<&'r Job>,
}

/// What happens to the jobs of a schedule that are there when it fires again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierFate {
    /// They go on.
    GoOn,
    /// Queued ones end as cancelled, running ones are asked to stop; before anything is added.
    AreCancelled,
}

impl ScheduleRelease {
    /// Whether the claim holds under which this was planned, and the definition is the one it was planned from.
    #[must_use]
    pub fn holds(&self, holder: &SchedulerId, lease: Option<&Lease>, revision: Revision) -> bool {
        lease.is_some_and(|lease| lease.is_held_by(holder, self.token)) && revision == self.revision
    }

    /// What becomes of its jobs, oldest first, by the overlap: each that is added is an earlier one for the next.
    #[must_use]
    pub fn jobs_after(&self, mut earlier: EarlierJobs) -> ReleasedJobs<'_> {
        let mut decided = ReleasedJobs { earlier: EarlierFate::GoOn, ended: Vec::new(), added: Vec::new() };
        for job in &self.jobs {
            match self.overlap.action(earlier) {
                OverlapAction::RecordSkipped => {
                    decided.ended.push((job, JobOutcome::Skipped));
                    continue;
                }
                OverlapAction::CancelEarlierAndAdd => {
                    decided.earlier = EarlierFate::AreCancelled;
                    let replaced = decided.added.drain(..).map(|job| (job, JobOutcome::Cancelled));
                    decided.ended.extend(replaced);
                }
                OverlapAction::Add => {}
            }
            earlier = EarlierJobs::Active;
            decided.added.push(job);
        }
        decided
    }

    /// What is told of the advance; of the jobs whoever writes them tells.
    #[must_use]
    pub fn events(&self, task_id: &TaskId, interest: EventInterest) -> Vec<Event> {
        let id = &self.schedule_id;
        match &self.advance {
            ScheduleAdvance::To { next_fire_time, cut_off } => {
                let cut_off =
                    cut_off.map(|(first, last)| FireTimesCutOff::new(id.clone(), first, last).into());
                let updated = || ScheduleUpdated::new(id.clone(), task_id.clone(), *next_fire_time).into();
                let updated = interest.includes(ScheduleUpdated::INTEREST).then(updated);
                cut_off.into_iter().chain(updated).collect()
            }
            ScheduleAdvance::Quarantine(reason) => {
                vec![ScheduleQuarantined::new(id.clone(), reason.to_string()).into()]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::{ExecutorName, JobId, ScheduleId, SchedulerName};
    use crate::job::{JobSettings, Retry};
    use crate::lease::LeaseToken;
    use crate::metadata::Metadata;
    use crate::payload::Payload;
    use crate::schedule::Overlap;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn job(fire_time: i64) -> Job {
        let settings = JobSettings {
            job_executor: ExecutorName::new("async").unwrap(),
            retry: Retry::none(),
            timeout: None,
            priority: 0,
            result_expiration_time: std::time::Duration::ZERO,
            metadata: Metadata::empty(),
        };
        let id = JobId::from(uuid::Uuid::from_u128(u128::try_from(fire_time).unwrap()));
        let task = TaskId::new("task").unwrap();
        let job = Job::new(id, task, Payload::unit(), Arc::new(settings), at(fire_time));
        Job { fire_time: Some(at(fire_time)), ..job }
    }

    fn release(overlap: Overlap, fire_times: &[i64], advance: ScheduleAdvance) -> ScheduleRelease {
        ScheduleRelease {
            schedule_id: ScheduleId::new("schedule").unwrap(),
            token: LeaseToken::new(3),
            revision: Revision::new(1),
            overlap,
            jobs: fire_times.iter().map(|fire_time| job(*fire_time)).collect(),
            advance,
        }
    }

    fn to(next: Option<i64>) -> ScheduleAdvance {
        ScheduleAdvance::To { next_fire_time: next.map(at), cut_off: None }
    }

    fn point(fires: u64, last: Option<i64>, next: Option<i64>) -> SchedulePoint {
        let (last_fire_time, next_fire_time) = (last.map(at), next.map(at));
        SchedulePoint { state: ScheduleState::Active, next_fire_time, last_fire_time, fires }
    }

    #[test]
    fn a_schedule_has_fired_once_for_each_job_skipped_or_not() {
        let before = point(4, Some(0), Some(10));
        let after = before.clone().after(&release(Overlap::Skip, &[10, 20], to(Some(30))));
        assert_eq!(after, point(6, Some(20), Some(30)));
        assert_eq!(after.claimable_at(), Some(at(30)));
        let without_jobs = before.after(&release(Overlap::Skip, &[], to(Some(30))));
        assert_eq!(without_jobs, point(4, Some(0), Some(30)));
    }

    #[test]
    fn without_a_next_fire_time_it_is_finished() {
        let after = point(4, Some(0), Some(10)).after(&release(Overlap::Skip, &[10], to(None)));
        assert_eq!(after.state, ScheduleState::Finished);
        assert_eq!(after.claimable_at(), None);
    }

    #[test]
    fn one_that_cannot_be_planned_stands_where_it_stood_and_is_not_acquired() {
        let reason = ScheduleAdvance::Quarantine("no reason".into());
        let after = point(4, Some(0), Some(10)).after(&release(Overlap::Skip, &[10], reason));
        assert_eq!(after.state, ScheduleState::Quarantined("no reason".into()));
        assert_eq!((after.next_fire_time, after.last_fire_time), (Some(at(10)), Some(at(10))));
        assert_eq!(after.claimable_at(), None);
    }

    #[test]
    fn a_claim_holds_by_holder_token_and_revision() {
        let holder = |run| SchedulerId::new(SchedulerName::new("a").unwrap(), run);
        let release = release(Overlap::Skip, &[], to(None));
        let lease = |run, token| Lease { holder: holder(run), token: LeaseToken::new(token), until: at(0) };
        let holds =
            |lease: Option<&Lease>, revision| release.holds(&holder(1), lease, Revision::new(revision));
        assert!(holds(Some(&lease(1, 3)), 1), "also when it has expired");
        assert!(!holds(Some(&lease(2, 3)), 1), "another run");
        assert!(!holds(Some(&lease(1, 4)), 1), "another claim");
        assert!(!holds(Some(&lease(1, 3)), 2), "edited since");
        assert!(!holds(None, 1));
    }

    /// What is added and what ends, by fire times.
    fn decided(overlap: Overlap, earlier: EarlierJobs) -> (EarlierFate, Vec<i64>, Vec<(i64, JobOutcome)>) {
        let release = release(overlap, &[10, 20, 30], to(None));
        let decided = release.jobs_after(earlier);
        let second = |job: &Job| job.fire_time.unwrap().timestamp() - at(0).timestamp();
        let added = decided.added.iter().map(|job| second(job)).collect();
        (decided.earlier, added, decided.ended.iter().map(|(job, end)| (second(job), *end)).collect())
    }

    #[test]
    fn of_several_fire_times_each_that_is_added_is_an_earlier_one_for_the_next() {
        use EarlierFate::{AreCancelled, GoOn};
        use JobOutcome::{Cancelled, Skipped};
        let (none, active) = (EarlierJobs::None, EarlierJobs::Active);
        assert_eq!(decided(Overlap::Queue, active), (GoOn, vec![10, 20, 30], vec![]));
        assert_eq!(decided(Overlap::Skip, none), (GoOn, vec![10], vec![(20, Skipped), (30, Skipped)]));
        assert_eq!(
            decided(Overlap::Skip, active),
            (GoOn, vec![], vec![(10, Skipped), (20, Skipped), (30, Skipped)])
        );
        for earlier in [none, active] {
            assert_eq!(
                decided(Overlap::Replace, earlier),
                (AreCancelled, vec![30], vec![(10, Cancelled), (20, Cancelled)])
            );
        }
    }

    #[test]
    fn what_is_told_of_an_advance_is_what_somebody_listens_to_and_what_went_wrong() {
        let task = TaskId::new("task").unwrap();
        let cut_off = ScheduleAdvance::To { next_fire_time: Some(at(9)), cut_off: Some((at(1), at(5))) };
        let cut_off = release(Overlap::Skip, &[], cut_off);
        let names = |events: Vec<Event>| events.iter().map(Event::name).collect::<Vec<_>>();
        assert_eq!(names(cut_off.events(&task, EventInterest::NONE)), ["FireTimesCutOff"]);
        assert_eq!(names(cut_off.events(&task, EventInterest::ALL)), ["FireTimesCutOff", "ScheduleUpdated"]);
        let failed = release(Overlap::Skip, &[], ScheduleAdvance::Quarantine("no reason".into()));
        assert_eq!(names(failed.events(&task, EventInterest::NONE)), ["ScheduleQuarantined"]);
    }
}
