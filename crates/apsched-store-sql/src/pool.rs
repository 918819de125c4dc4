//! Connections: from a URL or the user's own pool; and how an operation runs on one.

use std::str::FromStr;
use std::sync::Arc;

use apsched_core::StoreError;
use apsched_core::store::StoreResult;
use futures_util::future::BoxFuture;

use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, PoolState};
use crate::error::{Problem, SqlResult, is_conflict, url_problem};
use crate::lazy_pool::LazyPool;
use crate::options::SqlOptions;
use crate::session::{Connection, Session};
use crate::statement::Statements;
use crate::url::dialect_of;
#[cfg(feature = "sqlite")]
use crate::writer::{Keeps, Writer};

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

/// What an operation needs of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads.
    Read,
    /// It is one statement that writes, or several of which each stands for itself.
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
        readers: Option<Box<LazyPool<sqlx::Sqlite>>>,
    },
    #[cfg(feature = "postgres")]
    Postgres(LazyPool<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(LazyPool<sqlx::MySql>),
}

/// How often a transaction that lost against another is repeated before the caller hears of it.
const MOST_CONFLICTS: u32 = 10;

/// An operation; it may be run again when its transaction lost against another.
pub(crate) trait Work<T>:
    for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, SqlResult<T>> + Clone + Send + Sync + 'static
{
}

impl<T, W> Work<T> for W where
    W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, SqlResult<T>> + Clone + Send + Sync + 'static
{
}

impl Connections {
    /// The one who does this, where there is one for all: a caller that stops waiting does not stop him.
    #[cfg(feature = "sqlite")]
    pub(crate) const fn writer(&self, access: Access) -> Option<&Writer> {
        match (self, access) {
            (Self::Sqlite { readers: Some(_), .. }, Access::Read) => None,
            (Self::Sqlite { writer, .. }, _) => Some(writer),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => None,
        }
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        statements: &Arc<Statements>,
        access: Access,
        work: impl Work<T>,
    ) -> SqlResult<T> {
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
        work: impl Work<T>,
    ) -> SqlResult<T> {
        match (self, access) {
            #[cfg(feature = "sqlite")]
            (Self::Sqlite { readers: Some(readers), .. }, Access::Read) => {
                let mut lent = readers.lend().await?;
                let done = work(&mut Session::new(Connection::Sqlite(lent.connection()), statements)).await;
                lent.give_back(&done);
                done
            }
            #[cfg(feature = "sqlite")]
            (Self::Sqlite { writer, .. }, _) => writer.write(statements, work).await,
            #[cfg(feature = "postgres")]
            (Self::Postgres(pool), access) => {
                let mut lent = pool.lend().await?;
                let connection = lent.connection();
                let done = in_time(async {
                    if access != Access::Transaction {
                        let session = Connection::Postgres(connection);
                        return work(&mut Session::new(session, statements)).await;
                    }
                    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
                    let mut transaction = sqlx::Connection::begin_with(connection, begin).await?;
                    let done =
                        work(&mut Session::new(Connection::Postgres(&mut transaction), statements)).await;
                    ended(transaction, done).await
                });
                let Some(done) = done.await else {
                    drop(lent.detach());
                    return no_answer();
                };
                lent.give_back(&done);
                done
            }
            #[cfg(feature = "mysql")]
            (Self::MySql(pool), access) => {
                let mut lent = pool.lend().await?;
                let connection = lent.connection();
                let done = in_time(async {
                    if access == Access::Read {
                        return work(&mut Session::new(Connection::MySql(connection), statements)).await;
                    }
                    // Without the gap locks of repeatable reads, which let inserts and claims wait for each other.
                    let level = sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
                    sqlx::Executor::execute(&mut *connection, level).await?;
                    let mut transaction = sqlx::Connection::begin(connection).await?;
                    let done = work(&mut Session::new(Connection::MySql(&mut transaction), statements)).await;
                    ended(transaction, done).await
                });
                let Some(done) = done.await else {
                    drop(lent.detach());
                    return no_answer();
                };
                lent.give_back(&done);
                done
            }
        }
    }
}

/// Ends a transaction as its work has ended.
///
/// What was refused is rolled back before it is told: a transaction that is only dropped holds its locks until its connection is
/// used again, and the connection of a refusal waits for the next operation.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn ended<DB: sqlx::Database, T>(
    transaction: sqlx::Transaction<'_, DB>,
    done: SqlResult<T>,
) -> SqlResult<T> {
    match done {
        Ok(done) => transaction.commit().await.map(|()| done).map_err(Problem::Sql),
        Err(Problem::Refused(refused)) => {
            transaction.rollback().await?;
            Err(Problem::Refused(refused))
        }
        // Dropped, its connection goes back to the pool, which asks it for an answer.
        Err(failed) => Err(failed),
    }
}

