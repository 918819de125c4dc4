//! Event broker of apsched, a task scheduler and job queue, over MQTT.
//!
//! ```
//! use apsched_broker_mqtt::MqttBroker;
//!
//! let broker = MqttBroker::connect("mqtt://127.0.0.1:1883")?; // connects when the scheduler starts
//! # Ok::<(), apsched_core::broker::BrokerError>(())
//! ```
//!
//! Schedulers that share a data store and a topic hear of each other's work within a millisecond or so, instead of at the
//! next poll. Speaks MQTT 3.1.1, which every server understands; tested with Mosquitto.
//!
//! | file | decides |
//! |---|---|
//! | `config.rs` | which server, which topic, which quality of service |
//! | `connection.rs` | how one connection is made, and carries bytes |
//! | `broker.rs` | nothing: it joins the two with `apsched_core::broker::relay`, which does the rest |
//!
//! # Topic and server
//! All who are to hear each other use one [topic](MqttConfig::topic), and no others. A client needs the right to publish to
//! it *and* to subscribe to it; MQTT refuses either without a word, so the broker publishes once and waits until it hears
//! itself, and is [unhealthy](apsched_core::event::BrokerHealthChanged) when it does not. Who can publish to the topic can
//! wake schedulers, and nothing worse: a message carries ids and is believed to be a hint.
//!
//! # Latency
//! Give Mosquitto the line `set_tcp_nodelay true`, which is `false` unless it is set. Without it the server holds back a
//! message that follows another closely, until the client's system has acknowledged the first: up to 40 ms on Linux. No
//! client can change that, and a higher [quality of service](QoS) does not help: it is the server's socket that waits
//! (Nagle's algorithm). Measured as the time from adding a job to its start in another process, 25 ms after the last one and
//! with all events being sent, the 99th percentile was about 18 ms without the line, and 5 ms with it.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod broker;
mod config;
mod connection;

pub use broker::MqttBroker;
pub use config::MqttConfig;
pub use rumqttc::{self, QoS};
