//! What if a schedule is added under an id that exists? Pure; stores call it in the transaction that writes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Schedule, ScheduleState};
use crate::lease::LeaseToken;

/// What adding a schedule does when its id exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictPolicy {
    /// An error. The default.
    #[default]
    Error,
    /// The existing schedule stays as it is.
    DoNothing,
    /// The new one takes its place and starts anew.
    Replace,
    /// The existing schedule gets the new definition and goes on: equal definition, nothing changes; other settings or
    /// payload, the next fire time is kept; another trigger, it is computed anew.
    Update,
}

/// What a store writes for an added schedule.
#[derive(Clone, Debug)]
pub enum AddDecision {
    /// The new schedule; nothing was there.
    Insert(Box<Schedule>),
    /// This in place of the existing one. A claim in flight is void.
    Overwrite(Box<Schedule>),
    /// Nothing.
    Keep,
    /// Nothing; the caller is told that the id is taken.
    Refuse,
}

/// Decides what becomes of `new` when `existing` stands under its id.
#[must_use]
pub fn decide_add(existing: Option<&Schedule>, new: Schedule, policy: ConflictPolicy) -> AddDecision {
    let Some(existing) = existing else {
        return AddDecision::Insert(Box::new(new));
    };
    match policy {
        ConflictPolicy::Error => AddDecision::Refuse,
        ConflictPolicy::DoNothing => AddDecision::Keep,
        ConflictPolicy::Replace => AddDecision::Overwrite(Box::new(succeeding(existing, new))),
        ConflictPolicy::Update => update(existing, new),
    }
}

/// Decides the same when what stands under the id cannot be read: it can be replaced, but neither kept up to date nor compared
/// with. `token` is that of the last claim on it, or a greater one.
#[must_use]
pub fn decide_add_over_unreadable(token: LeaseToken, new: Schedule, policy: ConflictPolicy) -> AddDecision {
    match policy {
        ConflictPolicy::Error => AddDecision::Refuse,
        ConflictPolicy::DoNothing => AddDecision::Keep,
        ConflictPolicy::Replace | ConflictPolicy::Update => {
            AddDecision::Overwrite(Box::new(Schedule { token: token.next(), lease: None, ..new }))
        }
    }
}

impl Schedule {
    /// Whether this is what adding `added` has made, however far it has come since.
    ///
    /// Of two that were added in the same microsecond with the same definition, nobody can tell.
    #[must_use]
    pub fn was_added_as(&self, added: &Self) -> bool {
        self.id == added.id
            && self.created_at == added.created_at
            && self.trigger.is_same_definition(&added.trigger)
            && has_same_rest(self, added)
    }
}

/// Whether two definitions are alike, their triggers aside.
fn has_same_rest(a: &Schedule, b: &Schedule) -> bool {
    a.task_id == b.task_id && a.settings == b.settings && a.payload.is_same_value(&b.payload)
}

fn update(existing: &Schedule, new: Schedule) -> AddDecision {
    let same_trigger = existing.trigger.is_same_definition(&new.trigger);
    if same_trigger && has_same_rest(existing, &new) {
        return AddDecision::Keep;
    }
    let now = new.created_at;
    let mut updated = succeeding(existing, new);
    updated.created_at = existing.created_at;
    updated.last_fire_time = existing.last_fire_time;
    updated.fires = existing.fires;
    // A paused schedule stays paused: the definition changed, not the user's mind about running it.
    updated.state = existing.state.clone();
    let followed = if same_trigger {
        updated.trigger = existing.trigger.clone();
        updated.next_fire_time = existing.next_fire_time;
        updated.follow_max_fires(now)
    } else {
        updated.follow_trigger()
    };
    if let Err(error) = followed {
        updated.state = ScheduleState::Quarantined(Arc::from(error.to_string()));
    }
    updated.settle();
    AddDecision::Overwrite(Box::new(updated))
}

