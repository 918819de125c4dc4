//! Event broker of apsched, a task scheduler and job queue, over the pub/sub of Redis.
//!
//! ```
//! use apsched_broker_redis::RedisBroker;
//!
//! let broker = RedisBroker::connect("redis://127.0.0.1:6379")?; // connects when the scheduler starts
//! # Ok::<(), apsched_core::broker::BrokerError>(())
//! ```
//!
//! Schedulers that share a data store and a channel hear of each other's work within a millisecond or so, instead of at
//! the next poll. Nothing is kept in Redis: no key is written, and a server without memory or disk of its own is enough. Any
//! server with `PUBLISH` and `SUBSCRIBE` will do, such as Valkey or Redis from version 2 on.
//!
//! | file | decides |
//! |---|---|
//! | `config.rs` | which server, which channel |
//! | `connection.rs` | how one connection is made, and carries bytes |
//! | `broker.rs` | nothing: it joins the two with `apsched_core::broker::relay`, which does the rest |
//!
//! # Channel and server
//! All who are to hear each other use one [channel](RedisConfig::channel), and no others. Channels do not belong to a
//! database: two programs on one server need two channels, whatever number their URLs end with. On a cluster any node will
//! do. Who can publish to the channel can wake schedulers, and nothing worse: a message carries ids and is believed to be a
//! hint.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod broker;
mod config;
mod connection;

pub use broker::RedisBroker;
pub use config::RedisConfig;
pub use redis;
