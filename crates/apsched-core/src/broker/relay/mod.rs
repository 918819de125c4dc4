//! What all brokers between processes share: the whole broker but the way of bytes.
//!
//! [`Relay`] is an [`EventBroker`] over any [`Transport`]. Subscribers of its own process get events at once; others get
//! them by small messages on one channel that all processes publish to and are subscribed to. A plug-in brings a transport,
//! which makes connections to a server and moves bytes over them, and has the rest from here:
//!
//! | question | file |
//! |---|---|
//! | how does a message look, and what is believed of one that arrives? | `message.rs` |
//! | what waits, what is summed up, what is given up when too much waits? | `outbox.rs` |
//! | who else is there, who listens to what, was a message lost? | `audience.rs` |
//! | when is the connection made, watched, made again? | `link.rs` |
//! | what must a transport do? | `transport.rs` |
//! | what can be set? | `options.rs` |
//!
//! Publishing puts events into a bounded queue and returns. Nothing is acknowledged and nothing is kept for processes that
//! are away: events are hints, a lost one costs latency and never a job. What is lost is told to those who listen, by
//! [`EventItem::Lagged`](super::EventItem::Lagged), and schedulers then ask their store.
//!
//! # A broker of your own
//!
//! Implement [`Transport`], wrap the relay, and run the testkit's `event_broker_conformance!` on it.

mod audience;
mod exchange;
mod link;
mod message;
mod options;
mod outbox;
mod transport;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use message::MAX_MESSAGE_BYTES;
pub use options::{BrokerOptions, RelayedEvents};
pub use transport::{LinkError, LinkReceiver, LinkSender, Transport};

use super::{BrokerError, EventBroker, Subscription};
use crate::event::{Event, EventInterest, Health};
use exchange::Exchange;
use link::{History, Link};
use message::Origin;

/// Longest time that a stop waits for what is still to be sent.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// An event broker between processes, over a transport.
///
/// Its connection is a task on the tokio runtime of [`start`](EventBroker::start), which ends with
/// [`stop`](EventBroker::stop) or when the relay is dropped. `start` waits for the first attempt to connect, at most twice
/// [`BrokerOptions::timeout`], and is content with a failure: the connection is then made as soon as the server answers.
#[derive(Debug)]
pub struct Relay<T> {
    transport: Arc<T>,
    options: BrokerOptions,
    exchange: Arc<Exchange>,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    New,
    Started { task: Task, stop: watch::Sender<bool>, is_tried: watch::Receiver<bool> },
    Stopped,
}

/// A task that ends when it is dropped.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T: Transport> Relay<T> {
    /// A relay that is not connected yet.
    #[must_use]
    pub fn new(transport: T, options: BrokerOptions) -> Self {
        let exchange = Arc::new(Exchange::new(&options, Origin(fastrand::u64(..))));
        Self { transport: Arc::new(transport), options, exchange, stage: Mutex::new(Stage::New) }
    }

    fn spawn_link(&self) -> Stage {
        let (stop, stopping) = watch::channel(false);
        let (is_tried, tried) = watch::channel(false);
        let link = Link {
            transport: self.transport.clone(),
            exchange: self.exchange.clone(),
            options: self.options.clone(),
            stop: stopping,
            is_tried,
            history: History::default(),
        };
        Stage::Started { task: Task(tokio::spawn(link.run())), stop, is_tried: tried }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: Transport> EventBroker for Relay<T> {
    async fn start(&self) -> Result<(), BrokerError> {
        self.options.check()?;
        let mut tried = {
            let mut stage = self.stage();
            if matches!(*stage, Stage::New) {
                *stage = self.spawn_link();
            }
            match &*stage {
                Stage::Started { is_tried, .. } => is_tried.clone(),
                Stage::New | Stage::Stopped => return Ok(()),
            }
        };
        // Fails when the broker was stopped meanwhile.
        drop(tried.wait_for(|is_tried| *is_tried).await);
        Ok(())
    }

    fn publish(&self, events: Vec<Event>) {
        self.exchange.publish(events);
    }

    fn interest(&self) -> EventInterest {
        self.exchange.interest()
    }

    fn subscribe(&self, interest: EventInterest) -> Subscription {
        self.exchange.subscribe(interest)
    }

    fn health(&self) -> Health {
        self.exchange.health()
    }

    async fn stop(&self) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Stopped);
        if let Stage::Started { mut task, stop, .. } = stage {
            stop.send_replace(true);
            if tokio::time::timeout(STOP_PATIENCE, &mut task.0).await.is_err() {
                tracing::debug!("the event broker stops without having sent everything");
            }
        }
        self.exchange.close();
    }
}
