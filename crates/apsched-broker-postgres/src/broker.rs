//! The broker: the relay over a connection to PostgreSQL.

use apsched_core::broker::relay::Relay;
use apsched_core::broker::{BrokerError, EventBroker, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use async_trait::async_trait;

use crate::config::PostgresConfig;
use crate::connection::PostgresTransport;

/// Carries events between processes by `NOTIFY` of PostgreSQL.
///
/// Connects when the scheduler starts; when the connection is lost, connects and subscribes again, for ever.
///
/// ```
/// use apsched_broker_postgres::PostgresBroker;
///
/// assert!(PostgresBroker::connect("postgres://app@127.0.0.1/app").is_ok()); // whether or not somebody listens there
/// assert!(PostgresBroker::connect("127.0.0.1:5432").is_err()); // not a URL
/// ```
#[derive(Debug)]
pub struct PostgresBroker(Relay<PostgresTransport>);

impl PostgresBroker {
    /// A broker over the server at `url`, on the channel `apsched`; see [`PostgresConfig::from_url`].
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the URL can never work. Whether a server answers is not asked here.
    pub fn connect(url: &str) -> Result<Self, BrokerError> {
        Self::new(PostgresConfig::from_url(url)?)
    }

    /// A broker as configured.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when it can never work.
    pub fn new(config: PostgresConfig) -> Result<Self, BrokerError> {
        config.check()?;
        #[cfg(feature = "tls")]
        let tls = crate::tls::connector(&config)?;
        let PostgresConfig { client, channel, options, .. } = config;
        let transport = PostgresTransport {
            config: client,
            #[cfg(feature = "tls")]
            tls,
            channel,
        };
        Ok(Self(Relay::new(transport, options)))
    }
}

#[async_trait]
impl EventBroker for PostgresBroker {
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
