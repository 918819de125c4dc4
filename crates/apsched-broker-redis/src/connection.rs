//! One connection to Redis: a socket that is subscribed, and one that publishes.
//!
//! In the protocol that every server speaks a subscribed connection can do nothing else, so there are two. Neither
//! connects again by itself: when one is broken, both are given up and the relay makes new ones, subscribed from the
//! first. Not used for that reason: the library's connection manager, which reconnects without saying so.

use apsched_core::broker::relay::{LinkError, LinkReceiver, LinkSender, Transport};
use futures_util::StreamExt;
use futures_util::future::try_join;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client};

/// The way to the server.
#[derive(Clone, Debug)]
pub(crate) struct RedisTransport {
    client: Client,
    channel: String,
}

impl RedisTransport {
    pub(crate) const fn new(client: Client, channel: String) -> Self {
        Self { client, channel }
    }
}

/// Publishes on one socket, and asks for signs of life on both.
#[derive(Debug)]
pub(crate) struct RedisSender {
    publisher: MultiplexedConnection,
    subscriber: PubSubSink,
    channel: String,
}

/// The messages of the subscribed socket.
pub(crate) struct RedisReceiver(PubSubStream);

impl Transport for RedisTransport {
    type Sender = RedisSender;
    type Receiver = RedisReceiver;

    async fn connect(&self) -> Result<(RedisSender, RedisReceiver), LinkError> {
        // The relay bounds every wait, so the library need not.
        let unbounded = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let publisher = self.client.get_multiplexed_async_connection_with_config(&unbounded);
        let connected = try_join(publisher, self.client.get_async_pubsub()).await;
        let (publisher, pubsub) = connected.map_err(|error| LinkError::new("connect to redis", error))?;
        let (mut subscriber, messages) = pubsub.split();
        let subscribed = subscriber.subscribe(&self.channel).await;
        subscribed.map_err(|error| LinkError::new("subscribe to the redis channel", error))?;
        let sender = RedisSender { publisher, subscriber, channel: self.channel.clone() };
        Ok((sender, RedisReceiver(messages)))
    }
}

impl LinkSender for RedisSender {
    async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let published =
            redis::cmd("PUBLISH").arg(&self.channel).arg(message).exec_async(&mut self.publisher).await;
        published.map_err(|error| LinkError::new("publish to the redis channel", error))
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        let command = redis::cmd("PING");
        let answers =
            try_join(command.exec_async(&mut self.publisher), self.subscriber.ping::<redis::Value>()).await;
        answers.map(drop).map_err(|error| LinkError::new("ask redis for a sign of life", error))
    }

    /// Redis needs no goodbye: what was published has been answered.
    async fn close(&mut self) {}
}

impl LinkReceiver for RedisReceiver {
    async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        let message = self.0.next().await.ok_or(LinkError::of("the redis server closed the connection"))?;
        Ok(message.get_payload_bytes().to_vec())
    }
}
