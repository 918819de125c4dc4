//! The end of a run: what is still open, and whether the account agrees with the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use apsched_core::event::EventInterest;
use apsched_core::job::{FinishedAttempt, JobRelease, JobSettings, Release};
use apsched_core::store::{AcquireJobs, JobFilter, ReleaseJobs};
use apsched_core::{
    Abilities, Coalesce, DataStore, ExecutorName, Job, JobIds, JobOutcome, Payload, ScheduleState,
    SchedulerId, TaskId, instant,
};

use super::job_call::Claims;
use super::plan::walk;
use super::{LONGEST_SCENARIO, Ledger};
use crate::simulation::breach::{Check, Checked, ensure};
use crate::simulation::probe;

impl Ledger {
    /// What is still to be done at `now`, if anything. `can_run` says whether a node could run a job at all.
    pub(in crate::simulation) fn open(
        &self,
        now: DateTime<Utc>,
        can_run: impl Fn(&Job) -> bool,
    ) -> Option<String> {
        let job = self.unfinished().find(|entry| entry.held.is_some() || can_run(&entry.job));
        let due = self.schedules.values().find(|entry| entry.is_due(now));
        job.map(|entry| format!("{entry}, held: {:?}", entry.held))
            .or_else(|| due.and_then(|entry| entry.now.as_ref()).map(|now| format!("schedule {now}")))
    }

    /// Whether a scheduler still holds something.
    pub(in crate::simulation) fn held_by(&self, holder: &SchedulerId) -> Option<String> {
        let jobs =
            self.jobs.values().find(|entry| entry.held.as_ref().is_some_and(|held| held.holder == *holder));
        let holds =
            |entry: &&super::ScheduleEntry| entry.held.as_ref().is_some_and(|held| held.holder == *holder);
        let schedule = self.schedules.values().find(holds).and_then(|entry| entry.now.as_ref());
        jobs.map(ToString::to_string).or_else(|| schedule.map(|now| format!("schedule {now}")))
    }

    /// Compares everything with the store, at the end.
    pub(in crate::simulation) fn balance<S: DataStore>(&mut self, store: &S) -> Checked {
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.look_up(store, id, Claims::Stay)?;
        }
        for id in self.schedules.keys() {
            self.compare(store, id)?;
        }
        let queued: BTreeSet<_> = self.unfinished().map(|entry| entry.job.id).collect();
        let found: BTreeSet<_> =
            probe::read(store.jobs(&JobFilter::default()))?.iter().map(|job| job.id).collect();
        ensure(found == queued, Check::CommittedWorkEnds, || {
            format!("the store lists the jobs {found:?}, expected {queued:?}")
        })?;
        self.schedules.values().try_for_each(|entry| entry.check_every_fire_time())
    }

    /// As many jobs of each task can be acquired as the task allows, now that none runs.
    pub(in crate::simulation) fn check_slots<S: DataStore>(
        &self,
        store: &S,
        prober: &SchedulerId,
        ids: &mut JobIds,
        now: DateTime<Utc>,
    ) -> Checked {
        for (task, limit) in &self.limits {
            let wanted = limit.map_or(5, |limit| limit as usize);
            let executor = prober_executor();
            let job = |_| probing_job(task, &executor, ids.next(now), now);
            let jobs: Vec<Job> = (0..=wanted).map(job).collect();
            probe::read(store.add_jobs(jobs, EventInterest::NONE))?;
            let request = AcquireJobs {
                scheduler_id: prober.clone(),
                now,
                lease: Duration::from_secs(60),
                limit: if limit.is_none() { wanted } else { wanted + 1 },
                abilities: Arc::new(Abilities::new([task.clone()], [executor.clone()])),
                interest: EventInterest::NONE,
            };
            let (acquired, _) = probe::read(store.acquire_jobs(request))?;
            ensure(acquired.len() == wanted, Check::SlotComesBack, || {
                format!(
                    "{} jobs of the idle task {task} could be acquired, expected {wanted}",
                    acquired.len()
                )
            })?;
            let end = |job: &Job| JobRelease {
                job_id: job.id,
                token: job.token,
                release: Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, now)),
            };
            let releases = Arc::new(acquired.iter().map(end).collect());
            let scheduler_id = prober.clone();
            let released = probe::read(store.release_jobs(ReleaseJobs {
                scheduler_id,
                now,
                releases,
                interest: EventInterest::NONE,
            }))?;
            ensure(released.lost.is_empty(), Check::LeaseIsExclusive, || {
                format!("the release of {:?} was refused although the claim holds", released.lost)
            })?;
        }
        Ok(())
    }
}

/// An executor of no node.
fn prober_executor() -> ExecutorName {
    ExecutorName::new("prober").expect("a constant that is a valid name")
}

fn probing_job(task: &TaskId, executor: &ExecutorName, id: apsched_core::JobId, now: DateTime<Utc>) -> Job {
    let settings = JobSettings {
        job_executor: executor.clone(),
        retry: apsched_core::Retry::none(),
        timeout: None,
        priority: 0,
        result_expiration_time: Duration::ZERO,
        metadata: apsched_core::Metadata::empty(),
    };
    Job::new(id, task.clone(), Payload::unit(), Arc::new(settings), now)
}

impl super::ScheduleEntry {
    /// A schedule that nobody touched, and that keeps everything, has fired for its trigger's whole sequence.
    fn check_every_fire_time(&self) -> Checked {
        let first = &self.first;
        let settings = &first.settings;
        let keeps_all = settings.coalesce == Coalesce::All
            && settings.max_fires.is_none()
            && settings.max_catch_up >= 1000;
        let is_whole = self.now.as_ref().is_none_or(|now| now.state == ScheduleState::Finished);
        let Some(start) = first.next_fire_time.filter(|_| self.edits == 0 && keeps_all && is_whole) else {
            return Ok(());
        };
        let Ok((expected, _)) = walk(&first.trigger, start, instant::after(start, LONGEST_SCENARIO)) else {
            return Ok(());
        };
        let fired: Vec<DateTime<Utc>> = self.fired.iter().map(|(_, fire_time)| *fire_time).collect();
        ensure(fired == expected, Check::NoFireTimeLost, || {
            format!("schedule {}: fired for {fired:?}, its trigger says {expected:?}", first.id)
        })
    }
}
