//! The event broker suite, tested itself: it holds for the relay over a server in memory, and finds brokers and transports
//! that break one rule each.

mod brittle;
mod bus;
#[cfg(feature = "tls")]
mod tls;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apsched_core::broker::{BrokerError, EventBroker, EventItem, Subscribers, Subscription};
use apsched_core::event::{BrokerHealthChanged, Event, EventInterest, EventType, Health, TaskAdded};
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, CASES};
use apsched_testkit::conformance::{Support, block_on};
use apsched_testkit::sample::task_id;
use async_trait::async_trait;
use brittle::Brittle;
use bus::{Bus, Fault};
use tokio::sync::broadcast;

/// What a bus does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    /// A publisher hears its own events from the bus, too.
    Echoes,
    /// Local events are sent.
    SendsLocalEvents,
    /// The order is lost.
    Reverses,
    /// Wake-ups are not summed up.
    WakesForEach,
}

/// A broker without the relay, on a wire in memory; what each process sends is prefixed with its number.
#[derive(Debug)]
struct Bare {
    wire: broadcast::Sender<(usize, Vec<Event>)>,
    processes: AtomicUsize,
    breach: Breach,
}

impl Bare {
    fn new(breach: Breach) -> Self {
        Self { wire: broadcast::channel(1 << 14).0, processes: AtomicUsize::new(0), breach }
    }
}

#[derive(Debug)]
struct Connection {
    wire: broadcast::Sender<(usize, Vec<Event>)>,
    process: usize,
    breach: Breach,
    subscribers: Arc<Subscribers>,
    reader: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

#[async_trait]
impl EventBroker for Connection {
    async fn start(&self) -> Result<(), BrokerError> {
        let mut reader = self.reader.lock().expect("nothing panics under the lock");
        if reader.is_some() {
            return Ok(());
        }
        let (mut wire, own, subscribers) = (self.wire.subscribe(), self.process, self.subscribers.clone());
        let hears_itself = self.breach == Breach::Echoes;
        *reader = Some(tokio::spawn(async move {
            loop {
                match wire.recv().await {
                    Ok((process, events)) if process != own || hears_itself => subscribers.deliver(&events),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => subscribers.report_gap(EventInterest::ALL),
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        }));
        Ok(())
    }

    fn publish(&self, events: Vec<Event>) {
        self.subscribers.deliver(&events);
        let sends_all = self.breach == Breach::SendsLocalEvents;
        let mut shared: Vec<_> = events.into_iter().filter(|event| sends_all || !event.is_local()).collect();
        if self.breach == Breach::Reverses {
            shared.reverse();
        }
        drop(self.wire.send((self.process, shared)));
    }

    fn interest(&self) -> EventInterest {
        EventInterest::ALL
    }

    fn subscribe(&self, interest: EventInterest) -> Subscription {
        self.subscribers.subscribe(interest)
    }

    fn health(&self) -> Health {
        Health::Healthy
    }

    async fn stop(&self) {
        let reader = self.reader.lock().expect("nothing panics under the lock").take();
        if let Some(reader) = reader {
            reader.abort();
        }
        self.subscribers.close();
    }
}

#[async_trait]
impl BrokerHarness for Bare {
    async fn open(&self) -> Arc<dyn EventBroker> {
        Arc::new(Connection {
            wire: self.wire.clone(),
            process: self.processes.fetch_add(1, Ordering::Relaxed),
            breach: self.breach,
            subscribers: Arc::default(),
            reader: Mutex::default(),
        })
    }

    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities { other_processes: Support::Yes, ..BrokerCapabilities::default() }
    }
}

apsched_testkit::event_broker_conformance!(Bus::new(None));

/// As a server that delivers at least once.
mod with_repetitions {
    use super::{Bus, Fault};

