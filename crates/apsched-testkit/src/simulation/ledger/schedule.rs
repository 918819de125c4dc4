//! Schedules: who plans them, which fire times became jobs, and what the user wrote last.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use apsched_core::job::JobStatus;
use apsched_core::schedule::{AddDecision, ScheduleAdvance, ScheduleEdit, ScheduleRelease, decide_add};
use apsched_core::store::{
    AcquireSchedules, ClaimedSchedule, Recover, RecoverScope, ReleaseSchedules, Released,
};
use apsched_core::{
    ConflictPolicy, DataStore, JobId, JobOutcome, Overlap, Schedule, ScheduleId, ScheduleState, instant,
};

use super::job_call::Claims;
use super::{Held, LONGEST_SCENARIO, Ledger, plan};
use crate::simulation::breach::{Check, Checked, Violation, ensure};
use crate::simulation::probe;

/// What is known of a schedule.
#[derive(Debug)]
pub(in crate::simulation) struct ScheduleEntry {
    /// As it must be in the store, its lease aside. `None`: removed.
    pub(in crate::simulation) now: Option<Schedule>,
    pub(in crate::simulation) held: Option<Held>,
    /// Grows when the user gives it another course of fire times.
    epoch: u32,
    /// Fire times that became a job or a recorded skip.
    pub(super) fired: BTreeSet<(u32, DateTime<Utc>)>,
    /// As it was added first.
    pub(super) first: Schedule,
    pub(super) edits: u32,
}

impl Ledger {
    pub(in crate::simulation) fn planned(&mut self, claimed: &[ClaimedSchedule], now: DateTime<Utc>) {
        for ClaimedSchedule { schedule, .. } in claimed {
            self.planned_at.insert((schedule.id.clone(), schedule.token), now);
        }
    }

    // ----- calls of schedulers -----

    pub(in crate::simulation) fn schedules_acquired(
        &mut self,
        request: &AcquireSchedules,
        claimed: &[ClaimedSchedule],
    ) -> Checked {
        for ClaimedSchedule { schedule, .. } in claimed {
            let id = &schedule.id;
            let entry = self
                .schedules
                .get_mut(id)
                .and_then(|entry| entry.now.as_mut().map(|now| (now, &mut entry.held)));
            let Some((known, held)) = entry else {
                let what = format!("schedule {id} was given out, but there is none any more");
                return Err(Violation::new(Check::LastWriteWins, what));
            };
            ensure(known.state == ScheduleState::Active, Check::LastWriteWins, || {
                format!("schedule {id} was given out, but is {}", known.state)
            })?;
            same_definition(known, schedule)?;
            ensure(known.next_fire_time.is_some_and(|at| at <= request.now), Check::NeverTooEarly, || {
                format!(
                    "schedule {id} was given out at {}, it is due at {:?}",
                    request.now, known.next_fire_time
                )
            })?;
            ensure(
                held.as_ref().is_none_or(|held| held.until <= request.now),
                Check::LeaseIsExclusive,
                || format!("schedule {id} was given to {} while {held:?} held it", request.scheduler_id),
            )?;
            ensure(schedule.token > known.token, Check::NoStaleWrite, || {
                format!(
                    "schedule {id} was given out under token {:?}, the last was {:?}",
                    schedule.token, known.token
                )
            })?;
            let until = instant::after(request.now, request.lease);
            let expected = Held { holder: request.scheduler_id.clone(), token: schedule.token, until };
            ensure(
                schedule.lease.as_ref().is_some_and(|lease| expected.is(lease)),
                Check::LeaseIsExclusive,
                || format!("schedule {id} was given out under {:?}, expected {expected:?}", schedule.lease),
            )?;
            known.token = schedule.token;
            *held = Some(expected);
        }
        Ok(())
    }

    pub(in crate::simulation) fn schedules_released<S: DataStore>(
        &mut self,
        store: &S,
        request: &ReleaseSchedules,
        released: &Released<ScheduleId>,
        now: DateTime<Utc>,
    ) -> Checked {
        for release in request.releases.iter() {
            let id = &release.schedule_id;
            release.jobs.iter().for_each(|job| self.propose(job));
            let entry = self.schedules.get(id);
            let known = entry.and_then(|entry| entry.now.as_ref());
            let is_held = entry.and_then(|entry| entry.held.as_ref());
            let is_held = is_held.is_some_and(|held| held.is_by(&request.scheduler_id, release.token));
            let is_same = known.is_some_and(|known| known.revision == release.revision);
            let is_refused = released.lost.contains(id);
            if is_held && is_same {
                ensure(!is_refused, Check::LeaseIsExclusive, || {
                    format!("the release of schedule {id} was refused although the claim holds")
                })?;
                self.fired(store, release, now)?;
            } else {
                let check = if is_same { Check::NoStaleWrite } else { Check::LastWriteWins };
                ensure(is_refused, check, || {
                    format!(
                        "a release of schedule {id} was accepted under a claim or definition that no longer holds"
                    )
                })?;
                self.tally.refused += 1;
                for job in &release.jobs {
                    self.look_up(store, job.id, Claims::Stay)?;
                }
            }
            self.compare(store, id)?;
        }
        Ok(())
    }

