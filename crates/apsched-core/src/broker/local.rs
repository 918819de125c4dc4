//! The broker of a single process: delivers where it is.

use async_trait::async_trait;

use super::{BrokerError, EventBroker, Subscribers, Subscription};
use crate::event::{Event, EventInterest, Health};

/// Delivers events within this process; the default.
///
/// Schedulers of one process that share a store should share the broker too; else they hear of each other's work at
/// the next poll.
#[derive(Debug, Default)]
pub struct LocalBroker {
    subscribers: Subscribers,
}

impl LocalBroker {
    /// A broker without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl EventBroker for LocalBroker {
    async fn start(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    fn publish(&self, events: Vec<Event>) {
        self.subscribers.deliver(&events);
    }

    fn interest(&self) -> EventInterest {
        self.subscribers.interest()
    }

    fn subscribe(&self, interest: EventInterest) -> Subscription {
        self.subscribers.subscribe(interest)
    }

    fn health(&self) -> Health {
        Health::Healthy
    }

    async fn stop(&self) {
        self.subscribers.close();
    }
}
