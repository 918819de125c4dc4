//! A broker that cannot do without its server: who publishes meanwhile is made to pay for it.

use std::sync::Arc;

use apsched_core::broker::{BrokerError, EventBroker, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, Disturbance};
use async_trait::async_trait;

use crate::bus::Bus;

/// Of this bus.
pub(crate) struct Brittle(pub(crate) Bus);

/// Panics where something is published while it is not connected.
#[derive(Debug)]
struct BrittleBroker(Arc<dyn EventBroker>);

#[async_trait]
impl EventBroker for BrittleBroker {
    async fn start(&self) -> Result<(), BrokerError> {
        self.0.start().await
    }

    fn publish(&self, events: Vec<Event>) {
        assert_eq!(self.0.health(), Health::Healthy, "this broker publishes to a server or not at all");
        self.0.publish(events);
    }

    fn interest(&self) -> EventInterest {
        self.0.interest()
    }

    fn subscribe(&self, interest: EventInterest) -> Subscription {
        self.0.subscribe(interest)
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    async fn stop(&self) {
        self.0.stop().await;
    }
}

#[async_trait]
impl BrokerHarness for Brittle {
    async fn open(&self) -> Arc<dyn EventBroker> {
        Arc::new(BrittleBroker(self.0.open().await))
    }

    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        self.0.open_undisturbed().await
    }

    fn capabilities(&self) -> BrokerCapabilities {
        self.0.capabilities()
    }

    async fn inject(&self, message: Vec<u8>) {
        self.0.inject(message).await;
    }

    async fn disturb(&self, disturbance: Disturbance) {
        self.0.disturb(disturbance).await;
    }

    async fn restartable(&self) -> Result<Box<dyn BrokerHarness>, String> {
        Ok(Box::new(Self(self.0.clone())))
    }
}
