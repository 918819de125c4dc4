//! The guarantees that need real processes: workers that are killed, frozen and cut off, on a store that they share.
//!
//! A test target for each kind of store says `fault_tests!` with its [`Site`](site::Site). What a test needs is here:
//!
//! | what | file |
//! |---|---|
//! | the store, empty at first | `site.rs`, `sql_site.rs` |
//! | the processes | `fleet.rs`, started from `programs/worker` |
//! | what they wrote, and waits for what they write | `record.rs` |
//! | who kills and freezes them | `chaos.rs` |
//! | the test as a user | `client.rs` |
//! | figures and breaches | `verdict.rs` |
//!
//! The other files are the guarantees, by number in the documentation of the architecture.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

pub(crate) mod account;
pub(crate) mod chaos;
pub(crate) mod client;
pub(crate) mod committed_jobs;
pub(crate) mod fire_times;
pub(crate) mod fleet;
pub(crate) mod limit;
pub(crate) mod record;
pub(crate) mod site;
pub(crate) mod sql_site;
pub(crate) mod verdict;

use std::future::Future;
use std::time::Duration;

use apsched_testkit::conformance::block_on;
use apsched_testkit::report_skipped;
use apsched_testkit::simulation::Seeds;

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

fn seconds(variable: &str, default: u64) -> Duration {
    let seconds = match std::env::var(variable) {
        Ok(text) => {
            text.trim().parse().unwrap_or_else(|_| panic!("{variable}: expected a number, found {text:?}"))
        }
        Err(_) => default,
    };
    Duration::from_secs(seconds)
}

/// Runs a test with each seed, on an empty place of its own.
///
/// # Panics
/// When something was not as it has to be.
pub(crate) fn run<F: Future<Output = Verdict>>(
    test: &str,
    site: impl Site,
    story: impl Fn(Ground, u64) -> F,
) {
    if let Some(why) = site.missing() {
        return report_skipped(test, &why);
    }
    for seed in Seeds::from_env(1).unwrap() {
        block_on(async {
            let ground = site.ground();
            let verdict = story(ground.clone(), seed).await;
            tell(test, &site, seed, &verdict);
            if let Some(breach) = verdict.breach() {
                panic!("{test} on {}, seed {seed}: {breach}", site.name());
            }
            site.clear(&ground).await;
        });
    }
}

#[expect(clippy::print_stdout, reason = "the figures of a test are part of its output")]
fn tell(test: &str, site: &impl Site, seed: u64, verdict: &Verdict) {
    println!("{test} on {}, seed {seed}: {verdict}", site.name());
    if std::env::var_os("APSCHED_KEEP_LEDGERS").is_some() {
        println!("the ledgers are in {}", verdict.story().save());
    }
}

/// Makes one test of each guarantee for a site.
macro_rules! fault_tests {
    ($site:expr) => {
        $crate::faults::named_tests! { $site;
            each_fire_time_becomes_one_job_though_processes_are_killed:
                fire_times::each_becomes_one_job_though_processes_are_killed;
            each_job_ends_with_an_outcome_though_processes_are_killed:
                committed_jobs::each_ends_with_an_outcome_though_processes_are_killed;
            limits_hold_and_no_slot_is_lost_though_processes_are_killed_and_frozen:
                limit::it_holds_and_no_slot_is_lost_though_processes_are_killed_and_frozen;
        }
    };
}

macro_rules! named_tests {
    ($site:expr; $($name:ident: $module:ident::$story:ident;)*) => {
        $(
            #[test]
            fn $name() {
                $crate::faults::run(stringify!($name), $site, $crate::faults::$module::$story);
            }
        )*
    };
}

pub(crate) use {fault_tests, named_tests};
