//! Event broker of apsched, a task scheduler and job queue, over `LISTEN` and `NOTIFY` of PostgreSQL.
//!
//! ```
//! use apsched_broker_postgres::PostgresBroker;
//!
//! let broker = PostgresBroker::connect("postgres://app@127.0.0.1/app")?; // connects when the scheduler starts
//! # Ok::<(), apsched_core::broker::BrokerError>(())
//! ```
//!
//! Schedulers that share a data store and a channel hear of each other's work within a millisecond or so, instead of at the
//! next poll. Where the store is in PostgreSQL this broker needs no server besides.
//!
//! | file | decides |
//! |---|---|
//! | `config.rs` | which server, which channel |
//! | `tls.rs` | what `sslmode` means |
//! | `connection.rs` | how one connection is made, and carries text |
//! | `broker.rs` | nothing: it joins them with `apsched_core::broker::relay`, which does the rest |
//!
//! # Channel, database, pooler
//! All who are to hear each other use one database and one [channel](PostgresConfig::channel). A role needs no right but
//! to connect. The broker keeps one connection, beside those of the store; it needs a primary, since a standby refuses to
//! listen.
//!
//! **A pooler that gives each transaction another session** (PgBouncer in transaction mode) takes the subscription away
//! without a word. The broker publishes once and waits until it hears itself, and is
//! [unhealthy](apsched_core::event::BrokerHealthChanged) when it does not. Connect past the pooler.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod broker;
mod config;
mod connection;
#[cfg(feature = "tls")]
mod tls;

pub use broker::PostgresBroker;
pub use config::PostgresConfig;
pub use tokio_postgres;
