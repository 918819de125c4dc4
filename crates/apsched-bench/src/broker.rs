//! Which event broker tells schedulers in different processes of each other's work.

use anyhow::Result;
use apsched::SchedulerBuilder;
use apsched::broker::{MqttBroker, MqttConfig, PostgresBroker, PostgresConfig, RedisBroker, RedisConfig};
use apsched_testkit::backend::{Address, Backend};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// An event broker between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Broker {
    /// The server of APSCHED_TEST_POSTGRES_URL
    Postgres,
    /// The server of APSCHED_TEST_REDIS_URL
    Redis,
    /// The server of APSCHED_TEST_MQTT_URL
    Mqtt,
}

impl Broker {
    /// How it is called in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Mqtt => "MQTT",
        }
    }

    /// Why it cannot be measured here. `None`: it can.
    pub(crate) fn missing(self) -> Option<String> {
        self.backend().missing()
    }

    /// Where its server is.
    pub(crate) fn url(self) -> String {
        self.backend().url()
    }

    /// The server's host and port.
    pub(crate) fn address(self) -> Address {
        self.backend().address()
    }

    /// A scheduler that sends and hears events on a channel of this name.
    pub(crate) fn between(self, scheduler: SchedulerBuilder, channel: &str) -> Result<SchedulerBuilder> {
        let url = self.url();
        Ok(match self {
            Self::Postgres => {
                scheduler.event_broker(PostgresBroker::new(PostgresConfig::from_url(&url)?.channel(channel))?)
            }
            Self::Redis => {
                scheduler.event_broker(RedisBroker::new(RedisConfig::from_url(&url)?.channel(channel))?)
            }
            Self::Mqtt => {
                scheduler.event_broker(MqttBroker::new(MqttConfig::from_url(&url)?.topic(channel))?)
            }
        })
    }

    const fn backend(self) -> Backend {
        match self {
            Self::Postgres => Backend::Postgres,
            Self::Redis => Backend::Redis,
            Self::Mqtt => Backend::Mqtt,
        }
    }
}
