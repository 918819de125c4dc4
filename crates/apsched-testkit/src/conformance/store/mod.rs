//! The data store contract: what every implementation of `DataStore` must do.
//!
//! A [`StoreHarness`] stands for one empty store, wherever it lives; [`CASES`] are run against it, each with a harness of
//! its own. Every instant in a case is an argument, nothing sleeps.

mod cases;
pub(crate) mod custom_trigger;
mod observed;
mod process;

use std::sync::Arc;

use apsched_core::store::DataStore;
use apsched_core::{JobId, ScheduleId};
use async_trait::async_trait;

use super::suite::{Case, Support, case_table};
use crate::report_skipped;

/// One empty store for one case: how to get at it, and what it can do.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::{DataStore, MemoryStore};
/// use apsched_testkit::conformance::store::StoreHarness;
///
/// struct InMemory(Arc<MemoryStore>);
///
/// #[async_trait::async_trait]
/// impl StoreHarness for InMemory {
///     async fn open(&self) -> Arc<dyn DataStore> {
///         self.0.clone()
///     }
/// }
/// ```
#[async_trait]
pub trait StoreHarness: Send + Sync {
    /// A handle on the store, as a process has one; not yet started.
    ///
    /// Every call gives another handle on the same data, with connections of its own where there are connections. A store
    /// that never leaves its process gives the same one again.
    async fn open(&self) -> Arc<dyn DataStore>;

    /// What the store can do that not all can. Default: none of it.
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::default()
    }

    /// Overwrites a stored row, so that it cannot be decoded any more, behind the back of the store.
    ///
    /// Called only where [`StoreCapabilities::unreadable_rows`] says so.
    async fn spoil(&self, row: StoredRow<'_>) {
        panic!("declared that rows can be spoiled, but cannot spoil {row:?}");
    }

    /// What this machine lacks to run the cases, such as the address of a server. Default `None`: nothing, they run.
    ///
    /// With `Some`, every case passes and says by name that it was skipped, and why. For a server this is
    /// [`Backend::missing`](crate::backend::Backend::missing). It is asked before anything else, so a harness connects in
    /// [`open`](Self::open) and not when it is made.
    fn missing(&self) -> Option<String> {
        None
    }
}

/// What not every store can do; a case that needs it is skipped by name where it is not declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCapabilities {
    /// The store has a server whose time it tells.
    pub server_time: Support,
    /// Rows are decoded when they are read, and the harness can [`spoil`](StoreHarness::spoil) one.
    pub unreadable_rows: Support,
}

/// A row of the store.
#[derive(Clone, Copy, Debug)]
pub enum StoredRow<'a> {
    /// That of a schedule: for example its trigger or its settings.
    Schedule(&'a ScheduleId),
    /// That of a job: for example its settings.
    Job(JobId),
}

/// Runs the case of this name, unless the harness lacks what it takes.
///
/// # Panics
/// When the contract is broken, and when there is no such case.
pub async fn run(name: &str, harness: &(dyn StoreHarness + 'static)) {
    let case = Case::named(CASES, name);
    let lacks_capability =
        case.concept == "unreadable_row" && harness.capabilities().unreadable_rows == Support::No;
    match harness.missing() {
        Some(missing) => report_skipped(name, &missing),
        None if lacks_capability => report_skipped(name, "rows of this store cannot be spoiled"),
        None => (case.run)(harness).await,
    }
}

/// One test of each case of the data store contract, by the case's own name.
///
/// The expression makes a [`StoreHarness`](crate::conformance::store::StoreHarness) of an empty store; it is evaluated
/// anew for every case, and may await. Needs no runtime and no attribute at the place of the call. Several suites in one
/// file stand in modules of their own.
///
/// ```
/// # use std::sync::Arc;
/// # use apsched_core::{DataStore, MemoryStore};
/// # use apsched_testkit::conformance::store::StoreHarness;
/// # struct InMemory(Arc<MemoryStore>);
/// # #[async_trait::async_trait]
/// # impl StoreHarness for InMemory {
/// #     async fn open(&self) -> Arc<dyn DataStore> { self.0.clone() }
/// # }
/// apsched_testkit::data_store_conformance!(InMemory(Arc::new(MemoryStore::new())));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! data_store_conformance {
    ($harness:expr) => {
        $crate::__store_cases! { $crate::__conformance_tests; $crate::conformance::store::run; $harness }
    };
}