/// `new` with the revision and token that follow on those of `existing`, so that no earlier claim fits it.
fn succeeding(existing: &Schedule, new: Schedule) -> Schedule {
    Schedule { revision: existing.revision.next(), token: existing.token.next(), lease: None, ..new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ScheduleId, TaskId};
    use crate::payload::Payload;
    use crate::schedule::ScheduleSettings;
    use crate::trigger::{AnyTrigger, IntervalTrigger};
    use chrono::{DateTime, TimeDelta, Utc};
    use std::time::Duration;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn schedule(every: u64, payload: u8, added_at: DateTime<Utc>) -> Schedule {
        Schedule::new(
            ScheduleId::new("id").unwrap(),
            TaskId::new("task").unwrap(),
            Payload::live(payload),
            &AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(every))),
            Arc::new(ScheduleSettings::default()),
            added_at,
        )
        .unwrap()
    }

    fn fired_once() -> Schedule {
        let mut existing = schedule(10, 1, at(0));
        existing.fires = 1;
        existing.last_fire_time = Some(at(0));
        existing.next_fire_time = Some(at(10));
        existing
    }

    fn overwritten(decision: AddDecision) -> Schedule {
        match decision {
            AddDecision::Overwrite(schedule) => *schedule,
            other => panic!("expected an overwrite, found {other:?}"),
        }
    }

    #[test]
    fn an_equal_definition_changes_nothing_though_it_is_added_later() {
        let decision = decide_add(Some(&fired_once()), schedule(10, 1, at(7)), ConflictPolicy::Update);
        assert!(matches!(decision, AddDecision::Keep), "{decision:?}");
    }

    #[test]
    fn another_payload_keeps_the_next_fire_time() {
        let updated =
            overwritten(decide_add(Some(&fired_once()), schedule(10, 2, at(7)), ConflictPolicy::Update));
        assert_eq!((updated.next_fire_time, updated.fires, updated.created_at), (Some(at(10)), 1, at(0)));
        assert_eq!(updated.revision, Revision::new(1));
    }

    #[test]
    fn another_trigger_computes_it_anew() {
        let updated =
            overwritten(decide_add(Some(&fired_once()), schedule(60, 1, at(7)), ConflictPolicy::Update));
        assert_eq!((updated.next_fire_time, updated.fires), (Some(at(7)), 1));
    }

    #[test]
    fn replacing_starts_anew_and_voids_a_claim() {
        let mut existing = fired_once();
        existing.token = existing.token.next();
        let replaced =
            overwritten(decide_add(Some(&existing), schedule(10, 1, at(7)), ConflictPolicy::Replace));
        assert_eq!((replaced.fires, replaced.created_at), (0, at(0) + TimeDelta::seconds(7)));
        assert!(replaced.token > existing.token && replaced.revision > existing.revision);
    }

    #[test]
    fn a_definition_with_more_fires_revives_a_finished_schedule() {
        let with = |max_fires, added_at| {
            let settings = Arc::new(ScheduleSettings { max_fires, ..ScheduleSettings::default() });
            Schedule { settings, ..schedule(10, 1, added_at) }
        };
        let finished = Schedule {
            fires: 1,
            last_fire_time: Some(at(0)),
            next_fire_time: None,
            state: ScheduleState::Finished,
            ..with(Some(1), at(0))
        };
        let updated = overwritten(decide_add(Some(&finished), with(Some(2), at(7)), ConflictPolicy::Update));
        assert_eq!((updated.state, updated.next_fire_time), (ScheduleState::Active, Some(at(10))));
    }

    #[test]
    fn what_was_added_is_known_again_however_far_it_has_come() {
        let added = schedule(10, 1, at(0));
        let paused = Schedule { state: ScheduleState::Paused, ..fired_once() };
        for existing in [added.clone(), fired_once(), paused] {
            assert!(existing.was_added_as(&added), "{existing}");
        }
        for other in [schedule(10, 1, at(7)), schedule(60, 1, at(0)), schedule(10, 2, at(0))] {
            assert!(!other.was_added_as(&added), "{other}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_replaced_and_voids_a_claim_if_the_policy_writes_at_all() {
        let decide = |policy| decide_add_over_unreadable(LeaseToken::new(7), schedule(10, 1, at(7)), policy);
        assert!(matches!(decide(ConflictPolicy::Error), AddDecision::Refuse));
        assert!(matches!(decide(ConflictPolicy::DoNothing), AddDecision::Keep));
        for policy in [ConflictPolicy::Replace, ConflictPolicy::Update] {
            assert_eq!(overwritten(decide(policy)).token, LeaseToken::new(8), "{policy:?}");
        }
    }

    #[test]
    fn a_paused_schedule_stays_paused_when_updated() {
        let existing = Schedule { state: ScheduleState::Paused, ..fired_once() };
        let updated =
            overwritten(decide_add(Some(&existing), schedule(60, 1, at(7)), ConflictPolicy::Update));
        assert_eq!(updated.state, ScheduleState::Paused);
    }

    use crate::schedule::Revision;
}
