//! The event broker contract: what every implementation of `EventBroker` must do.
//!
//! A [`BrokerHarness`] stands for one bus that nobody uses yet; [`CASES`] are run against it, each with a harness of its
//! own. Cases about a second process wait for an event up to a bound, and are skipped where events stay in the process.
//!
//! Cases about outages are told to a harness as [`Disturbance`]s, which it carries out between its brokers and their
//! server, for example with [`TcpProxy`](crate::fault::TcpProxy). Give its brokers short times (to answer, to keep alive,
//! to connect again), or these cases take long.
//!
//! Brokers that speak TLS have a second suite, with the feature `tls`: the module `tls`.

mod cases;
mod listener;
#[cfg(feature = "tls")]
pub mod tls;

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

    /// As [`open`](Self::open), for a process whose connection [`disturb`](Self::disturb) leaves alone. Asked for only where
    /// [`BrokerCapabilities::outages`] is declared.
    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        panic!("outages were declared, and a process outside of them is not there")
    }

    /// How far the broker reaches. Default: not beyond its process.
    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities::default()
    }

    /// Does something to every connection between the brokers that were opened and their server, and returns when it is
    /// done. Asked for only where [`BrokerCapabilities::outages`] is declared, and [`Disturbance::Restart`] only of what
    /// [`restartable`](Self::restartable) gave.
    async fn disturb(&self, disturbance: Disturbance) {
        panic!("{disturbance:?} was declared and is not there");
    }

    /// Puts a message on the bus that none of its brokers wrote. Asked for only where
    /// [`BrokerCapabilities::foreign_messages`] is declared. A bus that cannot carry some bytes leaves them out.
    async fn inject(&self, message: Vec<u8>) {
        panic!("{} bytes from elsewhere were declared and cannot be sent", message.len());
    }

    /// Another harness like this one, on a server that is its alone and can be restarted. `Err` says what this machine
    /// lacks for that, and the case is skipped by name.
    async fn restartable(&self) -> Result<Box<dyn BrokerHarness>, String> {
        Err("servers of this harness cannot be restarted".to_owned())
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
    /// The connection to a server can be disturbed: the harness has [`BrokerHarness::disturb`] and
    /// [`BrokerHarness::open_undisturbed`].
    pub outages: Support,
    /// Others can write to the same channel: the harness has [`BrokerHarness::inject`].
    pub foreign_messages: Support,
}

/// What befalls the connections to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disturbance {
    /// Each connection is broken, once; new ones are taken.
    Cut,
    /// The server is gone: connections are broken and new ones refused, until [`Heal`](Self::Heal).
    Gone,
    /// Connections stay open, and nothing comes through in either direction, until [`Heal`](Self::Heal).
    Silence,
    /// Everything is as at first again.
    Heal,
    /// The server is stopped, forgets all it had in memory, and is started again.
    Restart,
}

/// Runs the case of this name, unless the harness lacks what it takes.
///
/// # Panics
/// When the contract is broken, and when there is no such case.
pub async fn run(name: &str, harness: &(dyn BrokerHarness + 'static)) {
    let case = Case::named(CASES, name);
    match harness.missing().or_else(|| harness.capabilities().lack(case.concept).map(str::to_owned)) {
        Some(why) => report_skipped(name, &why),
        None => (case.run)(harness).await,
    }
}

impl BrokerCapabilities {
    /// What is lacking for the cases of a concept.
    fn lack(self, concept: &str) -> Option<&'static str> {
        let (needed, lack) = match concept {
            "other_process" | "wakeup" | "scheduler" => {
                (self.other_processes, "events of this broker stay in the process")
            }
            "foreign_message" => (self.foreign_messages, "nobody else can write to this bus"),
            "outage" | "restart" | "poll" => (self.outages, "this broker has no connection that could fail"),
            _ => (Support::Yes, ""),
        };
        (needed == Support::No).then_some(lack)
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
                the_next_event_of_a_type_can_be_waited_for_once
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
                a_broker_that_was_never_started_can_be_stopped
            }
            other_process {
                events_reach_other_processes
                every_type_of_event_arrives_unchanged
                other_processes_hear_events_in_order
                the_publisher_hears_its_own_events_once
                local_events_stay_where_they_are
                a_large_batch_arrives_whole
                what_is_published_before_a_stop_reaches_others
                a_process_that_stopped_does_not_disturb_the_others
                the_longest_ids_arrive_unchanged
                a_reason_that_is_too_long_arrives_cut
                what_other_processes_listen_to_becomes_known
            }
            wakeup {
                a_burst_of_wakeups_reaches_others_as_a_few
                a_wakeup_stands_for_the_earliest_of_those_it_sums_up
            }
            foreign_message {
                garbage_is_passed_over
                a_message_of_a_later_version_is_passed_over
                a_flood_of_garbage_drowns_nothing
            }
            outage {
                events_flow_again_after_a_cut
                events_flow_again_after_the_server_was_gone
                events_flow_again_after_a_silence
                events_arrive_once_after_many_cuts
                subscribers_are_told_of_a_gap
                each_turn_of_the_health_is_told_once
                publishing_to_a_server_that_is_gone_neither_waits_nor_fails
                what_waits_for_a_server_that_is_gone_is_bounded
                what_is_given_up_in_an_outage_is_told_to_others
                starting_without_a_server_succeeds_and_connects_later
                stopping_without_a_server_ends
                stopping_in_a_silence_ends
                a_job_added_during_an_outage_starts_after_it
            }
            restart {
                events_flow_again_after_a_restart
            }
            poll {
                jobs_start_by_the_next_poll_though_events_are_lost_and_the_server_restarts
                jobs_start_by_the_next_poll_while_the_server_is_gone
                jobs_start_by_the_next_poll_while_the_line_is_silent
            }
            scheduler {
                a_job_added_here_starts_there_without_a_poll
                a_result_is_heard_by_who_waits_elsewhere
                a_cancel_reaches_the_job_that_runs_elsewhere
                a_schedule_added_here_fires_there_without_a_poll
            }
        }
    };
}

__broker_cases! { case_table; dyn BrokerHarness }
