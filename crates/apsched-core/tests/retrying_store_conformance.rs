//! A store keeps its contract when it is wrapped in `Retrying`: one that answers, and one of which every second call of users
//! fails, but for what its doc says.
#![cfg(feature = "scheduler")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use apsched_core::store::Retrying;
use apsched_core::{Backoff, DataStore, MemoryStore};
use apsched_testkit::conformance::block_on;
use apsched_testkit::conformance::store::{CASES, StoreHarness, run};
use apsched_testkit::fault::{Call, Fault, Faulty, Operation};
use async_trait::async_trait;

struct Harness<S: DataStore>(Retrying<S>);

#[async_trait]
impl<S: DataStore> StoreHarness for Harness<S> {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(self.0.clone())
    }
}

/// The calls that `Retrying` hands through.
const OF_THE_LOOP: [Operation; 9] = [
    Operation::AcquireSchedules,
    Operation::ReleaseSchedules,
    Operation::AcquireJobs,
    Operation::ExtendLeases,
    Operation::ReleaseJobs,
    Operation::Recover,
    Operation::CancelRequests,
    Operation::NextWakeup,
    Operation::Cleanup,
];

/// A store of which every second call of each kind, if it is of a user, goes wrong in this way and is tried again without a pause.
fn failing(fault: Fault) -> Harness<Faulty<MemoryStore>> {
    let mut calls: BTreeMap<Operation, u32> = BTreeMap::new();
    let plan = move |call: Call| {
        if OF_THE_LOOP.contains(&call.operation) {
            return Fault::None;
        }
        let number = calls.entry(call.operation).or_default();
        *number += 1;
        if *number % 2 == 1 { fault } else { Fault::None }
    };
    let faulty = Faulty::new(Arc::new(MemoryStore::new()), plan);
    Harness(Retrying::new(faulty).backoff(Backoff::fixed(Duration::ZERO)))
}

/// The cases that do not hold on such a store.
fn broken_by(fault: Fault) -> Vec<&'static str> {
    let holds = |name| {
        let verdict = std::thread::spawn(move || block_on(async move { run(name, &failing(fault)).await }));
        verdict.join().is_ok()
    };
    CASES.iter().map(|case| case.name).filter(|name| !holds(name)).collect()
}

#[test]
fn a_try_that_was_not_made_is_not_noticed() {
    // After a try in vain nobody can tell a removal that was done from one that found nothing.
    assert_eq!(broken_by(Fault::FailBefore), ["removing_a_schedule_that_is_not_there_is_an_error"]);
}

#[test]
fn a_try_whose_answer_was_lost_is_noticed_only_by_what_it_would_have_told() {
    let miss_events = [
        "a_new_task_is_added",
        "a_known_task_gets_the_new_settings",
        "a_change_of_settings_is_followed_by_a_wakeup",
        "a_removed_task_is_gone_and_its_schedules_and_jobs_stay",
        "adding_a_schedule_tells_its_next_fire_time",
        "of_two_who_add_a_schedule_at_once_one_does_and_the_policy_tells_the_other",
        "replacing_starts_anew",
        "updating_settings_keeps_the_next_fire_time",
        "a_removed_schedule_is_gone",
        "queued_jobs_of_a_removed_schedule_are_cancelled_if_asked",
        "running_jobs_of_a_removed_schedule_are_asked_to_stop",
        "added_jobs_are_reported_and_one_wakeup_names_the_earliest",
        "a_job_whose_id_is_there_is_left_as_it_is",
        "of_two_jobs_with_one_id_in_one_call_the_first_is_added",
        "a_large_batch_is_added_as_a_whole",
        "a_queued_job_ends_at_once",
        "a_running_job_is_asked_to_stop",
    ];
    // An edit that is made twice is two revisions.
    let expected = BTreeSet::from(["an_edit_changes_what_it_names_and_nothing_else"]);

    let broken = broken_by(Fault::FailAfter);

    let others: BTreeSet<_> = broken.iter().copied().filter(|name| !miss_events.contains(name)).collect();
    assert_eq!((others, broken.len()), (expected, miss_events.len() + 1), "{broken:?}");
}

apsched_testkit::data_store_conformance!(Harness(Retrying::new(MemoryStore::new())));
