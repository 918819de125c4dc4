//! One message at a time, when nothing else happens: how long a server takes to hand it from one connection to another, by
//! its driver alone.

use std::time::Duration;

use anyhow::{Context, Result};
use apsched_testkit::backend::Address;
use futures_util::StreamExt;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::broker::Broker;
use crate::stopwatch::{micros_between, nanos, rest};

/// What is sent: about as long as a wake-up.
const MESSAGE: &str = "0198c0de-0000-7000-8000-000000000000 0198c0de-0000-7000-8000-000000000001 wakeup";

/// Microseconds from publishing a message to hearing it on another connection, for so many, after a rest before each.
pub(crate) async fn hearing(broker: Broker, messages: usize, before_each: Duration) -> Result<Vec<f64>> {
    let channel = format!("apsched_bench_{}", Uuid::now_v7().simple());
    let (mut publisher, mut heard) = match broker {
        Broker::Postgres => postgres(broker, channel).await?,
        Broker::Redis => redis(broker, channel).await?,
        Broker::Mqtt => mqtt(broker, channel).await?,
    };
    let mut latencies = Vec::with_capacity(messages);
    for _ in 0..messages {
        rest(before_each).await;
        let sent_at = nanos();
        publisher.publish().await?;
        latencies.push(micros_between(sent_at, heard.recv().await.context("the subscription has ended")?));
    }
    Ok(latencies)
}

/// A connection that publishes, and when each message is heard on another.
type Line = (Publisher, mpsc::UnboundedReceiver<u64>);

enum Publisher {
    Postgres { connection: PgConnection, channel: String },
    Redis { connection: redis::aio::MultiplexedConnection, channel: String },
    Mqtt { client: AsyncClient, topic: String },
}

impl Publisher {
    async fn publish(&mut self) -> Result<()> {
        match self {
            Self::Postgres { connection, channel } => {
                let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(&*channel).bind(MESSAGE);
                notify.execute(connection).await?;
            }
            Self::Redis { connection, channel } => {
                redis::cmd("PUBLISH").arg(&*channel).arg(MESSAGE).query_async::<()>(connection).await?;
            }
            Self::Mqtt { client, topic } => {
                client.publish(&*topic, QoS::AtMostOnce, false, MESSAGE).await?;
            }
        }
        Ok(())
    }
}

async fn postgres(broker: Broker, channel: String) -> Result<Line> {
    let mut listener = PgListener::connect(&broker.url()).await?;
    listener.listen(&channel).await?;
    let (hear, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move { while listener.recv().await.is_ok() && hear.send(nanos()).is_ok() {} });
    let connection = PgConnection::connect(&broker.url()).await?;
    Ok((Publisher::Postgres { connection, channel }, heard))
}

async fn redis(broker: Broker, channel: String) -> Result<Line> {
    let client = redis::Client::open(broker.url())?;
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(&channel).await?;
    let (hear, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = subscription.into_on_message();
        while messages.next().await.is_some() && hear.send(nanos()).is_ok() {}
    });
    let connection = client.get_multiplexed_async_connection().await?;
    Ok((Publisher::Redis { connection, channel }, heard))
}

async fn mqtt(broker: Broker, topic: String) -> Result<Line> {
    let connect = |role: &str| {
        let Address { host, port } = broker.address();
        AsyncClient::new(MqttOptions::new(format!("{role}{topic}"), host, port), 16)
    };
    let (subscriber, mut events) = connect("hear");
    subscriber.subscribe(&topic, QoS::AtMostOnce).await?;
    let (hear, heard) = mpsc::unbounded_channel();
    let (subscribed, is_subscribed) = oneshot::channel();
    tokio::spawn(async move {
        let mut subscribed = Some(subscribed);
        // It ends with its client.
        let _subscriber = subscriber;
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    subscribed.take().map(|subscribed| subscribed.send(()));
                }
                Ok(Event::Incoming(Packet::Publish(_))) if hear.send(nanos()).is_err() => return,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    is_subscribed.await.context("no MQTT server has taken the subscription")?;
    let (client, events) = connect("say");
    tokio::spawn(drive(events));
    Ok((Publisher::Mqtt { client, topic }, heard))
}

/// Moves bytes until the client is gone.
async fn drive(mut events: EventLoop) {
    while events.poll().await.is_ok() {}
}
