//! The one who writes to a SQLite file: a thread that drains the operations of many callers into one transaction.
//!
//! SQLite has one writer at a time, and a transaction costs more than the statements in it. So operations queue up; whoever
//! is there when the writer comes round goes into the same `BEGIN IMMEDIATE`, each under a savepoint of its own, so that one
//! that is refused takes nothing with it. Each caller gets its answer after the commit. A caller that stops waiting changes
//! nothing: its operation is done, or was not begun.
//!
//! The writer has a thread and a runtime of its own. On the runtime of one caller it would stand still whenever that one does,
//! with the lock on the file in its hands and all others waiting. It keeps its connection from one transaction to the next.
//!
//! Other processes may write to the same file. `BEGIN IMMEDIATE` takes the lock before anything is read, so a transaction
//! never finds that what it read has changed; waiting for the lock is the busy timeout of the connection.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Executor, Sqlite, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Problem, SqlResult, is_locked};
use crate::lazy_pool::LazyPool;
use crate::session::{Connection, Session};
use crate::statement::Statements;

/// Operations of one transaction at most, so that nobody waits long for his answer.
const MOST_AT_ONCE: usize = 64;

/// Something that is to be written.
trait Order: Send {
    fn carry_out<'a>(&'a mut self, session: &'a mut Session<'_>) -> BoxFuture<'a, Verdict>;

    /// What SQLite said to it, if it was not carried out for that reason.
    fn told(&self) -> Option<sqlx::Error>;

    /// Tells the caller, once what was done is committed or rolled back.
    fn answer(self: Box<Self>, commit: Result<(), Arc<sqlx::Error>>);
}

/// What becomes of an operation's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    RollBack,
}

struct Ordered<T, W> {
    work: W,
    outcome: Option<SqlResult<T>>,
    caller: oneshot::Sender<SqlResult<T>>,
}

impl<T, W> Order for Ordered<T, W>
where
    T: Send + 'static,
    W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, SqlResult<T>> + Send,
{
    fn carry_out<'a>(&'a mut self, session: &'a mut Session<'_>) -> BoxFuture<'a, Verdict> {
        // One that panics is answered, and takes none of the others with it.
        let done = AssertUnwindSafe((self.work)(session)).catch_unwind();
        let outcome = &mut self.outcome;
        Box::pin(async move {
            let done = done.await.unwrap_or(Err(Problem::Sql(sqlx::Error::WorkerCrashed)));
            let verdict = if done.is_ok() { Verdict::Keep } else { Verdict::RollBack };
            *outcome = Some(done);
            verdict
        })
    }

    fn told(&self) -> Option<sqlx::Error> {
        match &self.outcome {
            Some(Err(Problem::Sql(error))) => Some(again(error)),
            _ => None,
        }
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

/// How long the writer keeps a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// For one transaction: the pool is the user's, who wants it back.
    ForATransaction,
    /// As long as it works.
    WhileItWorks,
    /// For ever: the database is in memory, and gone with its connection.
    ForEver,
}

impl Keeps {
    /// Whether a connection is kept that gave this error, which was not of one operation alone.
    fn after(self, error: &sqlx::Error) -> bool {
        match self {
            Self::ForATransaction => false,
            Self::WhileItWorks => is_locked(Sqlite::NAME, error),
            Self::ForEver => matches!(error, sqlx::Error::Database(_)),
        }
    }
}

/// Hands operations to the writer's thread, which is started by the first and ends with the last handle.
#[derive(Debug)]
pub(crate) struct Writer {
    pool: Arc<LazyPool<Sqlite>>,
    keeps: Keeps,
    orders: Mutex<Option<mpsc::UnboundedSender<Box<dyn Order>>>>,
}

impl Writer {
    pub(crate) fn new(pool: LazyPool<Sqlite>, keeps: Keeps) -> Self {
        Self { pool: Arc::new(pool), keeps, orders: Mutex::new(None) }
    }

    pub(crate) fn pool(&self) -> &LazyPool<Sqlite> {
        &self.pool
    }

    /// Does `work` in a transaction, and answers after its commit.
    pub(crate) async fn write<T, W>(&self, statements: &Arc<Statements>, work: W) -> SqlResult<T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, SqlResult<T>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        self.send(statements, Box::new(Ordered { work, outcome: None, caller }));
        answer.await.unwrap_or(Err(Problem::Sql(sqlx::Error::WorkerCrashed)))
    }

    /// Sends an order; starts the thread if there is none, or if it could not do its work.
    fn send(&self, statements: &Arc<Statements>, order: Box<dyn Order>) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match &*orders {
            Some(sender) => match sender.send(order) {
                Ok(()) => return,
                Err(mpsc::error::SendError(order)) => order,
            },
            None => order,
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let drain = Drain {
            pool: self.pool.clone(),
            keeps: self.keeps,
            statements: statements.clone(),
            orders: receiver,
            connection: None,
        };
        match std::thread::Builder::new().name("apsched-sqlite".to_owned()).spawn(move || drain.run()) {
            Ok(_) => {
                // Received as soon as the thread runs.
                let _ = sender.send(order);
                *orders = Some(sender);
            }
            Err(error) => order.answer(Err(Arc::new(sqlx::Error::Io(error)))),
        }
    }
}

