//! The store itself: each method of the contract as one operation on one connection.

use std::fmt;
use std::sync::Arc;

use apsched_core::event::{Event, EventInterest, Wakeup};
use apsched_core::schedule::ScheduleEdit;
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, ExtendLeases, HeldJob, JobFilter, LeaseReport, Recover,
    ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult, Strangers, WakeupQuery,
    Wakeups,
};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    ConflictPolicy, DataStore, Job, JobId, JobResult, JobStatus, PayloadForm, Progress, Schedule, ScheduleId,
    SchedulerId, StoreError, TaskDefinition, TaskId,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::error::Problem;
use crate::operation::acquire_job::Found;
use crate::operation::cleanup::Rest;
use crate::operation::end_job::Openings;
use crate::operation::{
    acquire_job, acquire_schedule, add_job, cancel, cleanup, edit_schedule, lease, read, recover,
    release_job, release_schedule, task, wakeup,
};
use crate::options::SqlOptions;
use crate::pool::{self, Access, Connections, Opened, SqlPool, Work};
use crate::schema::{self, SqlMigration};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::session::{Connection, Session};
use crate::statement::{Statement, Statements, statement};
use crate::value::Params;

const SERVER_TIME_POSTGRES: Statement = statement!("server_time.postgres");
const SERVER_TIME_MYSQL: Statement = statement!("server_time.mysql");

/// Keeps tasks, schedules, jobs and results in SQLite, PostgreSQL, MySQL or MariaDB; clones share the connections.
///
/// ```
/// use apsched_core::DataStore;
/// use apsched_core::trigger::TriggerRegistry;
/// use apsched_store_sql::SqlDataStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "sqlite")] {
/// let store = SqlDataStore::connect("sqlite::memory:").await?;
/// store.start(&TriggerRegistry::new()).await?;
/// assert_eq!(store.tasks().await?, []);
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlDataStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) connections: Connections,
    pub(crate) statements: Arc<Statements>,
    options: SqlOptions,
    strangers: Arc<Strangers>,
}

impl fmt::Debug for SqlDataStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = &self.inner.statements.tables;
        f.debug_struct("SqlDataStore")
            .field("database", &self.inner.statements.dialect.name())
            .field("jobs", &tables.table(self.inner.statements.dialect, "jobs"))
            .finish_non_exhaustive()
    }
}

/// Runs an operation: `run!(self, access, "store.verb", [captured by clone], session => operation)`.
macro_rules! run {
    ($store:expr, $access:expr, $name:expr, [$($captured:ident),*], $session:ident => $work:expr) => {
        $store
            .run($name, $access, move |$session| {
                $( let $captured = $captured.clone(); )*
                async move { $work }.boxed()
            })
            .await
    };
}

