//! The broker: the relay over a connection to an MQTT server.

use apsched_core::broker::relay::Relay;
use apsched_core::broker::{BrokerError, EventBroker, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use async_trait::async_trait;

use crate::config::MqttConfig;
use crate::connection::MqttTransport;

/// Carries events between processes over a topic of an MQTT server.
///
/// Connects when the scheduler starts; when the connection is lost, connects and subscribes again, for ever.
///
/// Mosquitto needs `set_tcp_nodelay true` in its configuration, or it holds back up to 40 ms what follows another message
/// closely; see [the crate](crate#latency).
///
/// ```
/// use apsched_broker_mqtt::MqttBroker;
///
/// assert!(MqttBroker::connect("mqtt://127.0.0.1:1883").is_ok()); // whether or not somebody listens there
/// assert!(MqttBroker::connect("127.0.0.1:1883").is_err()); // not a URL
/// ```
#[derive(Debug)]
pub struct MqttBroker(Relay<MqttTransport>);

impl MqttBroker {
    /// A broker over the server at `url`, on the topic `apsched/events`; see [`MqttConfig::from_url`].
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the URL can never work. Whether a server answers is not asked here.
    pub fn connect(url: &str) -> Result<Self, BrokerError> {
        Self::new(MqttConfig::from_url(url)?)
    }

    /// A broker as configured.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when it can never work.
    pub fn new(config: MqttConfig) -> Result<Self, BrokerError> {
        config.check()?;
        let client = config.client_options();
        let MqttConfig { topic, qos, options, .. } = config;
        Ok(Self(Relay::new(MqttTransport::new(client, topic, qos), options)))
    }
}

#[async_trait]
impl EventBroker for MqttBroker {
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