    /// A release that was accepted: its jobs are there, and the schedule goes on as planned.
    fn fired<S: DataStore>(&mut self, store: &S, release: &ScheduleRelease, now: DateTime<Utc>) -> Checked {
        let id = &release.schedule_id;
        let earlier: Vec<JobId> = self
            .unfinished()
            .filter(|job| job.job.schedule_id.as_ref() == Some(id))
            .map(|job| job.job.id)
            .collect();
        let bound = self.bounds.fire;
        let planned_at = self.planned_at.get(&(id.clone(), release.token)).copied().unwrap_or(now);
        let Some(entry) = self.schedules.get_mut(id) else { return Ok(()) };
        let Some(known) = &mut entry.now else { return Ok(()) };
        plan::check(known, release, planned_at)?;
        for fire_time in release.jobs.iter().filter_map(|job| job.fire_time) {
            ensure(entry.fired.insert((entry.epoch, fire_time)), Check::OneJobPerFireTime, || {
                format!("schedule {id} fired twice for {fire_time}")
            })?;
            let late = instant::between(fire_time, now);
            ensure(bound.is_none_or(|bound| late <= bound), Check::StartsInTime, || {
                format!("schedule {id} fired {late:?} late for {fire_time}, {bound:?} are allowed")
            })?;
        }
        entry.held = None;
        known.fires += release.jobs.len() as u64;
        known.last_fire_time = release.jobs.last().and_then(|job| job.fire_time).or(known.last_fire_time);
        match &release.advance {
            ScheduleAdvance::To { next_fire_time, .. } => {
                known.next_fire_time = *next_fire_time;
                known.state = ScheduleState::after_fire(*next_fire_time);
            }
            ScheduleAdvance::Quarantine(reason) => known.state = ScheduleState::Quarantined(reason.clone()),
        }
        self.tally.fire_times += release.jobs.len() as u64;
        self.check_overlap(store, release, earlier, now)
    }

    /// Each fire time is a job or a skip, as the overlap policy says, and earlier jobs go on or are cancelled.
    fn check_overlap<S: DataStore>(
        &mut self,
        store: &S,
        release: &ScheduleRelease,
        mut earlier: Vec<JobId>,
        now: DateTime<Utc>,
    ) -> Checked {
        for job in &release.jobs {
            let is_skipped = release.overlap == Overlap::Skip && !earlier.is_empty();
            if release.overlap == Overlap::Replace {
                for id in &earlier {
                    self.cancel_asked(store, *id)?;
                }
                earlier.retain(|id| self.jobs.get(id).is_some_and(|entry| entry.outcome.is_none()));
            }
            let status = probe::read(store.job_status(job.id))?;
            if matches!(status, JobStatus::Unknown) {
                let what = format!(
                    "schedule {}: the fire time {:?} left no job",
                    release.schedule_id, job.fire_time
                );
                return Err(Violation::new(Check::NoFireTimeLost, what));
            }
            let skipped =
                matches!(&status, JobStatus::Finished(result) if result.outcome == JobOutcome::Skipped);
            ensure(skipped == is_skipped, Check::NoFireTimeLost, || {
                format!(
                    "schedule {}, overlap {:?}, {} earlier jobs: {status:?}",
                    release.schedule_id,
                    release.overlap,
                    earlier.len()
                )
            })?;
            self.commit(store, job.id, now)?;
            if !is_skipped {
                earlier.push(job.id);
            }
        }
        Ok(())
    }

    pub(in crate::simulation) fn schedules_recovered<S: DataStore>(
        &mut self,
        store: &S,
        request: &Recover,
    ) -> Checked {
        for entry in self.schedules.values_mut() {
            let (Some(known), Some(held)) = (&mut entry.now, &entry.held) else { continue };
            let found = probe::read(store.schedule(&known.id))?;
            if found.as_ref().is_some_and(|found| found.lease.is_some()) {
                continue;
            }
            let is_predecessor = request.scope == RecoverScope::ExpiredAndPredecessors
                && request.scheduler_id.is_other_run_of(&held.holder);
            ensure(is_predecessor || held.until <= request.now, Check::LeaseIsExclusive, || {
                format!("schedule {} was taken from {} before its lease had expired", known.id, held.holder)
            })?;
            known.token = found.map_or(known.token, |found| found.token);
            entry.held = None;
        }
        Ok(())
    }

