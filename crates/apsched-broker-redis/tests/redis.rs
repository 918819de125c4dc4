//! The broker over Redis keeps the event broker contract, through every kind of outage.

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_redis::{RedisBroker, RedisConfig, redis};
use apsched_core::Backoff;
use apsched_core::broker::EventBroker;
use apsched_core::broker::relay::BrokerOptions;
use apsched_core::event::{BrokerHealthChanged, EventType, Health};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, Disturbance};
use apsched_testkit::conformance::{Support, block_on};
use apsched_testkit::fault::{OwnServer, TcpProxy};
use apsched_testkit::report_skipped;
use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

/// A broker that gives up soon and comes back soon.
fn broker(url: &str, channel: &str) -> Arc<dyn EventBroker> {
    let options = BrokerOptions {
        timeout: Duration::from_secs(1),
        keep_alive: Duration::from_millis(500),
        reconnect: Backoff::fixed(Duration::from_millis(20)),
        ..BrokerOptions::default()
    };
    let config = RedisConfig::from_url(url).expect("a URL of Redis").channel(channel).options(options);
    Arc::new(RedisBroker::new(config).expect("a valid configuration"))
}

/// A channel of its own, reached through a line that can be spoiled.
struct Channel {
    name: String,
    line: OnceCell<TcpProxy>,
}

/// A server of its own.
struct Alone(Mutex<OwnServer>);

impl Channel {
    fn new() -> Self {
        Self { name: format!("apsched-test-{:016x}", fastrand::u64(..)), line: OnceCell::new() }
    }

    async fn line(&self) -> &TcpProxy {
        let line = || async { TcpProxy::start(Backend::Redis.address()).await.expect("a free port") };
        self.line.get_or_init(line).await
    }
}

#[async_trait]
impl BrokerHarness for Channel {
    async fn open(&self) -> Arc<dyn EventBroker> {
        let url = Backend::Redis.url_through(self.line().await.address());
        broker(&url, &self.name)
    }

    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        broker(&Backend::Redis.url(), &self.name)
    }

    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities {
            other_processes: Support::Yes,
            outages: Support::Yes,
            foreign_messages: Support::Yes,
        }
    }

    async fn inject(&self, message: Vec<u8>) {
        let client = redis::Client::open(Backend::Redis.url()).expect("a URL of Redis");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a server");
        let publish = redis::cmd("PUBLISH").arg(&self.name).arg(message).exec_async(&mut connection).await;
        publish.expect("the server takes any bytes");
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
        Ok(Box::new(Alone(Mutex::new(OwnServer::start(Backend::Redis).await?))))
    }

    fn missing(&self) -> Option<String> {
        Backend::Redis.missing()
    }
}

#[async_trait]
impl BrokerHarness for Alone {
    async fn open(&self) -> Arc<dyn EventBroker> {
        broker(&self.0.lock().await.url(), "apsched")
    }

    async fn disturb(&self, disturbance: Disturbance) {
        assert_eq!(disturbance, Disturbance::Restart, "the line to this server is not spoiled");
        self.0.lock().await.restart().await;
    }
}

apsched_testkit::event_broker_conformance!(Channel::new());

/// As a server does with a subscriber that reads too slowly. Its other connection lives on.
#[test]
fn a_subscriber_that_is_thrown_out_comes_back() {
    block_on(async {
        let server = match OwnServer::start(Backend::Redis).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_subscriber_that_is_thrown_out_comes_back", &why),
        };
        let broker = broker(&server.url(), "apsched");
        broker.start().await.expect("a valid configuration");
        let mut turns = broker.subscribe(BrokerHealthChanged::INTEREST);

        let client = redis::Client::open(server.url()).expect("a URL of Redis");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a server");
        let killed = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).query_async(&mut connection).await;
        assert_eq!(killed, Ok(1), "the broker has one such connection");

        for turn in ["unhealthy", "healthy"] {
            let told = tokio::time::timeout(Duration::from_secs(20), turns.next()).await;
            assert!(told.is_ok(), "the broker is {turn} within 20 s");
        }
        assert_eq!(broker.health(), Health::Healthy);
    });
}
