//! The broker: the relay over a connection to Redis.

use apsched_core::broker::relay::Relay;
use apsched_core::broker::{BrokerError, EventBroker, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use async_trait::async_trait;

use crate::config::RedisConfig;
use crate::connection::RedisTransport;

/// Carries events between processes over a channel of Redis.
///
/// Connects when the scheduler starts; when the connection is lost, connects and subscribes again, for ever.
///
/// ```
/// use apsched_broker_redis::RedisBroker;
///
/// assert!(RedisBroker::connect("redis://127.0.0.1:6379").is_ok()); // whether or not somebody listens there
/// assert!(RedisBroker::connect("127.0.0.1:6379").is_err()); // not a URL
/// ```
#[derive(Debug)]
pub struct RedisBroker(Relay<RedisTransport>);

impl RedisBroker {
    /// A broker over the server at `url`, on the channel `apsched`; see [`RedisConfig::from_url`].
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the URL can never work. Whether a server answers is not asked here.
    pub fn connect(url: &str) -> Result<Self, BrokerError> {
        Self::new(RedisConfig::from_url(url)?)
    }

    /// A broker as configured.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when it can never work.
    pub fn new(config: RedisConfig) -> Result<Self, BrokerError> {
        config.check()?;
        let RedisConfig { client, channel, options } = config;
        Ok(Self(Relay::new(RedisTransport::new(client, channel), options)))
    }
}

#[async_trait]
impl EventBroker for RedisBroker {
    async fn start(&self) -> Result<(), BrokerError> {
        self.0.start().await
    }

    fn publish(&self, events: Vec<Event>) {
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
