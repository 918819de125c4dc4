//! Schedules, and when each can be acquired.

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
    index: Index,
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
                self.index.remove(existing);
                self.index.insert(&schedule);
                *existing = schedule;
            }
            None => {
                schedule.token = schedule.token.max(self.removed_token);
                self.index.insert(&schedule);
                self.schedules.insert(schedule.id.clone(), schedule);
            }
        }
    }

    /// Changes a schedule in place.
    pub(super) fn change(&mut self, id: &ScheduleId, change: impl FnOnce(&mut Schedule)) {
        if let Some(schedule) = self.schedules.get_mut(id) {
            self.index.remove(schedule);
            change(schedule);
            self.index.insert(schedule);
        }
    }

    pub(super) fn remove(&mut self, id: &ScheduleId) -> Option<Box<Schedule>> {
        let schedule = self.schedules.remove(id)?;
        self.index.remove(&schedule);
        self.removed_token = self.removed_token.max(schedule.token);
        Some(schedule)
    }

    pub(super) fn acquire(&mut self, request: &AcquireSchedules) -> Vec<Schedule> {
        let until = instant::after(request.now, request.lease);
        let ids = self.index.claimable(request.now, request.limit);
        let mut acquired = Vec::with_capacity(ids.len());
        for id in ids {
            self.change(&id, |schedule| {
                schedule.token = schedule.token.next();
                let holder = request.scheduler_id.clone();
                schedule.lease = Some(Box::new(Lease { holder, token: schedule.token, until }));
                acquired.push(schedule.clone());
            });
        }
        acquired
    }

    pub(super) fn first_claimable(&self) -> Option<DateTime<Utc>> {
        self.index.first_claimable()
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
        self.index.finished.iter()
    }
}

/// Which schedules can be claimed when, and which are finished.
#[derive(Debug, Default)]
struct Index {
    /// Those that nobody holds, by next fire time.
    free: BTreeSet<(DateTime<Utc>, ScheduleId)>,
    /// Those that are held, by [`Schedule::claimable_at`]; few, and rarely looked at. With their next fire time.
    held: BTreeSet<(DateTime<Utc>, DateTime<Utc>, ScheduleId)>,
    finished: BTreeSet<ScheduleId>,
}

impl Index {
    fn insert(&mut self, schedule: &Schedule) {
        match (schedule.claimable_at(), schedule.next_fire_time) {
            (Some(at), Some(next)) if schedule.lease.is_some() => {
                self.held.insert((at, next, schedule.id.clone()));
            }
            (Some(at), _) => {
                self.free.insert((at, schedule.id.clone()));
            }
            (None, _) => {}
        }
        if schedule.state == ScheduleState::Finished {
            self.finished.insert(schedule.id.clone());
        }
    }

    fn remove(&mut self, schedule: &Schedule) {
        match (schedule.claimable_at(), schedule.next_fire_time) {
            (Some(at), Some(next)) if schedule.lease.is_some() => {
                self.held.remove(&(at, next, schedule.id.clone()));
            }
            (Some(at), _) => {
                self.free.remove(&(at, schedule.id.clone()));
            }
            (None, _) => {}
        }
        if schedule.state == ScheduleState::Finished {
            self.finished.remove(&schedule.id);
        }
    }

    /// The schedules to claim at `now`, earliest next fire time first.
    fn claimable(&self, now: DateTime<Utc>, limit: usize) -> Vec<ScheduleId> {
        let free = self.free.iter().take_while(|(next, _)| *next <= now).take(limit);
        let mut due: Vec<_> = free.map(|(next, id)| (*next, id)).collect();
        let expired = self.held.iter().take_while(|(at, _, _)| *at <= now).map(|(_, next, id)| (*next, id));
        let unexpired = due.len();
        due.extend(expired);
        if due.len() > unexpired {
            due.sort_unstable();
        }
        due.into_iter().take(limit).map(|(_, id)| id.clone()).collect()
    }

    fn first_claimable(&self) -> Option<DateTime<Utc>> {
        let free = self.free.first().map(|(next, _)| *next);
        let held = self.held.first().map(|(at, _, _)| *at);
        free.into_iter().chain(held).min()
    }
}
