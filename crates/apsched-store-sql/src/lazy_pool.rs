//! A pool that is made when a connection is first needed.
//!
//! sqlx makes pools only within a runtime, but a store may be opened before there is one: a program without async opens its
//! store, and the scheduler brings the runtime.

use std::sync::OnceLock;
use std::time::Duration;

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{Connection, Database, Pool};

/// The options of a sqlx connection.
pub(crate) type ConnectOptions<DB> = <<DB as Database>::Connection as Connection>::Options;

/// A pool, or what one is made of.
#[derive(Debug)]
pub(crate) struct LazyPool<DB: Database> {
    pool: OnceLock<Pool<DB>>,
    options: PoolOptions<DB>,
    connect: ConnectOptions<DB>,
}

impl<DB: Database> LazyPool<DB> {
    pub(crate) const fn new(options: PoolOptions<DB>, connect: ConnectOptions<DB>) -> Self {
        Self { pool: OnceLock::new(), options, connect }
    }

    /// A connection of the pool.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        self.get().acquire().await
    }

    /// The pool. Not to be called outside of a runtime.
    pub(crate) fn get(&self) -> &Pool<DB> {
        self.pool.get_or_init(|| self.options.clone().connect_lazy_with(self.connect.clone()))
    }

    /// Connects once, beside the pool: that one takes a refusal for a server which is about to start, and waits.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) async fn try_connect(&self) -> Result<(), sqlx::Error> {
        let connected =
            tokio::time::timeout(self.acquire_timeout(), DB::Connection::connect_with(&self.connect));
        connected.await.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await
    }

    pub(crate) const fn connect_options(&self) -> &ConnectOptions<DB> {
        &self.connect
    }

    pub(crate) fn max_connections(&self) -> u32 {
        self.options.get_max_connections()
    }

    pub(crate) fn acquire_timeout(&self) -> Duration {
        self.options.get_acquire_timeout()
    }

    /// Whether every connection that the pool may open is in use.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.pool.get().is_some_and(|pool| pool.num_idle() == 0 && pool.size() >= self.max_connections())
    }
}

impl<DB: Database> From<Pool<DB>> for LazyPool<DB> {
    fn from(pool: Pool<DB>) -> Self {
        let (options, connect) =
            (pool.options().clone(), ConnectOptions::<DB>::clone(&pool.connect_options()));
        Self { pool: OnceLock::from(pool), options, connect }
    }
}
