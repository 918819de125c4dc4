//! The event broker contract: who hears of what happened, in this process and in others.

mod subscription;

use std::fmt;

use async_trait::async_trait;

pub use subscription::{EventItem, QUEUE_CAPACITY, Subscribers, Subscription};

use crate::event::{Event, EventInterest};

/// Carries events to subscribers in this process and, if it is distributed, to other processes.
///
/// Events are hints: a broker may lose some, and says so to its subscribers by [`EventItem::Lagged`]; nothing depends
/// on one arriving.
#[async_trait]
pub trait EventBroker: fmt::Debug + Send + Sync + 'static {
    /// Connects. Called before the first publish; a second call does nothing.
    ///
    /// *Errors*: only what can never work as it is, such as a malformed address. A server that does not answer is no
    /// error: the broker connects in the background and reports its health.
    async fn start(&self) -> Result<(), BrokerError>;

    /// Hands events on.
    ///
    /// *Behavior*
    /// - subscribers of this process get them at once, in the order of publishing
    /// - other processes get them, unless [`Event::is_local`]; in the order of publishing as far as they arrive
    /// - a subscriber that is full loses the event and is told how many it lost
    /// - never waits for the network and never fails
    fn publish(&self, events: Vec<Event>);

    /// Which events somebody may listen to; others need not be built.
    ///
    /// *Behavior*
    /// - at least the union of the subscribers' interests
    fn interest(&self) -> EventInterest;

    /// Listens to the events of `interest`, from this call on, until the subscription is dropped.
    fn subscribe(&self, interest: EventInterest) -> Subscription;

    /// Disconnects; subscriptions end after what was published before, and later ones at once. Called once, last; also of a
    /// broker that was never started.
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

#[cfg(feature = "scheduler")]
mod local;
#[cfg(feature = "scheduler")]
pub use local::LocalBroker;
