//! Pools that are made when a connection is first needed, one for each runtime that needs one.
//!
//! A connection belongs to the runtime that opened it: its socket is looked after there, and it goes back to its pool by a
//! task there. In a pool that several runtimes share, a connection of one that stands still, or has ended, would hold up the
//! others. So each has a pool of its own; when the runtime ends, its pool is forgotten.
//!
//! A user's own pool is taken as it is.
//!
//! A connection to a file of SQLite switches it to a write-ahead log, once in the life of the file. For this SQLite needs the file
//! for itself, and does not wait for others as it does elsewhere; so of two processes that begin with a new file one would be told
//! that it is locked. Here it waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
#[cfg(feature = "sqlite")]
use sqlx::pool::PoolConnection;
use sqlx::pool::PoolOptions;
use sqlx::{Connection, Database, Pool};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::error::is_locked;
use crate::lent::{Home, Lent};

/// How long a file that another connection has locked is left alone: SQLite tells nobody when it is let go of.
const LOCKED_PAUSE: Duration = Duration::from_millis(5);

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
        self.unless_locked(self.lend_once(), || self.lend_once().boxed()).await
    }

    async fn lend_once(&self) -> Result<Lent<DB>, sqlx::Error> {
        match &self.given {
            Some(given) => given.acquire().await.map(Lent::from),
            None => self.home().lend().await,
        }
    }

    /// A connection for one who keeps it, and to whom alone none is lent besides.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        self.unless_locked(self.acquire_once(), || self.acquire_once().boxed()).await
    }

    #[cfg(feature = "sqlite")]
    async fn acquire_once(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
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
        let connected = self.unless_locked(self.connect_once(), || self.connect_once().boxed());
        connected.await?.close().await
    }

    async fn connect_once(&self) -> Result<DB::Connection, sqlx::Error> {
        let connect = DB::Connection::connect_with(&self.connect);
        let connected = tokio::time::timeout(self.acquire_timeout(), connect).await;
        connected.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// Connects, and does so again while another connection has locked the file, for as long as a connection is waited for. The first
    /// attempt is all there is to most operations.
    #[expect(clippy::disallowed_methods, reason = "another process lets go of its file in real time")]
    async fn unless_locked<'a, C>(
        &'a self,
        first: impl Future<Output = Result<C, sqlx::Error>>,
        again: impl Fn() -> BoxFuture<'a, Result<C, sqlx::Error>>,
    ) -> Result<C, sqlx::Error> {
        let deadline = Instant::now() + self.acquire_timeout();
        let mut connected = first.await;
        loop {
            let locked = match connected {
                Err(error) if is_locked(DB::NAME, &error) => error,
                connected => return connected,
            };
            tokio::time::sleep(LOCKED_PAUSE).await;
            match tokio::time::timeout_at(deadline, again()).await {
                Ok(done) => connected = done,
                Err(_) => return Err(locked),
            }
        }
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

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    use sqlx::{Executor, Sqlite, SqliteConnection};

    use super::*;

    /// A file with a table, which has no write-ahead log yet.
    struct File(tempfile::TempDir);

    impl File {
        async fn new() -> Self {
            let file = Self(tempfile::tempdir().expect("a directory"));
            let mut connection = SqliteConnection::connect_with(&file.options()).await.expect("a file");
            connection.execute("CREATE TABLE written (id)").await.expect("a table");
            file
        }

        fn options(&self) -> SqliteConnectOptions {
            let file = self.0.path().join("jobs.db");
            SqliteConnectOptions::new().filename(file).create_if_missing(true)
        }

        /// Somebody who is about to write, as one is who switches the file to a write-ahead log: for him SQLite does not wait.
        async fn writer(&self) -> SqliteConnection {
            let mut writer = SqliteConnection::connect_with(&self.options()).await.expect("a writer");
            writer.execute("BEGIN IMMEDIATE").await.expect("a transaction");
            writer
        }

        fn pool(&self, acquire_timeout: Duration) -> LazyPool<Sqlite> {
            let connect = self.options().journal_mode(SqliteJournalMode::Wal);
            LazyPool::new(PoolOptions::new().acquire_timeout(acquire_timeout), connect)
        }
    }

    /// A way to connect.
    type Connect = fn(&LazyPool<Sqlite>) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    const WAYS_TO_CONNECT: [(&str, Connect); 3] = [
        ("try_connect", |pool| Box::pin(pool.try_connect())),
        ("acquire", |pool| Box::pin(async { pool.acquire().await.map(drop) })),
        ("lend", |pool| Box::pin(async { pool.lend().await.map(drop) })),
    ];

    #[tokio::test]
    async fn who_connects_waits_until_others_let_go_of_the_file() {
        for (way, connect) in WAYS_TO_CONNECT {
            let file = File::new().await;
            let pool = file.pool(Duration::from_secs(60));
            let writer = file.writer().await;
            let mut connecting = connect(&pool);
            let early = tokio::time::timeout(Duration::from_millis(20), &mut connecting).await;
            assert!(early.is_err(), "{way}: {early:?}");

            writer.close().await.expect("it lets go");

            connecting.await.unwrap_or_else(|error| panic!("{way}: {error}"));
        }
    }

    #[tokio::test]
    async fn a_file_that_stays_locked_is_told() {
        let file = File::new().await;
        let _writer = file.writer().await;

        let told = file.pool(Duration::from_millis(20)).try_connect().await;

        assert!(told.is_err_and(|error| is_locked(Sqlite::NAME, &error)));
    }
}