/// The one list of cases, by concept, in the order of the contract.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($then:path; $($arguments:tt)*) => {
        $then! { $($arguments)*;
            start {
                starting_again_changes_nothing
                many_processes_may_start_at_once
                a_custom_trigger_is_bound_when_it_is_read
                a_store_with_a_server_tells_its_time
            }
            task {
                a_new_task_is_added
                a_known_task_gets_the_new_settings
                a_change_of_settings_is_followed_by_a_wakeup
                equal_settings_cause_no_event
                every_setting_of_a_task_reads_back
                zero_and_none_are_told_apart
                tasks_are_listed_by_id
                a_removed_task_is_gone_and_its_schedules_and_jobs_stay
                removing_an_unknown_task_causes_nothing
            }
            schedule_add {
                a_schedule_reads_back_as_it_was_added
                a_trigger_of_every_kind_reads_back
                ids_that_differ_by_case_or_a_space_are_different
                a_fire_time_in_a_distant_year_is_kept
                adding_a_schedule_tells_its_next_fire_time
                an_id_that_is_taken_is_refused
                of_two_who_add_a_schedule_at_once_one_does_and_the_policy_tells_the_other
                do_nothing_leaves_the_existing_schedule
                replacing_starts_anew
                updating_with_an_equal_definition_changes_nothing
                updating_settings_keeps_the_next_fire_time
                updating_the_trigger_plans_anew
                a_paused_schedule_stays_paused_when_it_is_updated
                overwriting_a_schedule_voids_the_claim_in_flight
            }
            schedule_edit {
                an_edit_changes_what_it_names_and_nothing_else
                another_trigger_gives_another_next_fire_time
                an_edit_that_makes_a_schedule_due_earlier_wakes_schedulers
                editing_a_schedule_that_is_not_there_is_an_error
                a_trigger_that_fails_leaves_the_schedule_as_it_was
                a_paused_schedule_does_not_fire_and_goes_on_where_it_stood
                unpausing_from_now_passes_over_what_was_missed
                an_edit_voids_the_claim_in_flight
                a_pause_while_the_schedule_is_acquired_holds
                an_edited_schedule_can_be_acquired_at_once
                another_trigger_revives_a_quarantined_schedule
            }
            schedule_remove {
                a_removed_schedule_is_gone
                removing_a_schedule_that_is_not_there_is_an_error
                removing_a_schedule_voids_the_claim_in_flight
                a_schedule_added_under_a_removed_id_does_not_fit_an_old_claim
                jobs_of_a_removed_schedule_go_on
                queued_jobs_of_a_removed_schedule_are_cancelled_if_asked
                running_jobs_of_a_removed_schedule_are_asked_to_stop
            }
            schedule_acquire {
                a_due_schedule_is_leased_to_who_acquires_it
                a_schedule_is_due_at_its_fire_time_and_not_before
                only_active_schedules_are_acquired
                a_leased_schedule_is_not_given_out_again
                expired_lease_on_a_schedule_can_be_taken_by_another_scheduler
                the_token_of_a_schedule_grows_with_every_claim
                the_earliest_fire_time_comes_first_then_the_smaller_id
                a_schedule_whose_lease_expired_keeps_its_place
                at_most_the_limit_of_schedules_is_acquired
                schedules_that_may_not_be_taken_do_not_use_up_the_limit
                a_schedule_comes_with_its_task_as_it_is_now
                a_schedule_of_an_undeclared_task_comes_without_one
                a_trigger_that_fails_does_not_hide_other_schedules
                a_schedule_whose_trigger_is_not_registered_is_left_to_those_who_know_it
                schedules_that_are_left_to_others_do_not_use_up_the_limit
                two_schedulers_never_get_the_same_schedule
            }
            schedule_release {
                jobs_and_advance_are_written_together
                a_planned_job_reads_back_as_it_was_planned
                released_jobs_are_reported_and_wake_schedulers
                a_released_schedule_can_be_acquired_at_its_next_fire_time
                a_schedule_without_a_further_fire_time_is_finished
                a_release_without_jobs_advances_the_schedule
                fire_times_that_were_cut_off_are_reported
                a_quarantine_keeps_the_fire_time_and_says_why
                a_reason_of_any_characters_hinders_nobody
                a_scheduler_that_lost_its_claim_writes_nothing
                a_token_alone_does_not_release_a_schedule
                an_expired_lease_on_a_schedule_that_nobody_took_still_holds
                a_repeated_release_of_a_schedule_is_lost_and_adds_nothing
                a_lost_release_of_a_schedule_does_not_hinder_the_others
                a_fire_time_whose_scheduler_vanished_becomes_one_job
                each_fire_time_becomes_one_job_however_many_schedulers_race
            }
            overlap {
                skip_records_a_fire_time_while_an_earlier_job_is_queued
                skip_records_a_fire_time_while_an_earlier_job_runs
                skip_adds_the_job_when_the_earlier_one_has_ended
                queue_adds_the_job_beside_earlier_ones
                replace_cancels_an_earlier_queued_job
                replace_asks_an_earlier_running_job_to_stop
                fire_times_of_one_release_overlap_each_other
                jobs_of_others_are_no_overlap
                a_skipped_fire_time_without_a_kept_result_leaves_nothing
            }
            job_add {
                a_job_reads_back_as_it_was_added
                payloads_come_back_in_the_form_the_store_asks_for
                encoded_payloads_keep_bytes_and_serializer
                added_jobs_are_reported_and_one_wakeup_names_the_earliest
                adding_jobs_again_adds_nothing
                a_job_whose_id_is_there_is_left_as_it_is
                of_two_jobs_with_one_id_in_one_call_the_first_is_added
                a_job_that_has_ended_with_a_kept_result_is_not_added_again
                adding_no_jobs_causes_nothing
                jobs_are_added_though_nobody_listens
                a_large_batch_is_added_as_a_whole
                a_job_added_again_after_its_end_is_one_job
            }
            cancel {
                a_queued_job_ends_at_once
                a_job_that_waits_for_its_next_attempt_ends_at_once
                a_running_job_is_asked_to_stop
                requests_are_told_to_the_worker_alone
                a_request_is_told_until_the_job_ends
                asking_again_causes_nothing
                cancelling_a_job_that_is_not_there_causes_nothing
            }
            result {
                the_status_follows_a_job_through_its_life
                a_job_without_an_end_has_no_result
                a_result_is_readable_many_times_by_everybody
                a_result_is_removed_when_it_expires_and_not_before
            }
            listing {
                schedules_are_listed_by_fire_time_then_id
                schedules_are_filtered_by_every_condition
                a_schedule_that_is_not_there_is_none
                jobs_are_listed_by_id
                jobs_are_filtered_by_every_condition
            }
            job_acquire {
                a_due_job_is_leased_to_who_acquires_it
                a_job_is_due_at_its_time_and_not_before
                a_scheduler_whose_clock_is_behind_gets_what_is_due_by_its_own
                a_job_past_its_start_deadline_is_given_out_to_be_ended
                jobs_of_unknown_tasks_and_executors_stay_queued
                task_ids_are_told_apart_by_case_and_space
                jobs_that_may_not_be_taken_do_not_use_up_the_limit
                priority_comes_first_then_time_then_id
                at_most_the_limit_of_jobs_is_acquired
                a_running_job_is_not_given_out_again
                a_job_whose_lease_expired_is_recovered_not_acquired
                the_token_of_a_job_grows_with_every_claim
                jobs_are_acquired_though_nobody_listens
                two_schedulers_never_get_the_same_job
            }
            limit {
                one_call_takes_no_more_than_the_limit
                jobs_of_all_schedulers_count
                a_saturated_task_does_not_stand_in_the_way_of_others
                the_slots_of_a_task_go_to_its_first_jobs
                every_way_to_release_frees_the_slot
                a_lowered_limit_waits_for_running_jobs
                a_raised_limit_holds_at_once
                zero_starts_none_and_no_limit_starts_all
                jobs_of_an_undeclared_task_run_one_at_a_time
                the_limit_holds_however_many_schedulers_race
                a_slot_of_a_vanished_worker_is_free_after_recovery
            }
            lease {
                a_lease_is_prolonged_from_now
                a_prolonged_lease_is_not_recovered
                an_expired_lease_that_nobody_took_is_prolonged
                a_lease_that_another_took_is_lost
                a_token_alone_does_not_prolong_a_lease
                jobs_that_ended_or_never_were_are_lost
                jobs_asked_to_stop_are_told_and_prolonged
                prolonging_nothing_reports_nothing
                many_leases_are_prolonged_at_once
                leases_that_end_at_one_moment_are_still_one_for_each_job
            }
            job_release {
                a_finished_job_leaves_the_queue_and_its_result_is_kept
                every_outcome_reads_back
                an_error_keeps_its_chain_of_messages
                a_result_that_is_not_to_be_kept_is_not
                a_job_that_is_to_run_again_is_queued_for_its_time
                a_snoozed_attempt_does_not_count
                a_job_that_is_handed_back_is_as_before_the_claim
                a_later_attempt_that_is_handed_back_is_as_before_the_claim
                a_worker_that_lost_its_claim_writes_nothing
                of_two_releases_of_a_job_the_one_whose_claim_holds_is_written
                a_token_alone_does_not_release_a_job
                an_expired_lease_on_a_job_that_nobody_took_still_holds
                a_repeated_release_of_a_job_is_lost
                a_lost_release_of_a_job_does_not_hinder_the_others
                a_job_asked_to_stop_ends_instead_of_running_again
                a_job_that_was_done_before_it_could_stop_keeps_its_outcome
                jobs_are_released_though_nobody_listens
                a_large_batch_is_released_as_a_whole
            }
            recover {
                a_job_with_attempts_left_is_queued_again
                a_job_without_attempts_left_ends_as_abandoned
                a_lease_is_recovered_when_it_expires_and_not_before
                a_restarted_scheduler_takes_back_the_jobs_of_its_earlier_run
                a_restarted_scheduler_takes_back_the_schedules_of_its_earlier_run
                earlier_runs_are_left_alone_unless_asked
                leases_of_other_schedulers_and_of_this_run_are_left_alone
                a_vanished_worker_that_comes_back_is_refused
                a_cancel_request_is_answered_when_the_worker_vanished
                at_most_the_limit_is_recovered_earliest_expiry_first
                recovering_again_changes_nothing
                a_queued_job_past_its_deadline_ends_as_missed
                a_deadline_is_for_the_start_and_does_not_end_a_running_job
                the_passing_of_a_deadline_is_a_wakeup
                a_job_is_recovered_once_however_many_schedulers_race
                a_job_is_either_released_or_recovered
                a_handed_back_job_is_not_recovered
            }
            progress {
                progress_of_a_running_job_is_kept
                a_worker_that_lost_its_claim_says_nothing_any_more
                a_job_that_is_not_held_has_no_progress
            }
            wakeup {
                an_empty_store_wakes_nobody
                the_earliest_fire_time_wakes
                schedules_that_are_not_given_out_do_not_wake
                a_leased_schedule_wakes_when_its_lease_ends
                a_leased_schedule_with_a_custom_trigger_wakes_who_knows_it
                a_released_schedule_wakes_at_its_next_fire_time
                the_earliest_queued_job_wakes
                jobs_that_the_caller_cannot_run_do_not_wake_it
                jobs_of_a_saturated_task_do_not_wake
                running_jobs_do_not_wake_as_jobs
                a_job_that_is_to_run_again_wakes_at_its_time
                the_earliest_end_of_a_lease_wakes
                what_is_promised_is_what_is_given_out
            }
            cleanup {
                expired_results_are_removed_and_others_stay
                a_finished_schedule_without_jobs_is_removed
                schedules_that_are_not_finished_stay
                queued_and_running_jobs_stay_however_old
                cleaning_again_changes_nothing
            }
            dropped_call {
                a_dropped_release_of_a_schedule_is_whole_or_nothing
                a_dropped_claim_on_jobs_loses_none
                a_dropped_release_of_jobs_is_whole_or_nothing
                a_dropped_batch_of_jobs_is_added_whole_or_not_at_all
            }
            runtime {
                a_runtime_that_stands_still_holds_up_nobody
                a_runtime_that_has_ended_holds_up_nobody
            }
            unreadable_row {
                an_unreadable_schedule_does_not_hide_the_others
                an_unreadable_schedule_does_not_keep_waking_schedulers
                an_unreadable_schedule_is_reported_once
                an_unreadable_schedule_is_told_to_who_asks_for_it
                an_unreadable_schedule_is_kept_until_it_is_replaced
                an_unreadable_schedule_can_be_removed
                an_unreadable_job_does_not_hide_the_others
                an_unreadable_job_is_reported_once_and_kept
                an_unreadable_job_is_told_to_who_asks_for_it
            }
        }
    };
}

__store_cases! { case_table; dyn StoreHarness }
