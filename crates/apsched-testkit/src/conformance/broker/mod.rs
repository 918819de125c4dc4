//! The event broker contract: what every implementation of `EventBroker` must do.
//!
//! A [`BrokerHarness`] stands for one bus that nobody uses yet; [`CASES`] are run against it, each with a harness of its
//! own. Cases about a second process wait for an event up to a bound, and are skipped where events stay in the process.

mod cases;
mod listener;

use std::sync::Arc;

use apsched_core::broker::EventBroker;
use async_trait::async_trait;

use super::suite::{Case, Support, case_table};
use crate::report_skipped;

/// One unused bus for one case: how to get at it, and how far it reaches.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::broker::{EventBroker, LocalBroker};
/// use apsched_testkit::conformance::broker::BrokerHarness;
///
/// struct Local;
///
/// #[async_trait::async_trait]
/// impl BrokerHarness for Local {
///     async fn open(&self) -> Arc<dyn EventBroker> {
///         Arc::new(LocalBroker::new())
///     }
/// }
/// ```
#[async_trait]
pub trait BrokerHarness: Send + Sync {
    /// A broker on the bus, as a process has one; not yet started.
    ///
    /// Every call stands for another process. Buses of different harnesses must not hear each other: give each a channel
    /// or topic of its own.
    async fn open(&self) -> Arc<dyn EventBroker>;

    /// How far the broker reaches. Default: not beyond its process.
    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities::default()
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

/// What not every broker can do; a case that needs it is skipped by name where it is not declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerCapabilities {
    /// Events reach other processes.
    pub other_processes: Support,
}

/// Runs the case of this name, unless the harness lacks what it takes.
///
/// # Panics
/// When the contract is broken, and when there is no such case.
pub async fn run(name: &str, harness: &(dyn BrokerHarness + 'static)) {
    let case = Case::named(CASES, name);
    let lacks_capability =
        case.concept == "other_process" && harness.capabilities().other_processes == Support::No;
    match harness.missing() {
        Some(missing) => report_skipped(name, &missing),
        None if lacks_capability => report_skipped(name, "events of this broker stay in the process"),
        None => (case.run)(harness).await,
    }
}

/// One test of each case of the event broker contract, by the case's own name.
///
/// The expression makes a [`BrokerHarness`](crate::conformance::broker::BrokerHarness) of an unused bus; it is evaluated
/// anew for every case, and may await. Needs no runtime and no attribute at the place of the call. Several suites in one
/// file stand in modules of their own.
#[macro_export]
macro_rules! event_broker_conformance {
    ($harness:expr) => {
        $crate::__broker_cases! { $crate::__conformance_tests; $crate::conformance::broker::run; $harness }
    };
}

/// The one list of cases, by concept, in the order of the contract.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_cases {
    ($then:path; $($arguments:tt)*) => {
        $then! { $($arguments)*;
            publish {
                starting_again_changes_nothing
                subscribers_get_events_at_once
                events_arrive_in_the_order_of_publishing
                each_subscriber_gets_every_event
                events_of_each_publisher_keep_their_order
                publishing_to_nobody_is_harmless
            }
            interest {
                subscribers_get_what_they_listen_to_and_nothing_else
                the_interest_is_at_least_the_union_of_all
                a_subscription_begins_with_the_call
                dropping_a_subscription_ends_it_alone
            }
            lag {
                a_reader_that_falls_behind_is_told_how_many_it_lost
                a_slow_reader_costs_others_nothing
                dropping_a_wait_loses_nothing
            }
            stop {
                subscriptions_end_after_what_was_published_before
                a_waiting_reader_is_woken_by_the_stop
                publishing_after_the_stop_is_harmless
                a_subscription_after_the_stop_has_ended
            }
            other_process {
                events_reach_other_processes
                every_type_of_event_arrives_unchanged
                other_processes_hear_events_in_order
                the_publisher_hears_its_own_events_once
                local_events_stay_where_they_are
                a_large_batch_arrives_whole
                a_process_that_stopped_does_not_disturb_the_others
            }
        }
    };
}

__broker_cases! { case_table; dyn BrokerHarness }
