//! The event broker suite, tested itself: it holds on a bus of several processes, and finds a bus that echoes, leaks or
//! shuffles.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apsched_core::broker::{BrokerError, EventBroker, Subscribers, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, CASES};
use async_trait::async_trait;
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
}

/// A wire in memory; what each process sends is prefixed with its number.
#[derive(Debug)]
struct Bus {
    wire: broadcast::Sender<(usize, Vec<Event>)>,
    processes: AtomicUsize,
    breach: Option<Breach>,
}

impl Bus {
    fn new(breach: Option<Breach>) -> Self {
        Self { wire: broadcast::channel(1 << 14).0, processes: AtomicUsize::new(0), breach }
    }
}

#[derive(Debug)]
struct Connection {
    wire: broadcast::Sender<(usize, Vec<Event>)>,
    process: usize,
    breach: Option<Breach>,
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
        let hears_itself = self.breach == Some(Breach::Echoes);
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
        let sends_all = self.breach == Some(Breach::SendsLocalEvents);
        let mut shared: Vec<_> = events.into_iter().filter(|event| sends_all || !event.is_local()).collect();
        if self.breach == Some(Breach::Reverses) {
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
impl BrokerHarness for Bus {
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
        BrokerCapabilities { other_processes: Support::Yes }
    }
}

apsched_testkit::event_broker_conformance!(Bus::new(None));

#[test]
fn each_breach_is_found_by_the_case_that_is_named_for_it() {
    for (breach, name) in [
        (Breach::Echoes, "the_publisher_hears_its_own_events_once"),
        (Breach::SendsLocalEvents, "local_events_stay_where_they_are"),
        (Breach::Reverses, "every_type_of_event_arrives_unchanged"),
    ] {
        let run = CASES.iter().find(|case| case.name == name).expect("such a case").run;
        let harness = Bus::new(Some(breach));
        let verdict = std::thread::spawn(move || {
            apsched_testkit::conformance::block_on(async move { run(&harness).await });
        });
        assert!(verdict.join().is_err(), "{breach:?} is found by {name}");
    }
}
