//! The relay while its server is gone for long: it asks again for ever, after pauses that grow and are bounded. No pause is shorter than
//! it has to be, however slow the machine is; that none is much longer is seen by how many there are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apsched_core::Backoff;
use apsched_core::broker::relay::{BrokerOptions, LinkError, LinkReceiver, LinkSender, Relay, Transport};
use apsched_core::broker::{EventBroker, EventItem};
use apsched_core::event::{BrokerHealthChanged, Event, EventInterest, EventType, Health, TaskAdded};
use apsched_testkit::conformance::block_on;
use apsched_testkit::sample::task_id;
use tokio::sync::{Notify, mpsc};

/// Pauses of 1, 2, 4, 8 ms, and then of 10 ms.
const RECONNECT: Backoff =
    Backoff { initial: Duration::from_millis(1), factor: 2.0, max: Duration::from_millis(10), jitter: 0.0 };

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server for one client, who hears himself.
#[derive(Debug, Default)]
struct Server {
    is_gone: AtomicBool,
    /// Ends the connection.
    end: Notify,
    attempts: Mutex<Vec<Instant>>,
    attempted: Notify,
}

impl Server {
    fn goes(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        self.end.notify_one();
    }

    fn returns(&self) {
        self.is_gone.store(false, Ordering::Relaxed);
    }

    /// The pauses between so many attempts to connect that begin now.
    async fn pauses_between(&self, attempts: usize) -> Vec<Duration> {
        let begun = || self.attempts.lock().expect("nothing panics under the lock").clone();
        let first = begun().len();
        while begun().len() < first + attempts {
            let attempted = tokio::time::timeout(PATIENCE, self.attempted.notified()).await;
            assert!(attempted.is_ok(), "the next attempt is made within {PATIENCE:?}");
        }
        begun()[first..first + attempts].windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// The way to the server.
#[derive(Debug)]
struct Line(Arc<Server>);

struct Speaker(mpsc::UnboundedSender<Vec<u8>>);

struct Hearer {
    messages: mpsc::UnboundedReceiver<Vec<u8>>,
    server: Arc<Server>,
}

impl Transport for Line {
    type Sender = Speaker;
    type Receiver = Hearer;

    async fn connect(&self) -> Result<(Speaker, Hearer), LinkError> {
        #[expect(clippy::disallowed_methods, reason = "the pauses are those of real time")]
        let now = Instant::now();
        self.0.attempts.lock().expect("nothing panics under the lock").push(now);
        self.0.attempted.notify_one();
        if self.0.is_gone.load(Ordering::Relaxed) {
            return Err(LinkError::of("nobody is there"));
        }
        let (speaker, messages) = mpsc::unbounded_channel();
        Ok((Speaker(speaker), Hearer { messages, server: self.0.clone() }))
    }
}

impl LinkSender for Speaker {
    async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        self.0.send(message.to_vec()).map_err(|error| LinkError::new("send", error))
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    async fn close(&mut self) {}
}

impl LinkReceiver for Hearer {
    async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        tokio::select! {
            message = self.messages.recv() => message.ok_or(LinkError::of("it has ended")),
            () = self.server.end.notified() => Err(LinkError::of("the server has gone")),
        }
    }
}

async fn soon<V>(future: impl Future<Output = V>) -> V {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not take long")
}

async fn until_health(broker: &impl EventBroker, is_expected: fn(&Health) -> bool) {
    let mut turns = broker.subscribe(BrokerHealthChanged::INTEREST);
    while !is_expected(&broker.health()) {
        soon(turns.next()).await;
    }
}

fn again() -> Event {
    TaskAdded::new(task_id("again")).into()
}

#[test]
fn a_server_that_is_gone_for_long_is_asked_again_after_pauses_that_grow_and_are_bounded() {
    block_on(async {
        let server = Arc::new(Server::default());
        let options = BrokerOptions { reconnect: RECONNECT, ..BrokerOptions::default() };
        let broker = Relay::new(Line(server.clone()), options);
        assert_eq!(broker.start().await, Ok(()));
        assert_eq!(broker.health(), Health::Healthy);

        server.goes();
        until_health(&broker, |health| *health != Health::Healthy).await;
        // Were the pauses to go on growing, so many would take longer than anybody lives.
        let pauses = server.pauses_between(64).await;

        assert!(pauses[16..].iter().all(|pause| *pause >= RECONNECT.max), "{pauses:?}");
        let mut listener = broker.subscribe(EventInterest::ALL);
        server.returns();
        until_health(&broker, |health| *health == Health::Healthy).await;
        broker.publish(vec![again()]);
        let mut heard = Vec::new();
        while heard.last() != Some(&EventItem::Event(again())) {
            heard.push(soon(listener.next()).await.expect("the broker goes on"));
        }
        assert!(heard.contains(&EventItem::Lagged(0)), "what others published is missing: {heard:?}");
        broker.stop().await;
    });
}

#[test]
fn nobody_who_sets_no_times_waits_longer_than_half_a_minute() {
    let reconnect = BrokerOptions::default().reconnect;
    for failures in [1, 2, 10, 100, u32::MAX] {
        for chance in [0.0, 0.5, 1.0] {
            let pause = reconnect.delay(failures, chance);
            assert!(pause <= Duration::from_secs(30), "{pause:?} after {failures} failures");
            assert!(failures < 10 || pause >= Duration::from_secs(15), "{pause:?} after {failures} failures");
        }
    }
}