const OPERATION: &str = "connect to the SQL store";

/// Every statement of the store looks into an index for a few rows, whatever the statistics say of a table that is full at one
/// moment and empty at the next. So plans are made once, and without what pays for many rows alone.
#[cfg(feature = "postgres")]
const POSTGRES_SETTINGS: &str = "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '30s'";

/// What the store asks of its own connections: that nobody waits long for the lock of a process that stands still. The second is
/// known to MariaDB alone.
#[cfg(feature = "mysql")]
const MYSQL_SETTINGS: [&str; 2] =
    ["SET SESSION innodb_lock_wait_timeout = 5", "SET SESSION idle_transaction_timeout = 30"];

/// Longest time that an operation may take. Beyond it the server counts as gone, and its connection is closed.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const LONGEST_OPERATION: std::time::Duration = std::time::Duration::from_secs(30);

/// The outcome of an operation that ended in time; otherwise its connection is closed, in whatever state it is.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn in_time<T>(work: impl Future<Output = SqlResult<T>>) -> Option<SqlResult<T>> {
    tokio::time::timeout(LONGEST_OPERATION, work).await.ok()
}

/// What is said of a server that does not answer.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn no_answer<T>() -> SqlResult<T> {
    let text = format!("the server has not answered within {LONGEST_OPERATION:?}");
    Err(Problem::Sql(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))))
}

fn misconfigured(reason: impl ToString) -> StoreError {
    StoreError::Misconfigured { operation: OPERATION, reason: reason.to_string() }
}

/// Connections for a URL; none is opened before it is needed.
pub(crate) fn open(url: &str, options: &SqlOptions) -> StoreResult<Opened> {
    let dialect = dialect_of(url).map_err(misconfigured)?;
    let wrong = |error| misconfigured(url_problem(&error));
    match dialect {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => open_sqlite(url, options).map_err(wrong),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let connect = sqlx::postgres::PgConnectOptions::from_str(url).map_err(wrong)?;
            let pool = pool_options(options.max_connections, options).after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::Executor::execute(connection, sqlx::raw_sql(POSTGRES_SETTINGS)).await.map(drop)
                })
            });
            Ok(Opened::Postgres(LazyPool::new(pool, connect.application_name("apsched"))))
        }
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let url = url.replacen("mariadb:", "mysql:", 1);
            let connect = sqlx::mysql::MySqlConnectOptions::from_str(&url).map_err(wrong)?;
            let pool = pool_options(options.max_connections, options).after_connect(|connection, _| {
                Box::pin(async move {
                    for setting in MYSQL_SETTINGS {
                        // The one that the server does not know is refused.
                        let _ = sqlx::Executor::execute(&mut *connection, sqlx::raw_sql(setting)).await;
                    }
                    Ok(())
                })
            });
            Ok(Opened::MySql(LazyPool::new(pool, connect)))
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        _ => unreachable!("a database that is not built in is refused by its URL"),
    }
}

fn pool_options<DB: sqlx::Database>(most: u32, options: &SqlOptions) -> sqlx::pool::PoolOptions<DB> {
    let pool = sqlx::pool::PoolOptions::new().max_connections(most);
    pool.acquire_timeout(options.acquire_timeout).test_before_acquire(false)
}

/// What was opened for a URL, or is a pool of the user's.
pub(crate) enum Opened {
    #[cfg(feature = "sqlite")]
    Sqlite { writer: LazyPool<sqlx::Sqlite>, readers: Option<Box<LazyPool<sqlx::Sqlite>>> },
    #[cfg(feature = "postgres")]
    Postgres(LazyPool<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(LazyPool<sqlx::MySql>),
}

impl From<SqlPool> for Opened {
    fn from(pool: SqlPool) -> Self {
        match pool {
            #[cfg(feature = "sqlite")]
            SqlPool::Sqlite(pool) => {
                let readers = pool.options().get_max_connections() > 1;
                let readers = readers.then(|| Box::new(pool.clone().into()));
                Self::Sqlite { writer: pool.into(), readers }
            }
            #[cfg(feature = "postgres")]
            SqlPool::Postgres(pool) => Self::Postgres(pool.into()),
            #[cfg(feature = "mysql")]
            SqlPool::MySql(pool) => Self::MySql(pool.into()),
        }
    }
}

impl Opened {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { .. } => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }
}

