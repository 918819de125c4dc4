//! The broker over PostgreSQL keeps the event broker contract, through every kind of outage.

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_postgres::tokio_postgres::types::ToSql;
use apsched_broker_postgres::tokio_postgres::{self, NoTls};
use apsched_broker_postgres::{PostgresBroker, PostgresConfig};
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
fn broker(url: &str, channel: &str) -> Arc<dyn EventBroker> {
    let options = BrokerOptions {
        timeout: Duration::from_secs(1),
        keep_alive: Duration::from_millis(500),
        reconnect: Backoff::fixed(Duration::from_millis(20)),
        ..BrokerOptions::default()
    };
    let config =
        PostgresConfig::from_url(url).expect("a URL of PostgreSQL").channel(channel).options(options);
    Arc::new(PostgresBroker::new(config).expect("a valid configuration"))
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
        let line = || async { TcpProxy::start(Backend::Postgres.address()).await.expect("a free port") };
        self.line.get_or_init(line).await
    }
}

#[async_trait]
impl BrokerHarness for Channel {
    async fn open(&self) -> Arc<dyn EventBroker> {
        let url = Backend::Postgres.url_through(self.line().await.address());
        broker(&url, &self.name)
    }

    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        broker(&Backend::Postgres.url(), &self.name)
    }

    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities {
            other_processes: Support::Yes,
            outages: Support::Yes,
            foreign_messages: Support::Yes,
        }
    }

    async fn inject(&self, message: Vec<u8>) {
        let mut text = String::from_utf8_lossy(&message).replace('\0', "");
        text.truncate((0..8_000).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default());
        let (client, connection) =
            tokio_postgres::connect(&Backend::Postgres.url(), NoTls).await.expect("a server");
        let parameters: [&(dyn ToSql + Sync); 2] = [&self.name, &text];
        let notify = client.execute("SELECT pg_notify($1, $2)", &parameters);
        tokio::select! {
            notified = notify => assert_eq!(notified.expect("the server takes any text"), 1),
            ended = connection => panic!("the connection ended: {ended:?}"),
        }
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
        Ok(Box::new(Alone(Mutex::new(OwnServer::start(Backend::Postgres).await?))))
    }

    fn missing(&self) -> Option<String> {
        Backend::Postgres.missing()
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
