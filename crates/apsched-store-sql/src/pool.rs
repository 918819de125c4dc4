//! Connections: from a URL or the user's own pool; and how an operation runs on one.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use apsched_core::StoreError;
use apsched_core::store::StoreResult;
use futures_util::future::BoxFuture;

use crate::dialect::Dialect;
use crate::error::{Outcome, Problem, is_conflict};
use crate::options::SqlOptions;
use crate::session::{Connection, Session};
use crate::statement::Statements;
#[cfg(feature = "sqlite")]
use crate::writer::Writer;

/// A pool of one of the databases; made by `into()` of sqlx's own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SqlPool {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for SqlPool {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for SqlPool {
    fn from(pool: sqlx::PgPool) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::MySqlPool> for SqlPool {
    fn from(pool: sqlx::MySqlPool) -> Self {
        Self::MySql(pool)
    }
}

impl SqlPool {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }
}

/// What an operation needs of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads.
    Read,
    /// It is one statement that writes.
    Statement,
    /// It is a transaction.
    Transaction,
}

/// The connections of a store.
#[derive(Debug)]
pub(crate) enum Connections {
    #[cfg(feature = "sqlite")]
    Sqlite {
        writer: Writer,
        /// Where others read while the writer writes. `None`: a database in memory, which has one connection.
        readers: Option<sqlx::SqlitePool>,
    },
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
}

/// How often a transaction that lost against another is repeated before the caller hears of it.
const MOST_CONFLICTS: u32 = 10;

/// An operation; it may be run again when its transaction lost against another.
pub(crate) trait Operation<T>:
    for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, Outcome<T>> + Clone + Send + Sync + 'static
{
}

impl<T, W> Operation<T> for W where
    W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, Outcome<T>> + Clone + Send + Sync + 'static
{
}

impl Connections {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        statements: &Arc<Statements>,
        access: Access,
        work: impl Operation<T>,
    ) -> Outcome<T> {
        for _ in 0..MOST_CONFLICTS {
            match self.run_once(statements, access, work.clone()).await {
                Err(Problem::Sql(error)) if is_conflict(statements.dialect, &error) => {
                    tracing::debug!(%error, "a transaction lost against another and is repeated");
                }
                done => return done,
            }
        }
        self.run_once(statements, access, work).await
    }

    async fn run_once<T: Send + 'static>(
        &self,
        statements: &Arc<Statements>,
        access: Access,
        work: impl Operation<T>,
    ) -> Outcome<T> {
        match (self, access) {
            #[cfg(feature = "sqlite")]
            (Self::Sqlite { readers: Some(readers), .. }, Access::Read) => {
                let mut connection = readers.acquire().await?;
                work(&mut Session::new(Connection::Sqlite(&mut connection), statements)).await
            }
            #[cfg(feature = "sqlite")]
            (Self::Sqlite { writer, .. }, _) => writer.write(work).await,
            #[cfg(feature = "postgres")]
            (Self::Postgres(pool), Access::Read | Access::Statement) => {
                let mut connection = pool.acquire().await?;
                work(&mut Session::new(Connection::Postgres(&mut connection), statements)).await
            }
            #[cfg(feature = "postgres")]
            (Self::Postgres(pool), Access::Transaction) => {
                let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
                let done =
                    work(&mut Session::new(Connection::Postgres(&mut transaction), statements)).await?;
                transaction.commit().await?;
                Ok(done)
            }
            #[cfg(feature = "mysql")]
            (Self::MySql(pool), Access::Read) => {
                let mut connection = pool.acquire().await?;
                work(&mut Session::new(Connection::MySql(&mut connection), statements)).await
            }
            #[cfg(feature = "mysql")]
            (Self::MySql(pool), Access::Statement | Access::Transaction) => {
                // Without the gap locks of repeatable reads, which let inserts and claims wait for each other.
                let mut connection = pool.acquire().await?;
                let level = sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
                sqlx::Executor::execute(&mut *connection, level).await?;
                let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
                let done = work(&mut Session::new(Connection::MySql(&mut transaction), statements)).await?;
                transaction.commit().await?;
                Ok(done)
            }
        }
    }
}

/// The database that a URL names.
fn dialect_of(url: &str) -> Result<Dialect, String> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let (dialect, is_built, feature) = match scheme {
        "sqlite" => (Dialect::Sqlite, cfg!(feature = "sqlite"), "sqlite"),
        "postgres" | "postgresql" => (Dialect::Postgres, cfg!(feature = "postgres"), "postgres"),
        "mysql" | "mariadb" => (Dialect::MySql, cfg!(feature = "mysql"), "mysql"),
        // What follows may hold a password.
        _ => {
            let found =
                if url.contains(':') { format!("{scheme:?}") } else { "a text without one".to_owned() };
            return Err(format!(
                "URL of the data store: expected sqlite:, postgres:, postgresql:, mysql: or mariadb:, found {found}"
            ));
        }
    };
    if is_built {
        return Ok(dialect);
    }
    Err(format!(
        "URL of the data store: {scheme}: needs the feature {feature:?} of apsched, which is not enabled"
    ))
}