/// The writer's thread.
struct Drain {
    pool: Arc<LazyPool<Sqlite>>,
    keeps: Keeps,
    statements: Arc<Statements>,
    orders: mpsc::UnboundedReceiver<Box<dyn Order>>,
    connection: Option<PoolConnection<Sqlite>>,
}

impl Drain {
    fn run(mut self) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = match self.keeps {
            // What the user wants to be done to each connection may need more than time.
            Keeps::ForATransaction => runtime.enable_all().build(),
            Keeps::WhileItWorks | Keeps::ForEver => runtime.enable_time().build(),
        };
        match runtime {
            Ok(runtime) => runtime.block_on(self.serve()),
            Err(error) => {
                let error = Arc::new(sqlx::Error::Io(error));
                self.orders.close();
                while let Some(order) = self.orders.blocking_recv() {
                    order.answer(Err(error.clone()));
                }
            }
        }
    }

    async fn serve(mut self) {
        let mut batch = Vec::with_capacity(MOST_AT_ONCE);
        while self.orders.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
            let committed = self.carry_out(&mut batch).await.map_err(Arc::new);
            for order in batch.drain(..) {
                order.answer(committed.clone());
            }
        }
        if let Some(connection) = self.connection.take() {
            // Nobody is left who could be told of an error.
            let _ = connection.close().await;
        }
    }

    async fn carry_out(&mut self, batch: &mut [Box<dyn Order>]) -> Result<(), sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        let committed = transaction(&mut connection, &self.statements, batch).await;
        let is_kept = match &committed {
            Ok(()) => self.keeps != Keeps::ForATransaction,
            Err(error) => self.keeps.after(error),
        };
        if is_kept {
            self.connection = Some(connection);
        } else if self.keeps == Keeps::ForATransaction {
            // Left to `Drop`, it would go back by a task, and be lost when this thread ends before that one runs.
            connection.return_to_pool().await;
        } else {
            // It is of no use any more, whether or not it can be closed well.
            let _ = connection.close().await;
        }
        committed
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

/// Begins, also on a connection whose last transaction was left open by somebody else who uses the pool.
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
    let mut savepoint = "SAVEPOINT one";
    for order in batch {
        command(connection, savepoint).await?;
        // One way to the driver's thread and back for both; the last is released by the commit.
        savepoint = "RELEASE one; SAVEPOINT one";
        let mut session = Session::new(Connection::Sqlite(connection), statements);
        if order.carry_out(&mut session).await == Verdict::RollBack {
            // A full disk, say, may end the whole transaction and every savepoint in it: then what one was told goes for all.
            let undone = command(connection, "ROLLBACK TO one").await;
            undone.map_err(|error| order.told().unwrap_or(error))?;
        }
    }
    Ok(())
}

async fn command(connection: &mut SqliteConnection, text: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::query(text)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::dialect::Dialect;
    use crate::options::TableNames;
    use crate::statement::Statement;
    use crate::value::Params;

    const WRITE: Statement =
        Statement { name: "write", template: "INSERT INTO written VALUES (zeroblob(:bytes))", packed: None };

    type Answer = oneshot::Receiver<SqlResult<()>>;

    /// Writes as many bytes.
    fn writing(bytes: i64) -> (Box<dyn Order>, Answer) {
        ordered(move |session| {
            Box::pin(async move {
                session.execute(WRITE, &Params::new().with("bytes", bytes)).await?;
                Ok(())
            })
        })
    }

    fn ordered<W>(work: W) -> (Box<dyn Order>, Answer)
    where
        W: for<'a> Fn(&'a mut Session<'_>) -> BoxFuture<'a, SqlResult<()>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        (Box::new(Ordered { work, outcome: None, caller }), answer)
    }

    #[tokio::test]
    async fn all_who_share_a_transaction_are_told_that_the_disk_is_full() {
        const FULL: &str = "13";
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
        for setting in ["CREATE TABLE written (bytes BLOB)", "PRAGMA max_page_count = 10"] {
            command(&mut connection, setting).await.expect("a setting");
        }
        let statements = Statements::new(Dialect::Sqlite, TableNames::default());
        let (mut batch, answers): (Vec<_>, Vec<_>) = [1, 1_000_000, 1].map(writing).into_iter().unzip();

        let committed = transaction(&mut connection, &statements, &mut batch).await.map_err(Arc::new);
        batch.into_iter().for_each(|order| order.answer(committed.clone()));

        for (place, answer) in answers.into_iter().enumerate() {
            let problem = answer.await.expect("an answer").expect_err("there is no room");
            let Problem::Sql(sqlx::Error::Database(error)) = problem else { panic!("{place}: {problem:?}") };
            assert_eq!(error.code().as_deref(), Some(FULL), "{place}: {error}");
        }
    }
}
