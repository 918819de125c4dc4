//! The one who writes to a SQLite file: a task that drains the operations of many callers into one transaction.
//!
//! SQLite has one writer at a time, and a transaction costs more than the statements in it. So operations queue up; whoever
//! is there when the writer comes round goes into the same `BEGIN IMMEDIATE`, each under a savepoint of its own, so that one
//! that is refused takes nothing with it. Each caller gets its answer after the commit. A caller that stops waiting changes
//! nothing: its operation is done, or was not begun.
//!
//! Other processes may write to the same file. `BEGIN IMMEDIATE` takes the lock before anything is read, so a transaction
//! never finds that what it read has changed; waiting for the lock is the busy timeout of the connection.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Outcome, Problem};
use crate::session::{Connection, Session};
use crate::statement::Statements;

/// Operations of one transaction at most, so that nobody waits long for his answer.
const MOST_AT_ONCE: usize = 64;

/// Something that is to be written.
trait Order: Send {
    fn carry_out<'a>(&'a mut self, session: &'a mut Session<'_>) -> BoxFuture<'a, Verdict>;

    /// Tells the caller, once what was done is committed or rolled back.
    fn answer(self: Box<Self>, commit: Result<(), Arc<sqlx::Error>>);
}

/// What becomes of an operation's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    RollBack,
}

struct Work<T, W> {
    work: W,
    outcome: Option<Outcome<T>>,
    caller: oneshot::Sender<Outcome<T>>,
}

impl<T, W> Order for Work<T, W>
where
    T: Send + 'static,
    W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, Outcome<T>> + Send,
{
    fn carry_out<'a>(&'a mut self, session: &'a mut Session<'_>) -> BoxFuture<'a, Verdict> {
        let done = (self.work)(session);
        let outcome = &mut self.outcome;
        Box::pin(async move {
            let done = done.await;
            let verdict = if done.is_ok() { Verdict::Keep } else { Verdict::RollBack };
            *outcome = Some(done);
            verdict
        })
    }

    fn answer(self: Box<Self>, commit: Result<(), Arc<sqlx::Error>>) {
        let answer = match (self.outcome, commit) {
            (Some(Err(problem)), _) => Err(problem),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (Some(Ok(_)) | None, Err(error)) => Err(Problem::Sql(again(&error))),
            (None, Ok(())) => Err(Problem::Sql(sqlx::Error::WorkerCrashed)),
        };
        // Fails when the caller has stopped waiting.
        let _ = self.caller.send(answer);
    }
}

/// The same error for each of those who shared a transaction.
fn again(error: &sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
            sqlx::Error::Database(Box::new(SharedError { message: error.message().to_owned(), code }))
        }
        sqlx::Error::PoolClosed => sqlx::Error::PoolClosed,
        sqlx::Error::PoolTimedOut => sqlx::Error::PoolTimedOut,
        other => sqlx::Error::Io(std::io::Error::other(other.to_string())),
    }
}

/// What SQLite said to a transaction of several callers.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
struct SharedError {
    message: String,
    code: u32,
}

impl sqlx::error::DatabaseError for SharedError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}

/// Hands operations to the writer's task, which is started by the first and ends with the last handle.
#[derive(Debug)]
pub(crate) struct Writer {
    pool: SqlitePool,
    statements: Arc<Statements>,
    orders: Mutex<Option<mpsc::UnboundedSender<Box<dyn Order>>>>,
}

impl Writer {
    pub(crate) const fn new(pool: SqlitePool, statements: Arc<Statements>) -> Self {
        Self { pool, statements, orders: Mutex::new(None) }
    }

    pub(crate) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Does `work` in a transaction, and answers after its commit.
    pub(crate) async fn write<T, W>(&self, work: W) -> Outcome<T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, Outcome<T>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        self.send(Box::new(Work { work, outcome: None, caller }));
        answer.await.unwrap_or(Err(Problem::Sql(sqlx::Error::WorkerCrashed)))
    }

    /// Sends an order; starts the task if there is none, or if its runtime has ended.
    fn send(&self, order: Box<dyn Order>) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match &*orders {
            Some(sender) => match sender.send(order) {
                Ok(()) => return,
                Err(mpsc::error::SendError(order)) => order,
            },
            None => order,
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        // Received as soon as the task runs.
        let _ = sender.send(order);
        tokio::spawn(drain(self.pool.clone(), self.statements.clone(), receiver));
        *orders = Some(sender);
    }
}

async fn drain(
    pool: SqlitePool,
    statements: Arc<Statements>,
    mut orders: mpsc::UnboundedReceiver<Box<dyn Order>>,
) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while orders.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let committed = match pool.acquire().await {
            Ok(mut connection) => transaction(&mut connection, &statements, &mut batch).await,
            Err(error) => Err(error),
        };
        let committed = committed.map_err(Arc::new);
        for order in batch.drain(..) {
            order.answer(committed.clone());
        }
    }
}

/// Carries out all orders in one transaction.
async fn transaction(
    connection: &mut SqliteConnection,
    statements: &Statements,
    batch: &mut [Box<dyn Order>],
) -> Result<(), sqlx::Error> {
    begin(connection).await?;
    let done = match batch {
        [order] => {
            let mut session = Session::new(Connection::Sqlite(connection), statements);
            Ok(order.carry_out(&mut session).await)
        }
        several => savepoints(connection, statements, several).await.map(|()| Verdict::Keep),
    };
    match done {
        Ok(Verdict::Keep) => {
            let committed = command(connection, "COMMIT").await;
            if committed.is_err() {
                // The transaction may be open still; what matters is the first error.
                let _ = command(connection, "ROLLBACK").await;
            }
            committed
        }
        Ok(Verdict::RollBack) => {
            let _ = command(connection, "ROLLBACK").await;
            Ok(())
        }
        Err(error) => {
            let _ = command(connection, "ROLLBACK").await;
            Err(error)
        }
    }
}

/// Begins, also on a connection whose last transaction was left open by a runtime that ended in the middle of it.
async fn begin(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const WITHIN_A_TRANSACTION: &str = "1";
    match command(connection, "BEGIN IMMEDIATE").await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(WITHIN_A_TRANSACTION) => {
            command(connection, "ROLLBACK").await?;
            command(connection, "BEGIN IMMEDIATE").await
        }
        done => done,
    }
}

async fn savepoints(
    connection: &mut SqliteConnection,
    statements: &Statements,
    batch: &mut [Box<dyn Order>],
) -> Result<(), sqlx::Error> {
    for order in batch {
        command(connection, "SAVEPOINT one").await?;
        let mut session = Session::new(Connection::Sqlite(connection), statements);
        if order.carry_out(&mut session).await == Verdict::RollBack {
            command(connection, "ROLLBACK TO one").await?;
        }
        command(connection, "RELEASE one").await?;
    }
    Ok(())
}

async fn command(connection: &mut SqliteConnection, text: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::query(text)).await.map(drop)
}