    apsched_testkit::event_broker_conformance!(Bus::new(Some(Fault::Repeats)));
}

#[test]
fn a_message_that_no_server_takes_holds_nothing_up_for_ever() {
    block_on(async {
        let bus = Bus::new(Some(Fault::RefusesPoison));
        let (here, there) = (bus.open().await, bus.open().await);
        assert_eq!(here.start().await, Ok(()));
        assert_eq!(there.start().await, Ok(()));
        let mut listener = there.subscribe(EventInterest::ALL);
        let mut turns = here.subscribe(BrokerHealthChanged::INTEREST);
        let added = |id| Event::from(TaskAdded::new(task_id(id)));

        here.publish(vec![added("food")]);
        assert_eq!(next(&mut listener).await, EventItem::Event(added("food")));
        here.publish(vec![added("poison")]);
        next(&mut turns).await; // unhealthy
        next(&mut turns).await; // healthy
        here.publish(vec![added("cure")]);

        assert_eq!(next(&mut listener).await, EventItem::Lagged(0), "what was given up is told");
        assert_eq!(next(&mut listener).await, EventItem::Event(added("cure")));
    });
}

async fn next(subscription: &mut Subscription) -> EventItem {
    let next = tokio::time::timeout(Duration::from_secs(20), subscription.next()).await;
    next.expect("an event").expect("the broker goes on")
}

/// Asserts that each harness fails the case that stands beside it. All at once: many wait for what never comes.
fn assert_found<H: BrokerHarness + 'static, F: std::fmt::Debug>(broken: Vec<(F, H, &str)>) {
    let verdicts = broken.into_iter().map(|(fault, harness, name)| {
        let run = CASES.iter().find(|case| case.name == name).expect("such a case").run;
        let verdict = std::thread::spawn(move || {
            block_on(async move { run(&harness).await });
        });
        (format!("{fault:?} is found by {name}"), verdict)
    });
    for (claim, verdict) in verdicts.collect::<Vec<_>>() {
        assert!(verdict.join().is_err(), "{claim}");
    }
}

#[test]
fn each_breach_is_found_by_the_case_that_is_named_for_it() {
    let broken = [
        (Breach::Echoes, "the_publisher_hears_its_own_events_once"),
        (Breach::SendsLocalEvents, "local_events_stay_where_they_are"),
        (Breach::Reverses, "every_type_of_event_arrives_unchanged"),
        (Breach::WakesForEach, "a_burst_of_wakeups_reaches_others_as_a_few"),
    ];
    assert_found(broken.map(|(breach, name)| (breach, Bare::new(breach), name)).into());
}

#[test]
fn each_fault_of_a_transport_is_found_by_the_case_that_is_named_for_it() {
    let broken = [
        (Fault::ForgetsTheSubscription, "events_flow_again_after_a_cut"),
        (Fault::ConnectsOnce, "events_flow_again_after_a_cut"),
        (Fault::BelievesInALine, "events_flow_again_after_a_silence"),
        (Fault::Overtakes, "a_large_batch_arrives_whole"),
        (Fault::ConnectsOnce, "events_flow_again_after_a_restart"),
        (Fault::ConnectsOnce, "jobs_start_by_the_next_poll_while_the_server_is_gone"),
        (Fault::BelievesInALine, "jobs_start_by_the_next_poll_while_the_line_is_silent"),
    ];
    assert_found(broken.map(|(fault, name)| (fault, Bus::new(Some(fault)), name)).into());
}

#[test]
fn a_broker_that_cannot_do_without_its_server_is_found_by_each_case_of_the_poll() {
    let broken = [
        // It has to be ill for longer than a restart takes.
        (
            Some(Fault::ConnectsOnce),
            "jobs_start_by_the_next_poll_though_events_are_lost_and_the_server_restarts",
        ),
        (None, "jobs_start_by_the_next_poll_while_the_server_is_gone"),
        (None, "jobs_start_by_the_next_poll_while_the_line_is_silent"),
    ];
    assert_found(broken.map(|(fault, name)| (fault, Brittle(Bus::new(fault)), name)).into());
}
