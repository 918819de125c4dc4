//! The broker over MQTT keeps the event broker contract, through every kind of outage, whatever the quality of service.

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_mqtt::rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet};
use apsched_broker_mqtt::{MqttBroker, MqttConfig, QoS};
use apsched_core::Backoff;
use apsched_core::broker::relay::BrokerOptions;
use apsched_core::broker::{EventBroker, EventItem, Subscription};
use apsched_core::event::{self as events, BrokerHealthChanged, EventInterest, EventType, ScheduleRemoved};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, Disturbance};
use apsched_testkit::conformance::{Support, block_on};
use apsched_testkit::fault::{OwnServer, TcpProxy};
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{schedule_id, task_id};
use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

/// A broker that gives up soon and comes back soon.
fn broker(config: MqttConfig) -> Arc<dyn EventBroker> {
    let options = BrokerOptions {
        timeout: Duration::from_secs(1),
        keep_alive: Duration::from_secs(1),
        reconnect: Backoff::fixed(Duration::from_millis(20)),
        ..BrokerOptions::default()
    };
    Arc::new(MqttBroker::new(config.options(options)).expect("a valid configuration"))
}

/// A topic of its own, reached through a line that can be spoiled.
struct Topic {
    name: String,
    qos: QoS,
    line: OnceCell<TcpProxy>,
}

/// A server of its own.
struct Alone {
    server: Mutex<OwnServer>,
    qos: QoS,
}

impl Topic {
    fn new(qos: QoS) -> Self {
        Self { name: format!("apsched/test/{:016x}", fastrand::u64(..)), qos, line: OnceCell::new() }
    }

    async fn line(&self) -> &TcpProxy {
        let line = || async { TcpProxy::start(Backend::Mqtt.address()).await.expect("a free port") };
        self.line.get_or_init(line).await
    }
}

#[async_trait]
impl BrokerHarness for Topic {
    async fn open(&self) -> Arc<dyn EventBroker> {
        let url = Backend::Mqtt.url_through(self.line().await.address());
        broker(MqttConfig::from_url(&url).expect("a URL of MQTT").topic(&self.name).qos(self.qos))
    }

    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        let config = MqttConfig::from_url(&Backend::Mqtt.url()).expect("a URL of MQTT");
        broker(config.topic(&self.name).qos(self.qos))
    }

    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities {
            other_processes: Support::Yes,
            outages: Support::Yes,
            foreign_messages: Support::Yes,
        }
    }

    async fn inject(&self, message: Vec<u8>) {
        let address = Backend::Mqtt.address();
        let id = format!("test{:016x}", fastrand::u64(..));
        let mut options = MqttOptions::new(id, address.host, address.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::new(options, 1);
        // Acknowledged, so that it is on its way to the others.
        client.publish(&self.name, QoS::AtLeastOnce, false, message).await.expect("there is room");
        until_acknowledged(&mut events).await;
    }

    async fn disturb(&self, disturbance: Disturbance) {
        let line = self.line().await;
        match disturbance {
            Disturbance::Cut => line.cut(),
            Disturbance::Gone => line.refuse(),
            Disturbance::Silence => line.swallow(),
            Disturbance::Heal => line.heal(),
            Disturbance::Restart => unreachable!("this server is shared"),
        }
    }

    async fn restartable(&self) -> Result<Box<dyn BrokerHarness>, String> {
        let server = Mutex::new(OwnServer::start(Backend::Mqtt).await?);
        Ok(Box::new(Alone { server, qos: self.qos }))
    }

    fn missing(&self) -> Option<String> {
        Backend::Mqtt.missing()
    }
}

#[async_trait]
impl BrokerHarness for Alone {
    async fn open(&self) -> Arc<dyn EventBroker> {
        let url = self.server.lock().await.url();
        broker(MqttConfig::from_url(&url).expect("a URL of MQTT").qos(self.qos))
    }

    async fn disturb(&self, disturbance: Disturbance) {
        assert_eq!(disturbance, Disturbance::Restart, "the line to this server is not spoiled");
        self.server.lock().await.restart().await;
    }
}

async fn until_acknowledged(events: &mut EventLoop) {
    while !matches!(events.poll().await.expect("a server"), Event::Incoming(Packet::PubAck(_))) {}
}

apsched_testkit::event_broker_conformance!(Topic::new(QoS::AtMostOnce));

mod at_least_once {
    use super::{QoS, Topic};

    apsched_testkit::event_broker_conformance!(Topic::new(QoS::AtLeastOnce));
}

/// A window of two unacknowledged messages, full when the connection dies: on a clean session nobody will ever acknowledge
/// them, and a client that carries them over sends nothing again.
#[test]
fn a_full_window_does_not_outlive_its_connection() {
    if let Some(why) = Backend::Mqtt.missing() {
        return report_skipped("a_full_window_does_not_outlive_its_connection", &why);
    }
    block_on(async {
        let topic = Topic::new(QoS::AtLeastOnce);
        let address = topic.line().await.address();
        let narrow = || {
            let id = format!("test{:016x}", fastrand::u64(..));
            let mut client = MqttOptions::new(id, address.ip().to_string(), address.port());
            client.set_inflight(2);
            broker(MqttConfig::from_client_options(client).topic(&topic.name).qos(topic.qos))
        };
        let (here, there) = (narrow(), narrow());
        here.start().await.expect("a valid configuration");
        there.start().await.expect("a valid configuration");
        let mut turns = here.subscribe(BrokerHealthChanged::INTEREST);

        topic.disturb(Disturbance::Silence).await;
        here.publish((0..2_000).map(|number| named(&format!("before {number}"))).collect());
        turn(&mut turns).await;
        topic.disturb(Disturbance::Heal).await;
        turn(&mut turns).await;

        let mut listener = there.subscribe(EventInterest::ALL);
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        let heard = async {
            loop {
                tokio::select! {
                    _ = looks.tick() => here.publish(vec![named("after")]),
                    item = listener.next() => if item == Some(EventItem::Event(named("after"))) { return },
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("an event that gets through");
    });
}

fn named(id: &str) -> events::Event {
    ScheduleRemoved::new(schedule_id(id), task_id("send")).into()
}

async fn turn(turns: &mut Subscription) {
    let turn = async {
        while !matches!(turns.next().await, Some(EventItem::Event(events::Event::BrokerHealthChanged(_)))) {}
    };
    tokio::time::timeout(Duration::from_secs(20), turn).await.expect("a turn of the health");
}
