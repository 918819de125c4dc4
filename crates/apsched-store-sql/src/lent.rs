//! A connection in the hands of an operation, and where it goes afterwards.
//!
//! sqlx asks a server after each use whether the connection still lives: a round trip for each operation, at the very moment at
//! which the next one begins. An operation that went well has just shown it. So such a connection waits for the next operation as
//! it is, and goes back to its pool when it has been out for long, when it has long not been needed, or when something failed:
//! there its age is looked at, and whether it lives. What the store's contract refuses has not failed: the server has answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{Problem, SqlResult};

/// How long a connection is out of its pool at most, and how long it waits for an operation.
const LONGEST: Duration = Duration::from_secs(300);

/// A pool, and its connections that wait for the next operation.
#[derive(Debug)]
pub(crate) struct Home<DB: Database> {
    pool: Pool<DB>,
    /// One for each connection that the pool may have: who has a place finds a connection waiting, or the pool with room for one.
    places: Arc<Semaphore>,
    waiting: Mutex<Vec<Waiting<DB>>>,
}

#[derive(Debug)]
struct Waiting<DB: Database> {
    connection: PoolConnection<DB>,
    out_since: Instant,
    last_used: Instant,
}

impl<DB: Database> Home<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        let places = usize::try_from(pool.options().get_max_connections()).unwrap_or(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { pool, places, waiting: Mutex::default() }
    }

    /// Waits for a connection, as long as the pool is told to.
    pub(crate) async fn lend(self: &Arc<Self>) -> Result<Lent<DB>, sqlx::Error> {
        let place = self.places.clone().acquire_owned();
        let place = tokio::time::timeout(self.pool.options().get_acquire_timeout(), place).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let waiting = self.waiting().pop();
        let (connection, out_since) = match waiting {
            Some(Waiting { connection, out_since, .. }) => (connection, out_since),
            None => (self.pool.acquire().await?, Instant::now()),
        };
        Ok(Lent { connection, home: Some((self.clone(), place, out_since)) })
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.places.available_permits() == 0
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<DB>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection that works.
    fn keep(&self, connection: PoolConnection<DB>, out_since: Instant) {
        let now = Instant::now();
        let mut waiting = self.waiting();
        // The last one to wait is the first to go, so the first has waited longest.
        let is_idle = waiting.first().is_some_and(|first| now - first.last_used > LONGEST);
        let idle = is_idle.then(|| waiting.remove(0));
        if now - out_since <= LONGEST {
            waiting.push(Waiting { connection, out_since, last_used: now });
        }
        drop(waiting);
        drop(idle);
    }
}

impl<DB: Database> Drop for Home<DB> {
    fn drop(&mut self) {
        // They are closed here: there may be no runtime any more that could take them back to the pool.
        for waiting in self.waiting().drain(..) {
            drop(waiting.connection.detach());
        }
    }
}

/// A connection for one operation. Dropped, it goes back to its pool, which looks after it.
#[derive(Debug)]
pub(crate) struct Lent<DB: Database> {
    connection: PoolConnection<DB>,
    /// `None`: it is of a pool of the user's, who shares it with others.
    home: Option<(Arc<Home<DB>>, OwnedSemaphorePermit, Instant)>,
}

impl<DB: Database> From<PoolConnection<DB>> for Lent<DB> {
    fn from(connection: PoolConnection<DB>) -> Self {
        Self { connection, home: None }
    }
}

impl<DB: Database> Lent<DB> {
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }

    /// Gives it back after an operation: as it is, if the operation went well or was refused. Then no transaction is open on it.
    pub(crate) fn give_back<T>(self, outcome: &SqlResult<T>) {
        let Some((home, place, out_since)) = self.home else { return };
        match outcome {
            Ok(_) | Err(Problem::Refused(_)) => home.keep(self.connection, out_since),
            Err(Problem::Sql(_)) => {
                // What one connection suffered may have happened to all.
                let others = std::mem::take(&mut *home.waiting());
                drop((self.connection, others));
            }
        }
        drop(place);
    }

    /// Takes it out of the pool for good.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn detach(self) -> DB::Connection {
        self.connection.detach()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use apsched_core::StoreError;
    use sqlx::Sqlite;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    fn home(connections: u32) -> Arc<Home<Sqlite>> {
        let options =
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_millis(50));
        Arc::new(Home::new(options.connect_lazy("sqlite::memory:").expect("a URL")))
    }

    async fn mark(lent: &mut Lent<Sqlite>, table: &'static str) {
        let text = sqlx::AssertSqlSafe(format!("CREATE TEMP TABLE {table} (id)"));
        sqlx::raw_sql(text).execute(lent.connection()).await.expect("a table");
    }

    async fn has(lent: &mut Lent<Sqlite>, table: &'static str) -> bool {
        let text = sqlx::AssertSqlSafe(format!("SELECT 1 FROM temp.{table}"));
        sqlx::raw_sql(text).execute(lent.connection()).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_that_worked_is_lent_again() {
        let home = home(2);
        let mut lent = home.lend().await.expect("a connection");
        mark(&mut lent, "mine").await;
        lent.give_back(&Ok(()));

        let mut lent = home.lend().await.expect("a connection");

        assert!(has(&mut lent, "mine").await);
        assert_eq!(home.pool.size(), 1);
    }

    #[tokio::test]
    async fn as_many_are_lent_as_the_pool_may_have_and_no_more() {
        let home = home(2);
        let (first, second) = (home.lend().await.expect("one"), home.lend().await.expect("two"));
        assert!(home.is_exhausted());
        assert!(matches!(home.lend().await, Err(sqlx::Error::PoolTimedOut)));

        first.give_back(&Ok(()));
        drop(second);

        let _first = home.lend().await.expect("one that waited");
        let _second = home.lend().await.expect("one of the pool");
    }

    #[tokio::test]
    async fn after_a_failure_the_pool_looks_at_all_that_waited() {
        let home = home(3);
        let (first, second) = (home.lend().await.expect("one"), home.lend().await.expect("two"));
        first.give_back(&Ok(()));
        assert_eq!(home.waiting().len(), 1);

        second.give_back(&Err::<(), _>(sqlx::Error::WorkerCrashed.into()));

        assert_eq!(home.waiting().len(), 0);
        let _again = home.lend().await.expect("one of the pool");
    }

    #[tokio::test]
    async fn a_refusal_is_no_failure_of_the_connection() {
        let home = home(3);
        let (first, second) = (home.lend().await.expect("one"), home.lend().await.expect("two"));
        first.give_back(&Ok(()));

        let refusal = StoreError::ScheduleNotFound { schedule_id: "s".parse().expect("an id") };
        second.give_back(&Err::<(), _>(refusal.into()));

        assert_eq!(home.waiting().len(), 2);
    }

    #[tokio::test]
    async fn what_waits_is_closed_with_its_home() {
        let home = home(1);
        let pool = home.pool.clone();
        home.lend().await.expect("a connection").give_back(&Ok(()));
        assert_eq!(pool.size(), 1);

        drop(home);

        assert_eq!(pool.size(), 0);
    }
}