/// One connection writes, others read.
#[cfg(feature = "sqlite")]
fn open_sqlite(url: &str, options: &SqlOptions) -> Result<Opened, sqlx::Error> {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

    use crate::options::Durability;

    let connect = SqliteConnectOptions::from_str(url)?;
    let connect = connect.create_if_missing(true).busy_timeout(options.acquire_timeout).foreign_keys(true);
    if is_in_memory(url, connect.get_filename()) {
        // The database lives as long as its one connection.
        let pool = pool_options(1, options).idle_timeout(None).max_lifetime(None);
        return Ok(Opened::Sqlite { writer: LazyPool::new(pool, connect), readers: None });
    }
    let connect = connect.journal_mode(SqliteJournalMode::Wal).synchronous(match options.durability {
        Durability::ProcessCrash => SqliteSynchronous::Normal,
        Durability::PowerLoss => SqliteSynchronous::Full,
    });
    let writer = LazyPool::new(pool_options(1, options), connect.clone());
    let readers = LazyPool::new(pool_options(options.max_connections, options), connect);
    Ok(Opened::Sqlite { writer, readers: Some(Box::new(readers)) })
}

#[cfg(feature = "sqlite")]
fn is_in_memory(url: &str, file: &std::path::Path) -> bool {
    url.contains(":memory:") || url.contains("mode=memory") || file.as_os_str().is_empty()
}

impl Connections {
    pub(crate) fn new(opened: Opened) -> Self {
        match opened {
            #[cfg(feature = "sqlite")]
            Opened::Sqlite { writer, readers } => {
                let keeps = match &readers {
                    _ if writer.is_given() => Keeps::ForATransaction,
                    Some(_) => Keeps::WhileItWorks,
                    None => Keeps::ForEver,
                };
                Self::Sqlite { writer: Writer::new(writer, keeps), readers }
            }
            #[cfg(feature = "postgres")]
            Opened::Postgres(pool) => Self::Postgres(pool),
            #[cfg(feature = "mysql")]
            Opened::MySql(pool) => Self::MySql(pool),
        }
    }

    /// Opens a connection; with it, a wrong address or password is told before the first job is.
    pub(crate) async fn check(&self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { writer, .. } => writer.pool().try_connect().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.try_connect().await,
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => pool.try_connect().await,
        }
    }

    /// What messages say of it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { writer, .. } => {
                let file = writer.pool().connect_options().get_filename();
                let in_memory = is_in_memory("", file) || file.to_string_lossy().contains("sqlx-in-memory");
                let file = (!in_memory).then(|| file.to_owned());
                let address =
                    file.as_ref().map_or("in memory".to_owned(), |file| format!("file {}", file.display()));
                Endpoint { dialect: Dialect::Sqlite, address, file, pool: state(writer.pool()) }
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let connect = pool.connect_options();
                let address = address(connect.get_host(), connect.get_port(), connect.get_socket());
                Endpoint { dialect: Dialect::Postgres, address, file: None, pool: state(pool) }
            }
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => {
                let connect = pool.connect_options();
                let address = address(connect.get_host(), connect.get_port(), connect.get_socket());
                Endpoint { dialect: Dialect::MySql, address, file: None, pool: state(pool) }
            }
        }
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn address(host: &str, port: u16, socket: Option<&std::path::PathBuf>) -> String {
    socket.map_or_else(|| format!("at {host}:{port}"), |socket| format!("at {}", socket.display()))
}

fn state<DB: sqlx::Database>(pool: &LazyPool<DB>) -> PoolState {
    PoolState {
        max_connections: pool.max_connections(),
        acquire_timeout: pool.acquire_timeout(),
        is_exhausted: pool.is_exhausted(),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::options::Durability;

    #[tokio::test]
    async fn a_file_waits_for_the_disk_if_a_power_cut_is_to_lose_nothing() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let file = std::env::temp_dir().join(format!("apsched-durability-{}.db", std::process::id()));
        let url = format!("sqlite:{}", file.display());
        for (durability, expected) in [(Durability::ProcessCrash, NORMAL), (Durability::PowerLoss, FULL)] {
            let Ok(Opened::Sqlite { writer, .. }) = open(&url, &SqlOptions::new().durability(durability))
            else {
                panic!("a file")
            };
            let mut connection = writer.acquire().await.expect("the file");
            let found = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await;
            assert_eq!(found.ok(), Some(expected), "{durability:?}");
        }
        for suffix in ["", "-wal", "-shm"] {
            // Not there: the last connection has removed it.
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
    }
}