impl SqlDataStore {
    /// Connects to the database that `url` names, with the default options.
    ///
    /// `sqlite:jobs.db` (made if it is not there), `sqlite::memory:`, `postgres://user@host/database`,
    /// `mysql://user@host/database`. Parameters of the URL are those of sqlx; `sslmode` and its like ask for TLS.
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) when the URL is none of these, or the database refuses the
    /// user; [`Unavailable`](apsched_core::StoreError::Unavailable) when nobody answers. To start without the
    /// database and wait for it, use [`open`](Self::open) and `Retrying`.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn connect(url: &str) -> StoreResult<Self> {
        Self::connect_with(url, SqlOptions::default()).await
    }

    /// As [`connect`](Self::connect), with options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); also when an option is not allowed.
    pub async fn connect_with(url: &str, options: SqlOptions) -> StoreResult<Self> {
        let store = Self::open_with(url, options)?;
        let connected = store.inner.connections.check().await;
        connected.map_err(|error| store.error("connect to the SQL store", error))?;
        Ok(store)
    }

    /// The store at `url`; connects when it is first used.
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) when the URL names none of the databases.
    pub fn open(url: &str) -> StoreResult<Self> {
        Self::open_with(url, SqlOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open); also when an option is not allowed.
    pub fn open_with(url: &str, options: SqlOptions) -> StoreResult<Self> {
        Self::new(pool::open(url, &options)?, options)
    }

    /// A store on a pool of your own, with the default options.
    ///
    /// A pool of SQLite should have the journal mode `WAL`, a busy timeout, and more than one connection. A pool of a server is to
    /// be used in one runtime: its connections stand still when the runtime does that opened them, and end with it. A store
    /// that opens its connections itself has a pool for each runtime.
    #[must_use]
    pub fn from_pool(pool: impl Into<SqlPool>) -> Self {
        Self::from_pool_with(pool, SqlOptions::default()).expect("the default options are allowed everywhere")
    }

    /// As [`from_pool`](Self::from_pool), with options.
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) when an option is not allowed.
    pub fn from_pool_with(pool: impl Into<SqlPool>, options: SqlOptions) -> StoreResult<Self> {
        Self::new(Opened::from(pool.into()), options)
    }

    fn new(opened: Opened, options: SqlOptions) -> StoreResult<Self> {
        let dialect = opened.dialect();
        let statements = Arc::new(Statements::new(dialect, options.tables(dialect)?));
        let connections = Connections::new(opened);
        Ok(Self { inner: Arc::new(Inner { connections, statements, options, strangers: Arc::default() }) })
    }

    /// The statements that make the tables, step by step, for those who run migrations themselves.
    ///
    /// See [`SqlOptions::migrate_by_hand`].
    #[must_use]
    pub fn migrations(&self) -> Vec<SqlMigration> {
        schema::migrations(&self.inner.statements)
    }

    fn dialect(&self) -> Dialect {
        self.inner.statements.dialect
    }

    /// What messages say of the database.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.inner.connections.endpoint()
    }

    pub(crate) fn statements(&self) -> &Arc<Statements> {
        &self.inner.statements
    }

    pub(crate) fn registry(&self) -> Arc<TriggerRegistry> {
        self.inner.strangers.registry()
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        access: Access,
        work: impl Work<T>,
    ) -> StoreResult<T> {
        #[cfg(feature = "sqlite")]
        if let Some(writer) = self.inner.connections.writer(access) {
            let done = writer.write(self.statements(), work).await;
            return done.map_err(|problem| self.error(operation, problem));
        }
        let inner = self.inner.clone();
        // In a task of its own: a caller that stops waiting does not leave a connection in the middle of a transaction.
        let done = tokio::spawn(async move { inner.connections.run(&inner.statements, access, work).await });
        let done = done.await.unwrap_or(Err(Problem::Sql(sqlx::Error::WorkerCrashed)));
        done.map_err(|problem| self.error(operation, problem))
    }

    /// What a user is told of a problem.
    pub(crate) fn error(&self, operation: &'static str, problem: impl Into<Problem>) -> StoreError {
        problem.into().into_store_error(operation, &self.endpoint())
    }

    /// What is told to those who wait for what a release has made free.
    async fn wakeup(&self, operation: &'static str, openings: Openings, now: DateTime<Utc>) -> Option<Event> {
        let Openings { freed, queued_at } = openings;
        let is_awaited = !freed.is_empty()
            && run!(self, Access::Read, operation, [freed], session => freed.were_awaited(session).await)
                // It is a hint: when it cannot be known, they are told.
                .unwrap_or(true);
        let at = is_awaited.then_some(now).or(queued_at);
        at.map(|at| Wakeup::jobs(at).into())
    }

    /// Brings the tables up to date, under the lock of the writer.
    #[cfg(feature = "sqlite")]
    async fn start_on_file(&self) -> StoreResult<()> {
        let migrate = self.inner.options.migrate;
        let due = run!(self, Access::Read, START, [], session => schema::due(session, migrate).await)?;
        if due == schema::Due::Nothing {
            return Ok(());
        }
        run!(self, Access::Transaction, START, [], session => schema::run_missing(session).await)
    }

    /// Brings the tables up to date, by a connection of a server.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    async fn prepare(&self, connection: Connection<'_>) -> StoreResult<()> {
        let mut session = Session::new(connection, self.statements());
        let done = schema::prepare(&mut session, self.inner.options.migrate).await;
        done.map_err(|problem| self.error(START, problem))
    }
}

const START: &str = "store.start";

