//! The guarantees that need real processes: workers that are killed, frozen and cut off, on a store that they share.
//!
//! A test target for each kind of store says `fault_tests!` with its [`Site`](site::Site). What a test needs is here:
//!
//! | what | file |
//! |---|---|
//! | the store, empty at first | `site.rs`, `database_site.rs` |
//! | the processes | `fleet.rs`, started from `programs/worker` |
//! | what they wrote, and waits for what they write | `record.rs` |
//! | who kills and freezes them | `chaos.rs` |
//! | the test as a user | `client.rs` |
//! | what became of the jobs | `account.rs` |
//! | whether a look at the store finds what is due | `look.rs` |
//! | figures and breaches | `verdict.rs` |
//!
//! The other files are the guarantees, by number in the documentation of the architecture.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

pub(crate) mod account;
pub(crate) mod chaos;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod committed_jobs;
pub(crate) mod database_site;
pub(crate) mod edit;
pub(crate) mod fire_times;
pub(crate) mod fleet;
pub(crate) mod frozen;
pub(crate) mod harm;
pub(crate) mod idle;
pub(crate) mod limit;
pub(crate) mod look;
pub(crate) mod outage;
pub(crate) mod own_server;
pub(crate) mod record;
pub(crate) mod serializers;
pub(crate) mod site;
pub(crate) mod spoil;
pub(crate) mod starvation;
pub(crate) mod stop;
pub(crate) mod verdict;
pub(crate) mod wakeup;

use std::future::Future;
use std::time::Duration;

use apsched_testkit::conformance::block_on;
use apsched_testkit::report_skipped;
use apsched_testkit::simulation::Seeds;
use apsched_tests::{Deed, Side, Springs, Trap};

use own_server::OwnServer;
use site::{Ground, Site};
use verdict::Verdict;

/// How long a fleet is under load in each test.
pub(crate) fn load_time() -> Duration {
    seconds("APSCHED_FAULT_SECONDS", 4)
}

/// So many jobs, or as many times more as a test is to last longer.
pub(crate) fn amount(jobs: u64) -> u64 {
    jobs * load_time().as_secs() / 4
}

/// A worker stands still once, at its first such call.
pub(crate) fn freezing_once(operation: &str, side: Side) -> Trap {
    let operation = operation.to_owned();
    Trap { operation, after_calls: 0, springs: Springs::Once, side, deed: Deed::Freeze }
}

fn seconds(variable: &str, default: u64) -> Duration {
    let seconds = match std::env::var(variable) {
        Ok(text) => {
            text.trim().parse().unwrap_or_else(|_| panic!("{variable}: expected a number, found {text:?}"))
        }
        Err(_) => default,
    };
    Duration::from_secs(seconds)
}

/// What a test needs of the store beyond its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A server, behind a line that can be spoiled.
    Server,
    /// A clock of its own.
    Clock,
    /// A file that two processes or eight share, and anybody may lock.
    File,
}

/// Runs a test with each seed, on an empty place of its own.
///
/// # Panics
/// When something was not as it has to be.
pub(crate) fn run<F: Future<Output = Verdict>>(
    test: &str,
    site: impl Site,
    needs: Needs,
    story: impl Fn(Ground, u64) -> F,
) {
    if let Some(why) = site.missing().or_else(|| lacking(&site, needs)) {
        return report_skipped(test, &why);
    }
    for seed in Seeds::from_env(1).unwrap() {
        block_on(async {
            let ground = site.ground();
            let verdict = story(ground.clone(), seed).await;
            conclude(test, site.name(), seed, &verdict);
            site.clear(&ground).await;
        });
    }
}

/// The same on a server of the test's own, where there is one to be had.
pub(crate) fn run_on_own_server<F: Future<Output = Verdict>>(
    test: &str,
    site: impl Site,
    story: impl Fn(OwnServer, u64) -> F,
) {
    for seed in Seeds::from_env(1).unwrap() {
        let mut server = match site.own_server() {
            Ok(server) => server,
            Err(why) => return report_skipped(test, &why),
        };
        block_on(async {
            server.set_up().await;
            conclude(test, site.name(), seed, &story(server, seed).await);
        });
    }
}

fn lacking(site: &impl Site, needs: Needs) -> Option<String> {
    let ground = site.ground();
    match needs {
        Needs::Server if ground.server.is_none() => Some(format!("{} has no server", site.name())),
        Needs::File if ground.server.is_some() => Some(format!("{} is no file", site.name())),
        Needs::Clock if !ground.has_clock => Some(format!("{} has no clock of its own", site.name())),
        _ => None,
    }
}