    pub(in crate::simulation) fn cleaned_up<S: DataStore>(&mut self, store: &S) -> Checked {
        let ids: Vec<ScheduleId> = self.schedules.keys().cloned().collect();
        for id in ids {
            let has_jobs = self.unfinished().any(|job| job.job.schedule_id.as_ref() == Some(&id));
            let Some(entry) = self.schedules.get_mut(&id) else { continue };
            let is_removable =
                entry.now.as_ref().is_some_and(|now| now.state == ScheduleState::Finished) && !has_jobs;
            if is_removable && probe::read(store.schedule(&id))?.is_none() {
                entry.now = None;
                entry.held = None;
            }
            self.compare(store, &id)?;
        }
        Ok(())
    }

    // ----- users -----

    pub(in crate::simulation) fn schedule_added<S: DataStore>(
        &mut self,
        store: &S,
        schedule: &Schedule,
        policy: ConflictPolicy,
    ) -> Checked {
        let id = schedule.id.clone();
        let existing = self.schedules.get(&id).and_then(|entry| entry.now.as_ref());
        let written = match decide_add(existing, schedule.clone(), policy) {
            AddDecision::Insert(schedule) | AddDecision::Overwrite(schedule) => Some(*schedule),
            AddDecision::Keep | AddDecision::Refuse => None,
        };
        if let Some(written) = written {
            match self.schedules.get_mut(&id) {
                Some(entry) => entry.overwrite(written),
                None => drop(self.schedules.insert(id.clone(), ScheduleEntry::new(written))),
            }
        }
        self.compare(store, &id)
    }

    pub(in crate::simulation) fn schedule_edited<S: DataStore>(
        &mut self,
        store: &S,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> Checked {
        if let Some(entry) = self.schedules.get_mut(id)
            && let Some(known) = &entry.now
        {
            // The rule itself refuses an edit that cannot be planned; the store then has said so.
            if let Ok(edited) = edit.applied_to(known, now) {
                entry.overwrite(edited);
            }
        }
        self.compare(store, id)
    }

    pub(in crate::simulation) fn schedule_removed<S: DataStore>(
        &mut self,
        store: &S,
        id: &ScheduleId,
    ) -> Checked {
        if let Some(entry) = self.schedules.get_mut(id) {
            entry.now = None;
            entry.held = None;
            entry.epoch += 1;
            entry.edits += 1;
        }
        self.compare(store, id)
    }

    /// What the store has must be what was written last.
    pub(super) fn compare<S: DataStore>(&self, store: &S, id: &ScheduleId) -> Checked {
        let found = probe::read(store.schedule(id))?;
        let known = self.schedules.get(id).and_then(|entry| entry.now.as_ref());
        match (known, &found) {
            (None, None) => Ok(()),
            (Some(known), Some(found)) => {
                same_definition(known, found)?;
                let held = self.schedules.get(id).and_then(|entry| entry.held.as_ref());
                let is_same = match (held, &found.lease) {
                    (Some(held), Some(lease)) => held.is(lease),
                    (held, lease) => held.is_none() && lease.is_none(),
                };
                ensure(is_same, Check::LeaseIsExclusive, || {
                    format!("schedule {id} is held by {:?}, expected {held:?}", found.lease)
                })
            }
            (known, found) => {
                let word = |there: bool| if there { "there" } else { "gone" };
                let what =
                    format!("schedule {id} is {}, expected {}", word(found.is_some()), word(known.is_some()));
                Err(Violation::new(Check::LastWriteWins, what))
            }
        }
    }
}

impl ScheduleEntry {
    fn new(schedule: Schedule) -> Self {
        let first = schedule.clone();
        Self { now: Some(schedule), held: None, epoch: 0, fired: BTreeSet::new(), first, edits: 0 }
    }

    /// The user wrote it.
    fn overwrite(&mut self, written: Schedule) {
        let goes_on = self
            .now
            .as_ref()
            .is_some_and(|now| now.trigger == written.trigger && now.created_at == written.created_at);
        if !goes_on {
            self.epoch += 1;
        }
        self.edits += 1;
        self.now = Some(written);
        self.held = None;
    }

    /// Whether it is due, and nobody holds it for longer than a scenario lasts.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let due = self.now.as_ref().filter(|known| known.state == ScheduleState::Active);
        let is_held =
            self.held.as_ref().is_some_and(|held| held.until > instant::after(now, LONGEST_SCENARIO));
        due.and_then(|known| known.next_fire_time).is_some_and(|at| at <= now) && !is_held
    }
}

fn same_definition(known: &Schedule, found: &Schedule) -> Checked {
    let of = |schedule: &Schedule| {
        (
            schedule.revision,
            schedule.state.as_str(),
            schedule.next_fire_time,
            schedule.last_fire_time,
            schedule.fires,
        )
    };
    let is_same = of(known) == of(found)
        && known.settings == found.settings
        && known.task_id == found.task_id
        && known.trigger.is_same_definition(&found.trigger);
    ensure(is_same, Check::LastWriteWins, || {
        format!("schedule {} is {found} {:?}, written was {known} {:?}", known.id, of(found), of(known))
    })
}
