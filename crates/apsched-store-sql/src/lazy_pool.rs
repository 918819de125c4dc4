//! Pools that are made when a connection is first needed, one for each runtime that needs one.
//!
//! A connection belongs to the runtime that opened it: its socket is looked after there, and it goes back to its pool by a
//! task there. In a pool that several runtimes share, a connection of one that stands still, or has ended, would hold up the
//! others. So each has a pool of its own; when the runtime ends, its pool is forgotten.
//!
//! A user's own pool is taken as it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

#[cfg(feature = "sqlite")]
use sqlx::pool::PoolConnection;
use sqlx::pool::PoolOptions;
use sqlx::{Connection, Database, Pool};
use tokio::runtime::{Handle, Id};

use crate::lent::{Home, Lent};

/// The options of a sqlx connection.
pub(crate) type ConnectOptions<DB> = <<DB as Database>::Connection as Connection>::Options;

/// The user's pool, or what pools are made of.
#[derive(Debug)]
pub(crate) struct LazyPool<DB: Database> {
    given: Option<Pool<DB>>,
    made: Arc<Made<DB>>,
    options: PoolOptions<DB>,
    connect: ConnectOptions<DB>,
}

/// The pools that were made, by their runtimes.
#[derive(Debug)]
struct Made<DB: Database>(Mutex<HashMap<Id, Arc<Home<DB>>>>);

impl<DB: Database> Made<DB> {
    fn pools(&self) -> MutexGuard<'_, HashMap<Id, Arc<Home<DB>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<DB: Database> LazyPool<DB> {
    pub(crate) fn new(options: PoolOptions<DB>, connect: ConnectOptions<DB>) -> Self {
        Self { given: None, made: Arc::new(Made(Mutex::default())), options, connect }
    }

    /// A connection for the runtime of the caller.
    pub(crate) async fn lend(&self) -> Result<Lent<DB>, sqlx::Error> {
        match &self.given {
            Some(given) => given.acquire().await.map(Lent::from),
            None => self.home().lend().await,
        }
    }

    /// A connection for one who keeps it, and to whom alone none is lent besides.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        match &self.given {
            Some(given) => given.acquire().await,
            None => self.home().pool().acquire().await,
        }
    }

    /// The pool for the runtime of the caller, who has one.
    fn home(&self) -> Arc<Home<DB>> {
        let runtime = Handle::current();
        let mut pools = self.made.pools();
        if let Some(home) = pools.get(&runtime.id()) {
            return home.clone();
        }
        let pool = self.options.clone().connect_lazy_with(self.connect.clone());
        let home = Arc::new(Home::new(pool.clone()));
        pools.insert(runtime.id(), home.clone());
        drop(pools);
        let forget = Forget { made: Arc::downgrade(&self.made), runtime: runtime.id() };
        let closed = pool.close_event();
        runtime.spawn(async move {
            let _at_the_end = forget;
            closed.await;
        });
        home
    }

    /// Connects once, beside the pools: they take a refusal for a server which is about to start, and wait.
    pub(crate) async fn try_connect(&self) -> Result<(), sqlx::Error> {
        let connected =
            tokio::time::timeout(self.acquire_timeout(), DB::Connection::connect_with(&self.connect));
        connected.await.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await
    }

    /// Whether the pool is the user's.
    #[cfg(feature = "sqlite")]
    pub(crate) const fn is_given(&self) -> bool {
        self.given.is_some()
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

    /// Whether every connection that the caller's runtime may open is in use.
    pub(crate) fn is_exhausted(&self) -> bool {
        if let Some(pool) = &self.given {
            return pool.num_idle() == 0 && pool.size() >= self.max_connections();
        }
        let made = || self.made.pools().get(&Handle::try_current().ok()?.id()).cloned();
        made().is_some_and(|home| home.is_exhausted())
    }
}

impl<DB: Database> From<Pool<DB>> for LazyPool<DB> {
    fn from(pool: Pool<DB>) -> Self {
        let (options, connect) =
            (pool.options().clone(), ConnectOptions::<DB>::clone(&pool.connect_options()));
        Self { given: Some(pool), ..Self::new(options, connect) }
    }
}

/// Forgets a runtime's pool when it is dropped, as it is by a runtime that ends.
struct Forget<DB: Database> {
    made: Weak<Made<DB>>,
    runtime: Id,
}

impl<DB: Database> Drop for Forget<DB> {
    fn drop(&mut self) {
        let forgotten = self.made.upgrade().and_then(|made| made.pools().remove(&self.runtime));
        // Its connections are closed here, where nobody waits for the pools.
        drop(forgotten);
    }
}