#[async_trait]
impl DataStore for SqlDataStore {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.inner.strangers.register(registry);
        match &self.inner.connections {
            #[cfg(feature = "sqlite")]
            Connections::Sqlite { .. } => self.start_on_file().await,
            // A connection that is dropped in the middle is closed, and its lock with it.
            #[cfg(feature = "postgres")]
            Connections::Postgres(pool) => {
                let mut connection = pool.lend().await.map_err(|error| self.error(START, error))?.detach();
                self.prepare(Connection::Postgres(&mut connection)).await
            }
            #[cfg(feature = "mysql")]
            Connections::MySql(pool) => {
                let mut connection = pool.lend().await.map_err(|error| self.error(START, error))?.detach();
                self.prepare(Connection::MySql(&mut connection)).await
            }
        }
    }

    fn payload_form(&self) -> PayloadForm {
        PayloadForm::Encoded
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        let statement = match self.dialect() {
            Dialect::Sqlite => return Ok(None),
            Dialect::Postgres => SERVER_TIME_POSTGRES,
            Dialect::MySql => SERVER_TIME_MYSQL,
        };
        run!(self, Access::Read, "store.server_time", [], session => {
            let row = session.fetch_first(statement, &Params::new()).await?;
            Ok(row.map(|mut row| row.instant("server_time")).transpose()?)
        })
    }

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        let tasks = Arc::new(tasks);
        run!(self, Access::Transaction, "store.put_tasks", [tasks], session => task::put(session, &tasks).await)
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        let id = id.clone();
        run!(self, Access::Statement, "store.remove_task", [id], session => task::remove(session, &id).await)
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        run!(self, Access::Read, "store.tasks", [], session => task::all(session).await)
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        let id = id.clone();
        run!(self, Access::Read, "store.task", [id], session => task::one(session, &id).await)
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let (schedule, registry) = (Arc::new(schedule), self.registry());
        run!(self, Access::Transaction, "store.add_schedule", [schedule, registry], session => {
            edit_schedule::add(session, &schedule, policy, &registry).await
        })
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        let (id, edit, registry) = (id.clone(), Arc::new(edit), self.registry());
        run!(self, Access::Transaction, "store.edit_schedule", [id, edit, registry], session => {
            edit_schedule::edit(session, &id, &edit, now, &registry).await
        })
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        let id = id.clone();
        run!(self, Access::Transaction, "store.remove_schedule", [id], session => {
            edit_schedule::remove(session, &id, jobs, now).await
        })
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        let (id, registry) = (id.clone(), self.registry());
        run!(self, Access::Read, "store.schedule", [id, registry], session => {
            read::schedule(session, &id, &registry).await
        })
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        let (filter, registry) = (filter.clone(), self.registry());
        run!(self, Access::Read, "store.schedules", [filter, registry], session => {
            read::schedules(session, &filter, &registry).await
        })
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        let strangers = self.inner.strangers.clone();
        run!(self, Access::Transaction, "store.acquire_schedules", [request, strangers], session => {
            acquire_schedule::acquire(session, &request, &strangers).await
        })
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        run!(self, Access::Transaction, "store.release_schedules", [request], session => {
            release_schedule::release(session, &request).await
        })
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let is_simple = add_job::is_simple(self.dialect(), &jobs);
        let access = if is_simple { Access::Statement } else { Access::Transaction };
        let jobs = Arc::new(jobs);
        run!(self, access, "store.add_jobs", [jobs], session => {
            add_job::add(session, &jobs, interest).await
        })
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        run!(self, Access::Transaction, "store.cancel_job", [], session => cancel::job(session, id, now).await)
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        run!(self, Access::Read, "store.job_status", [], session => read::status(session, id).await)
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        let filter = filter.clone();
        run!(self, Access::Read, "store.jobs", [filter], session => read::jobs(session, &filter).await)
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        run!(self, Access::Read, "store.job_result", [], session => read::result(session, id).await)
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        if request.limit == 0 {
            return Ok(Default::default());
        }
        let asked = request.clone();
        let access = acquire_job::access(self.dialect());
        let found = run!(self, access, "store.acquire_jobs", [asked], session => {
            acquire_job::look(session, &asked).await
        })?;
        let lanes = match found {
            Found::Acquired(acquired) => return Ok(acquired),
            Found::Lanes(lanes) => lanes,
        };
        let is_simple = acquire_job::is_simple(self.dialect(), &lanes);
        let lanes = Arc::new(lanes);
        if is_simple {
            return run!(self, Access::Statement, "store.acquire_jobs", [request, lanes], session => {
                acquire_job::from_lane(session, &lanes[0], &request).await
            });
        }
        run!(self, Access::Transaction, "store.acquire_jobs", [request, lanes], session => {
            acquire_job::from_lanes(session, &lanes, &request).await
        })
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        run!(self, Access::Transaction, "store.extend_leases", [request], session => {
            lease::extend(session, &request).await
        })
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        let now = request.now;
        let (mut released, openings) = run!(self, Access::Transaction, "store.release_jobs", [request], session => {
            release_job::release(session, &request).await
        })?;
        released.events.extend(self.wakeup("store.release_jobs", openings, now).await);
        Ok(released)
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        let (now, strangers) = (request.now, self.inner.strangers.clone());
        let (mut events, openings) = run!(self, Access::Transaction, "store.recover", [request, strangers], session => {
            recover::recover(session, &request, &strangers).await
        })?;
        events.extend(self.wakeup("store.recover", openings, now).await);
        Ok(events)
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        let holder = scheduler_id.clone();
        run!(self, Access::Read, "store.cancel_requests", [holder], session => {
            lease::cancel_requests(session, &holder).await
        })
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        let holder = holder.clone();
        run!(self, Access::Statement, "store.set_progress", [holder, progress], session => {
            lease::set_progress(session, job, &holder, &progress).await
        })
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        let strangers = self.inner.strangers.clone();
        run!(self, Access::Read, "store.next_wakeup", [query, strangers], session => {
            wakeup::next(session, &query, &strangers).await
        })
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        while run!(self, Access::Statement, "store.cleanup", [], session => {
            cleanup::remove_expired_results(session, now).await
        })? == Rest::Perhaps
        {}
        let mut events = Vec::new();
        loop {
            let (removed, rest) = run!(self, Access::Transaction, "store.cleanup", [], session => {
                cleanup::remove_finished_schedules(session).await
            })?;
            events.extend(removed);
            if rest == Rest::Nothing {
                return Ok(events);
            }
        }
    }
}