const OPERATION: &str = "connect to the SQL store";

/// Every statement of the store looks into an index for a few rows, whatever the statistics say of a table that is full at one
/// moment and empty at the next. So plans are made once, and without what pays for many rows alone.
#[cfg(feature = "postgres")]
const POSTGRES_SETTINGS: &str = "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

fn misconfigured(reason: impl ToString) -> StoreError {
    StoreError::Misconfigured { operation: OPERATION, reason: reason.to_string() }
}

/// Connections for a URL; none is opened before it is needed.
pub(crate) fn open(url: &str, options: &SqlOptions) -> StoreResult<(Dialect, Opened)> {
    let dialect = dialect_of(url).map_err(misconfigured)?;
    let opened = match dialect {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => open_sqlite(url, options)?,
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let connect = sqlx::postgres::PgConnectOptions::from_str(url).map_err(misconfigured)?;
            let pool = sqlx::pool::PoolOptions::new()
                .max_connections(options.max_connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        sqlx::Executor::execute(connection, sqlx::raw_sql(POSTGRES_SETTINGS)).await.map(drop)
                    })
                })
                .connect_lazy_with(connect.application_name("apsched"));
            Opened::Pool(SqlPool::Postgres(pool))
        }
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let url = url.replacen("mariadb:", "mysql:", 1);
            let connect = sqlx::mysql::MySqlConnectOptions::from_str(&url).map_err(misconfigured)?;
            let pool = sqlx::pool::PoolOptions::new()
                .max_connections(options.max_connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .connect_lazy_with(connect);
            Opened::Pool(SqlPool::MySql(pool))
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        _ => unreachable!("a database that is not built in is refused by its URL"),
    };
    Ok((dialect, opened))
}

/// What was opened for a URL.
pub(crate) enum Opened {
    Pool(SqlPool),
    /// A SQLite file: one connection writes, others read.
    #[cfg(feature = "sqlite")]
    File {
        writer: sqlx::SqlitePool,
        readers: sqlx::SqlitePool,
    },
}

#[cfg(feature = "sqlite")]
fn open_sqlite(url: &str, options: &SqlOptions) -> StoreResult<Opened> {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

    let connect = SqliteConnectOptions::from_str(url).map_err(misconfigured)?;
    let connect = connect.create_if_missing(true).busy_timeout(options.acquire_timeout).foreign_keys(true);
    let pool = |most: u32| {
        let pool = sqlx::pool::PoolOptions::new().max_connections(most);
        pool.acquire_timeout(options.acquire_timeout).test_before_acquire(false)
    };
    if is_in_memory(url, connect.get_filename()) {
        // The database lives as long as its one connection.
        let pool = pool(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        return Ok(Opened::Pool(SqlPool::Sqlite(pool.connect_lazy_with(connect))));
    }
    let connect = connect.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
    let writer = pool(1).connect_lazy_with(connect.clone());
    let readers = pool(options.max_connections).connect_lazy_with(connect);
    Ok(Opened::File { writer, readers })
}

#[cfg(feature = "sqlite")]
fn is_in_memory(url: &str, file: &Path) -> bool {
    url.contains(":memory:") || url.contains("mode=memory") || file.as_os_str().is_empty()
}

impl Connections {
    pub(crate) fn new(opened: Opened, statements: &Arc<Statements>) -> Self {
        match opened {
            #[cfg(feature = "sqlite")]
            Opened::File { writer, readers } => {
                Self::Sqlite { writer: Writer::new(writer, statements.clone()), readers: Some(readers) }
            }
            #[cfg(feature = "sqlite")]
            Opened::Pool(SqlPool::Sqlite(pool)) => {
                let readers = (pool.options().get_max_connections() > 1).then(|| pool.clone());
                Self::Sqlite { writer: Writer::new(pool, statements.clone()), readers }
            }
            #[cfg(feature = "postgres")]
            Opened::Pool(SqlPool::Postgres(pool)) => Self::Postgres(pool),
            #[cfg(feature = "mysql")]
            Opened::Pool(SqlPool::MySql(pool)) => Self::MySql(pool),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_names_no_database_is_refused_and_not_repeated() {
        let text = dialect_of("mongodb://user:secret@host/").unwrap_err();
        assert_eq!(
            text,
            "URL of the data store: expected sqlite:, postgres:, postgresql:, mysql: or mariadb:, found \"mongodb\""
        );
        assert!(dialect_of("jobs.db").unwrap_err().ends_with("found a text without one"));
    }
}
