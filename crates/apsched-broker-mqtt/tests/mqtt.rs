//! The broker over MQTT keeps the event broker contract, through every kind of outage, whatever the quality of service.

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_mqtt::rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet};
use apsched_broker_mqtt::{MqttBroker, MqttConfig, QoS};
use apsched_core::Backoff;
use apsched_core::broker::EventBroker;
use apsched_core::broker::relay::BrokerOptions;
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, Disturbance};
use apsched_testkit::fault::{OwnServer, TcpProxy};
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
