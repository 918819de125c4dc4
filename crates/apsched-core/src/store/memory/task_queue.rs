//! The queued jobs of one task, and how many of it run.
//!
//! A task has one queue for each executor its jobs name, so neither a saturated task nor an executor that a caller
//! does not have stands in anybody's way. Jobs mostly arrive in claim order and then cost a push at the end; only one
//! that belongs further in front goes into an ordered set.
//!
//! A job that leaves the queue early (cancelled) leaves its place behind; a place at which no job waits any more is
//! dropped when it comes to the front.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::id::{ExecutorName, TaskId};
use crate::job::{Abilities, ClaimOrder, Slots, admission};
use crate::task::TaskDefinition;

#[derive(Debug)]
pub(super) struct TaskQueue {
    pub(super) id: TaskId,
    pub(super) definition: Option<Arc<TaskDefinition>>,
    pub(super) running: usize,
    lanes: Vec<Lane>,
}

/// The queued jobs of one task and executor.
#[derive(Debug)]
pub(super) struct Lane {
    executor: ExecutorName,
    ready: ReadyJobs,
    delayed: BTreeSet<(DateTime<Utc>, ClaimOrder)>,
}

#[derive(Debug, Default)]
struct ReadyJobs {
    in_order: VecDeque<ClaimOrder>,
    strays: BTreeSet<ClaimOrder>,
}

impl TaskQueue {
    pub(super) const fn new(id: TaskId) -> Self {
        Self { id, definition: None, running: 0, lanes: Vec::new() }
    }

    /// How many more of its jobs may start.
    pub(super) fn free_slots(&self) -> usize {
        self.slots().free()
    }

    pub(super) fn slots(&self) -> Slots {
        let max_running_jobs =
            self.definition.as_ref().map_or(admission::UNDECLARED_LIMIT, |task| task.max_running_jobs);
        Slots { max_running_jobs, running: self.running, has_queue: !self.is_empty() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Queues a job; it is looked at when `now` reaches its time.
    pub(super) fn push(&mut self, executor: &ExecutorName, place: ClaimOrder, now: DateTime<Utc>) {
        let lane = match self.lanes.iter().position(|lane| lane.executor == *executor) {
            Some(lane) => &mut self.lanes[lane],
            None => {
                self.lanes.push(Lane {
                    executor: executor.clone(),
                    ready: ReadyJobs::default(),
                    delayed: BTreeSet::new(),
                });
                self.lanes.last_mut().expect("a lane was just pushed")
            }
        };
        lane.push(place, now);
    }

    /// The lanes whose executor the caller has, with their numbers.
    pub(super) fn lanes<'a>(
        &'a mut self,
        abilities: &'a Abilities,
    ) -> impl Iterator<Item = (usize, &'a mut Lane)> {
        self.lanes.iter_mut().enumerate().filter(|(_, lane)| abilities.knows_executor(&lane.executor))
    }

    pub(super) fn lane(&mut self, number: usize) -> &mut Lane {
        &mut self.lanes[number]
    }

    /// Forgets lanes without a job, so that a task without jobs costs nothing to look at.
    pub(super) fn drop_empty_lanes(&mut self) {
        self.lanes.retain(|lane| !lane.ready.is_empty() || !lane.delayed.is_empty());
    }
}

impl Lane {
    fn push(&mut self, place: ClaimOrder, now: DateTime<Utc>) {
        if place.run_at() <= now {
            self.ready.push(place);
        } else {
            self.delayed.insert((place.run_at(), place));
        }
    }

    /// The job to take first at `now`, if one is due. `is_queued` says whether a job still waits at a place.
    pub(super) fn first(
        &mut self,
        now: DateTime<Utc>,
        is_queued: impl Fn(ClaimOrder) -> bool,
    ) -> Option<ClaimOrder> {
        while let Some((_, place)) = self.delayed.first().filter(|(run_at, _)| *run_at <= now).copied() {
            self.delayed.pop_first();
            self.ready.push(place);
        }
        while let Some(place) = self.ready.first() {
            if !is_queued(place) {
                self.ready.pop();
            } else if place.run_at() > now {
                // The caller's clock is behind the one by which the job was queued.
                self.ready.pop();
                self.delayed.insert((place.run_at(), place));
            } else {
                return Some(place);
            }
        }
        None
    }

    /// Takes what [`Lane::first`] gave.
    pub(super) fn pop(&mut self) {
        self.ready.pop();
    }

    /// The first instant at which a job that waits for its time is due.
    pub(super) fn first_delayed(&mut self, is_queued: impl Fn(ClaimOrder) -> bool) -> Option<DateTime<Utc>> {
        while let Some((run_at, place)) = self.delayed.first().copied() {
            if is_queued(place) {
                return Some(run_at);
            }
            self.delayed.pop_first();
        }
        None
    }
}

impl ReadyJobs {
    fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.strays.is_empty()
    }

    fn push(&mut self, place: ClaimOrder) {
        if self.in_order.back().is_none_or(|last| *last < place) {
            self.in_order.push_back(place);
        } else {
            self.strays.insert(place);
        }
    }

    fn first(&self) -> Option<ClaimOrder> {
        match (self.in_order.front(), self.strays.first()) {
            (Some(in_order), Some(stray)) => Some(*in_order.min(stray)),
            (in_order, stray) => in_order.or(stray).copied(),
        }
    }

    fn pop(&mut self) {
        match (self.in_order.front(), self.strays.first()) {
            (Some(in_order), Some(stray)) if stray < in_order => drop(self.strays.pop_first()),
            (Some(_), _) => drop(self.in_order.pop_front()),
            (None, _) => drop(self.strays.pop_first()),
        }
    }
}
