//! The event broker contract: who hears of what happened, in this process and in others.

mod subscription;

use std::fmt;

use async_trait::async_trait;

pub use subscription::{EventItem, QUEUE_CAPACITY, Subscribers, Subscription};

use crate::event::{Event, EventInterest, Health};

/// Carries events to subscribers in this process and, if it is distributed, to other processes.
///
/// Events are hints: a broker may lose some, and says so to its subscribers by [`EventItem::Lagged`]; nothing depends
/// on one arriving.
#[async_trait]
pub trait EventBroker: fmt::Debug + Send + Sync + 'static {
    /// Connects. Called before the first publish; a second call does nothing.
    ///
    /// A broker that reaches its server has connected when this returns, so that it hears what is published from then
    /// on. A server that does not answer is no error: the broker goes on trying in the background and reports its health.
    ///
    /// *Errors*: only what can never work as it is, such as a malformed address.
    async fn start(&self) -> Result<(), BrokerError>;

    /// Hands events on.
    ///
    /// *Behavior*
    /// - subscribers of this process get them at once, in the order of publishing
    /// - other processes get them, unless [`Event::is_local`]; in the order of publishing as far as they arrive
    /// - wake-ups may be summed up: one with the earliest times stands for several, and may come before or after what
    ///   was published beside it
    /// - a subscriber that is full loses the event and is told how many it lost
    /// - never waits for the network and never fails
    /// - what waits for the network is bounded; others are told that some is missing
    fn publish(&self, events: Vec<Event>);

    /// Which events somebody may listen to; others need not be built.
    ///
    /// *Behavior*
    /// - at least the union of the subscribers' interests, those of other processes too as far as they are known
    fn interest(&self) -> EventInterest;

    /// Listens to the events of `interest`, from this call on, until the subscription is dropped.
    fn subscribe(&self, interest: EventInterest) -> Subscription;

    /// Whether events reach other processes and theirs this one. A broker of one process is always healthy.
    ///
    /// *Behavior*
    /// - each turn is a [`BrokerHealthChanged`](crate::event::BrokerHealthChanged)
    /// - after a turn for the better subscribers are told by [`EventItem::Lagged`] that events may be missing
    fn health(&self) -> Health;

    /// Disconnects. Called once, last; also of a broker that was never started.
    ///
    /// *Behavior*
    /// - subscriptions end after what was published before, and later ones at once
    /// - other processes get what was published before, if the server takes it within a moment
    async fn stop(&self);
}

/// Why a broker cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The broker can never work as it is configured.
    #[error("start the event broker: {reason}")]
    Misconfigured {
        /// What is wrong, and what was expected.
        reason: String,
    },
}

#[cfg(feature = "relay")]
pub mod relay;

#[cfg(feature = "scheduler")]
mod local;
#[cfg(feature = "scheduler")]
pub use local::LocalBroker;
