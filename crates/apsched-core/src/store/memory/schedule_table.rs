//! Schedules, and when each can be claimed.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::id::ScheduleId;
use crate::instant;
use crate::lease::{Lease, LeaseToken};
use crate::schedule::{Schedule, ScheduleState};
use crate::store::{AcquireSchedules, ScheduleFilter};

#[derive(Debug, Default)]
pub(super) struct ScheduleTable {
    schedules: HashMap<ScheduleId, Box<Schedule>>,
    /// By [`Schedule::claimable_at`].
    claimable: BTreeSet<(DateTime<Utc>, ScheduleId)>,
    finished: BTreeSet<ScheduleId>,
    /// Greatest token of a schedule that was removed: one that is added under its id goes on from there, so that no claim
    /// on the old one fits the new.
    removed_token: LeaseToken,
}

impl ScheduleTable {
    pub(super) fn get(&self, id: &ScheduleId) -> Option<&Schedule> {
        self.schedules.get(id).map(|schedule| &**schedule)
    }

    /// Writes a schedule, in place of one of its id.
    pub(super) fn put(&mut self, mut schedule: Box<Schedule>) {
        match self.schedules.get_mut(&schedule.id) {
            Some(existing) => {
                Self::unindex(&mut self.claimable, &mut self.finished, existing);
                Self::index(&mut self.claimable, &mut self.finished, &schedule);
                *existing = schedule;
            }
            None => {
                schedule.token = schedule.token.max(self.removed_token);
                Self::index(&mut self.claimable, &mut self.finished, &schedule);
                self.schedules.insert(schedule.id.clone(), schedule);
            }
        }
    }

    /// Changes a schedule in place.
    pub(super) fn change(&mut self, id: &ScheduleId, change: impl FnOnce(&mut Schedule)) {
        if let Some(schedule) = self.schedules.get_mut(id) {
            Self::unindex(&mut self.claimable, &mut self.finished, schedule);
            change(schedule);
            Self::index(&mut self.claimable, &mut self.finished, schedule);
        }
    }

    pub(super) fn remove(&mut self, id: &ScheduleId) -> Option<Box<Schedule>> {
        let schedule = self.schedules.remove(id)?;
        Self::unindex(&mut self.claimable, &mut self.finished, &schedule);
        self.removed_token = self.removed_token.max(schedule.token);
        Some(schedule)
    }

    fn index(
        claimable: &mut BTreeSet<(DateTime<Utc>, ScheduleId)>,
        finished: &mut BTreeSet<ScheduleId>,
        schedule: &Schedule,
    ) {
        if let Some(at) = schedule.claimable_at() {
            claimable.insert((at, schedule.id.clone()));
        }
        if schedule.state == ScheduleState::Finished {
            finished.insert(schedule.id.clone());
        }
    }

    fn unindex(
        claimable: &mut BTreeSet<(DateTime<Utc>, ScheduleId)>,
        finished: &mut BTreeSet<ScheduleId>,
        schedule: &Schedule,
    ) {
        if let Some(at) = schedule.claimable_at() {
            claimable.remove(&(at, schedule.id.clone()));
        }
        if schedule.state == ScheduleState::Finished {
            finished.remove(&schedule.id);
        }
    }

    pub(super) fn acquire(&mut self, request: &AcquireSchedules) -> Vec<Schedule> {
        let until = instant::after(request.now, request.lease);
        let due = self.claimable.iter().take_while(|(at, _)| *at <= request.now).take(request.limit);
        let ids: Vec<ScheduleId> = due.map(|(_, id)| id.clone()).collect();
        let mut acquired = Vec::with_capacity(ids.len());
        for id in ids {
            self.change(&id, |schedule| {
                schedule.token = schedule.token.next();
                let holder = request.scheduler_id.clone();
                schedule.lease = Some(Box::new(Lease { holder, token: schedule.token, until }));
                acquired.push(schedule.clone());
            });
        }
        acquired.sort_by(|a, b| (a.next_fire_time, &a.id).cmp(&(b.next_fire_time, &b.id)));
        acquired
    }

    pub(super) fn first_claimable(&self) -> Option<DateTime<Utc>> {
        self.claimable.first().map(|(at, _)| *at)
    }

    /// Drops the leases that `is_orphaned`.
    pub(super) fn drop_leases(&mut self, is_orphaned: impl Fn(&Lease) -> bool) {
        let leased =
            self.schedules.values().filter(|schedule| schedule.lease.as_deref().is_some_and(&is_orphaned));
        let ids: Vec<ScheduleId> = leased.map(|schedule| schedule.id.clone()).collect();
        for id in ids {
            self.change(&id, |schedule| {
                schedule.lease = None;
                schedule.token = schedule.token.next();
            });
        }
    }

    pub(super) fn list(&self, filter: &ScheduleFilter) -> Vec<Schedule> {
        let mut listed: Vec<&Schedule> = self
            .schedules
            .values()
            .map(|schedule| &**schedule)
            .filter(|schedule| filter.admits(schedule))
            .collect();
        let place = |schedule: &Schedule| schedule.next_fire_time.unwrap_or(DateTime::<Utc>::MAX_UTC);
        listed.sort_unstable_by(|a, b| (place(a), &a.id).cmp(&(place(b), &b.id)));
        listed.into_iter().take(filter.limit.unwrap_or(usize::MAX)).cloned().collect()
    }

    pub(super) fn finished(&self) -> impl Iterator<Item = &ScheduleId> {
        self.finished.iter()
    }
}
