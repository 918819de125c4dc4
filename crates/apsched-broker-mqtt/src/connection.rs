//! One connection to an MQTT server, which subscribes and publishes.
//!
//! The client library works while its event loop is polled, and when a connection is lost it makes the next one by itself:
//! without its subscriptions, and with what was under way, which on a clean session is never acknowledged and can hold up
//! everything behind it for ever. So a connection here has a client and an event loop of its own, which end with it; the
//! relay asks for the next.
//!
//! Signs of life are asked for by the library, at the interval that was agreed on with the server.

use std::sync::Arc;

use apsched_core::broker::relay::{LinkError, LinkReceiver, LinkSender, Transport};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeReasonCode};
use tokio::sync::Notify;

/// Messages that the event loop has not taken yet; with more, sending waits.
const QUEUE_CAPACITY: usize = 16;

/// The way to the server.
#[derive(Clone)]
pub(crate) struct MqttTransport {
    options: MqttOptions,
    topic: String,
    qos: QoS,
}

impl MqttTransport {
    pub(crate) const fn new(options: MqttOptions, topic: String, qos: QoS) -> Self {
        Self { options, topic, qos }
    }
}

/// Without the options, which hold the credentials.
impl std::fmt::Debug for MqttTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttTransport")
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .finish_non_exhaustive()
    }
}

/// Hands messages to the event loop.
pub(crate) struct MqttSender {
    client: AsyncClient,
    topic: String,
    qos: QoS,
    has_ended: Arc<Notify>,
}

/// Polls the event loop, which does the work of both.
pub(crate) struct MqttReceiver {
    events: EventLoop,
    has_ended: Arc<Notify>,
}

impl Transport for MqttTransport {
    type Sender = MqttSender;
    type Receiver = MqttReceiver;

    async fn connect(&self) -> Result<(MqttSender, MqttReceiver), LinkError> {
        let (client, mut events) = AsyncClient::new(self.options.clone(), QUEUE_CAPACITY);
        events.network_options.set_tcp_nodelay(true);
        let subscribed = client.try_subscribe(&self.topic, self.qos);
        subscribed.map_err(|error| LinkError::new("subscribe to the mqtt topic", error))?;
        loop {
            let event =
                events.poll().await.map_err(|error| LinkError::new("connect to the mqtt server", error))?;
            if let Event::Incoming(Packet::SubAck(answer)) = event {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Err(LinkError::of("the mqtt server refused the subscription to the topic"));
                }
                break;
            }
        }
        let has_ended = Arc::new(Notify::new());
        let sender =
            MqttSender { client, topic: self.topic.clone(), qos: self.qos, has_ended: has_ended.clone() };
        Ok((sender, MqttReceiver { events, has_ended }))
    }
}

impl LinkSender for MqttSender {
    async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let published = self.client.publish(&self.topic, self.qos, false, message).await;
        published.map_err(|error| LinkError::new("publish to the mqtt topic", error))
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    /// Waits until the server has read everything, the goodbye last, and closed the connection. Were it closed here with
    /// something unread in it, the server might never see what was sent last.
    async fn close(&mut self) {
        if self.client.disconnect().await.is_ok() {
            self.has_ended.notified().await;
        }
    }
}

impl LinkReceiver for MqttReceiver {
    async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::Publish(message))) => return Ok(message.payload.to_vec()),
                Ok(_) => {}
                Err(error) => {
                    self.has_ended.notify_one();
                    return Err(LinkError::new("talk to the mqtt server", error));
                }
            }
        }
    }
}