#[expect(clippy::print_stdout, reason = "the figures of a test are part of its output")]
fn conclude(test: &str, site: &str, seed: u64, verdict: &Verdict) {
    println!("{test} on {site}, seed {seed}: {verdict}");
    if std::env::var_os("APSCHED_KEEP_LEDGERS").is_some() {
        println!("the ledgers are in {}", verdict.story().save());
    }
    if let Some(breach) = verdict.breach() {
        panic!("{test} on {site}, seed {seed}: {breach}");
    }
}

/// Makes one test of each guarantee for a site.
macro_rules! fault_tests {
    ($site:expr) => {
        $crate::faults::named_tests! { $site;
            each_fire_time_becomes_one_job_though_processes_are_killed(Nothing):
                fire_times::each_becomes_one_job_though_processes_are_killed;
            each_job_ends_with_an_outcome_though_processes_are_killed(Nothing):
                committed_jobs::each_ends_with_an_outcome_though_processes_are_killed;
            a_worker_that_slept_past_its_leases_writes_nothing(Nothing):
                frozen::a_worker_that_slept_past_its_leases_writes_nothing;
            processes_that_stand_still_hold_up_nobody_for_long(Nothing):
                frozen::processes_that_stand_still_hold_up_nobody_for_long;
            limits_hold_and_no_slot_is_lost_though_processes_are_killed_and_frozen(Nothing):
                limit::it_holds_and_no_slot_is_lost_though_processes_are_killed_and_frozen;
            wrong_clocks_among_right_ones_change_nothing(Clock): clock::wrong_clocks_among_right_ones_change_nothing;
            a_bad_line_to_the_server_is_survived(Server): outage::a_bad_line_is_survived;
            a_file_that_somebody_locks_is_survived(File): outage::a_file_that_somebody_locks_is_survived;
            two_processes_make_one_job_of_each_fire_time(File): fire_times::each_becomes_one_job_between_two;
            two_processes_keep_the_limits(File): limit::it_holds_between_two;
            what_is_due_is_found_by_the_next_look_though_nobody_is_told(Nothing):
                wakeup::what_is_due_is_found_by_the_next_look;
            what_goes_wrong_hurts_itself_alone(Nothing): harm::what_goes_wrong_hurts_itself_alone;
            what_cbor_and_json_schedulers_write_at_once_is_read_by_both(Nothing):
                serializers::what_cbor_and_json_schedulers_write_at_once_is_read_by_both;
            a_row_that_cannot_be_read_is_put_aside_by_both_and_harms_nobody(Nothing):
                serializers::a_row_that_cannot_be_read_is_put_aside_by_both_and_harms_nobody;
            a_payload_that_cannot_be_read_ends_its_own_job_alone(Nothing):
                serializers::a_payload_that_cannot_be_read_ends_its_own_job_alone;
            what_a_user_wrote_last_stays(Nothing): edit::what_a_user_wrote_last_stays;
            an_edit_in_the_middle_of_a_plan_stays(Nothing): edit::an_edit_in_the_middle_of_a_plan_stays;
            the_queue_of_a_saturated_task_delays_no_other(Nothing):
                starvation::the_queue_of_a_saturated_task_delays_no_other;
            a_worker_that_is_told_to_stop_leaves_no_lease_behind(Nothing):
                stop::a_worker_that_is_told_to_stop_leaves_no_lease_behind;
            who_has_nothing_to_do_looks_once_each_poll_interval(Nothing):
                idle::who_has_nothing_to_do_looks_once_each_poll_interval;
        }

        #[test]
        fn a_server_that_restarts_is_survived() {
            let story = $crate::faults::outage::a_server_that_restarts_is_survived;
            $crate::faults::run_on_own_server("a_server_that_restarts_is_survived", $site, story);
        }
    };
}

macro_rules! named_tests {
    ($site:expr; $($name:ident($needs:ident): $module:ident::$story:ident;)*) => {
        $(
            #[test]
            fn $name() {
                let needs = $crate::faults::Needs::$needs;
                $crate::faults::run(stringify!($name), $site, needs, $crate::faults::$module::$story);
            }
        )*
    };
}

pub(crate) use {fault_tests, named_tests};
