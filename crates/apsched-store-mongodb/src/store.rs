//! The store as schedulers see it: each method is an operation, given so long and no longer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use apsched_core::event::{Event, EventInterest};
use apsched_core::schedule::ScheduleEdit;
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, ExtendLeases, HeldJob, JobFilter, LeaseReport, Recover,
    ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult, WakeupQuery, Wakeups,
};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    ConflictPolicy, DataStore, Job, JobId, JobResult, JobStatus, PayloadForm, Progress, Schedule, ScheduleId,
    SchedulerId, TaskId,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mongodb::Client;
use mongodb::bson::oid::ObjectId;

use crate::connection::{Connection, Source};
use crate::error::{Outcome, failed, unavailable};
use crate::home::Homes;
use crate::options::MongoOptions;
use crate::pause::pause;
use crate::{operation, schema};

/// Performs an operation: `perform!(self, "store.verb", [captured by clone], connection => operation)`.
macro_rules! perform {
    ($store:expr, $name:literal, [$($captured:ident),*], $connection:ident => $work:expr) => {{
        $( let $captured = $captured.clone(); )*
        let work = move |connection: Arc<Connection>| async move {
            let $connection = &*connection;
            $work.await
        };
        $store.perform($name, work).await
    }};
}

/// Keeps tasks, schedules, jobs and results in MongoDB, for as many processes as like to share them.
///
/// Clones share the client, of which there is one for each runtime that uses the store.
///
/// Needs a replica set, of one node or more, or a sharded cluster, and MongoDB 5.0 or newer. See the [crate](crate) for how it
/// works and for what to set up.
///
/// ```
/// use apsched_store_mongodb::{MongoDataStore, MongoOptions};
///
/// let options = MongoOptions::new().collection_prefix("background_");
/// let store = MongoDataStore::open_with("mongodb://db.example/shop?replicaSet=rs0", options)?;
/// assert!(format!("{store:?}").contains("shop"));
/// # Ok::<(), apsched_core::StoreError>(())
/// ```
#[derive(Clone)]
pub struct MongoDataStore {
    inner: Arc<Inner>,
}

struct Inner {
    database: String,
    homes: Homes,
}

impl MongoDataStore {
    /// Connects to the server that `url` names (`mongodb://` or `mongodb+srv://`), with the default options.
    ///
    /// The database of the URL is used, else `apsched`. TLS, credentials and timeouts are parameters of the URL. A server that
    /// cannot be had within 5 s counts as unavailable, unless `serverSelectionTimeoutMS` says otherwise. Read preference, read concern
    /// and write concern of the URL are not used: everything is read from the primary, and written to a majority.
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) for a URL that cannot be used, a user that is refused, or a server
    /// without transactions; [`Unavailable`](apsched_core::StoreError::Unavailable) when nobody answers. To start without the server
    /// and wait for it, use [`open`](Self::open) and `Retrying`.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn connect(url: &str) -> StoreResult<Self> {
        Self::connect_with(url, MongoOptions::default()).await
    }

    /// As [`connect`](Self::connect), with options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); also when an option is not allowed.
    pub async fn connect_with(url: &str, options: MongoOptions) -> StoreResult<Self> {
        let store = Self::open_with(url, options)?;
        perform!(store, "connect to MongoDB", [], connection => connection.check_server())?;
        Ok(store)
    }

    /// The store at `url`; connects when it is first used.
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) for a URL that cannot be read.
    pub fn open(url: &str) -> StoreResult<Self> {
        Self::open_with(url, MongoOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open); also when an option is not allowed.
    pub fn open_with(url: &str, options: MongoOptions) -> StoreResult<Self> {
        Self::new(Source::url(url)?, options)
    }

    /// A store on a client of your own, with the default options.
    ///
    /// A client is to be used in one runtime: it stands still when that runtime does, and ends with it.
    /// Transactions that a killed process left open are ended by the server alone, after a minute or more; see
    /// [the crate](crate#a-process-that-is-killed).
    ///
    /// # Errors
    /// [`Misconfigured`](apsched_core::StoreError::Misconfigured) when the client's default database has a name that is not allowed.
    pub fn from_client(client: Client) -> StoreResult<Self> {
        Self::from_client_with(client, MongoOptions::default())
    }

    /// As [`from_client`](Self::from_client), with options.
    ///
    /// # Errors
    /// As [`from_client`](Self::from_client); also when an option is not allowed.
    pub fn from_client_with(client: Client, options: MongoOptions) -> StoreResult<Self> {
        Self::new(Source::Client(client), options)
    }

    fn new(source: Source, options: MongoOptions) -> StoreResult<Self> {
        let database = source.database(&options)?;
        options.checked_prefix()?;
        let homes = Homes::new(source, options, Arc::default());
        Ok(Self { inner: Arc::new(Inner { database, homes }) })
    }

    /// What operations work with, in the runtime of the caller.
    pub(crate) async fn connection(&self) -> Outcome<Arc<Connection>> {
        self.inner.homes.connection().await
    }

    /// Does an operation within the time that it may take. One that is cut off was done or was not.
    async fn perform<T, W>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Connection>) -> W + Send + 'static,
    ) -> StoreResult<T>
    where
        T: Send + 'static,
        W: Future<Output = Outcome<T>> + Send,
    {
        let longest = self.inner.homes.options().operation_timeout;
        let store = self.clone();
        // In a task of its own: a caller that stops waiting does not leave a transaction open.
        let done = tokio::spawn(tokio::time::timeout(longest, async move {
            let connection = store.connection().await?;
            work(connection).await
        }));
        match done.await {
            Ok(Ok(done)) => done.map_err(|problem| problem.into_store_error(operation)),
            Ok(Err(_)) => {
                Err(unavailable(operation, format!("the server did not answer within {longest:?}")))
            }
            Err(ended) => Err(failed(operation, ended.to_string())),
        }
    }
}

impl fmt::Debug for MongoDataStore {
    /// Names database and collections, never the server or credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDataStore")
            .field("database", &self.inner.database)
            .field("jobs", &format_args!("{}jobs", self.inner.homes.options().prefix))
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl DataStore for MongoDataStore {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.inner.homes.strangers().register(registry);
        perform!(self, "store.start", [], connection => connection.check_server())?;
        let owner = ObjectId::new().to_hex();
        for look in 1..=schema::LOOKS {
            let attempt = perform!(self, "store.start", [owner], connection => {
                schema::bring_up_to_date(connection.collections(), &owner)
            })?;
            match attempt {
                schema::Attempt::Done => return Ok(()),
                schema::Attempt::Locked => pause(look).await,
            }
        }
        Err(unavailable("store.start", "another process has held the lock of the migration for minutes"))
    }

    fn payload_form(&self) -> PayloadForm {
        PayloadForm::Encoded
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        perform!(self, "store.server_time", [], connection => connection.server_time()).map(Some)
    }

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        perform!(self, "store.put_tasks", [], connection => operation::task::put(connection, &tasks))
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        perform!(self, "store.remove_task", [id], connection => operation::task::remove(connection, &id))
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        perform!(self, "store.tasks", [], connection => operation::task::list(connection))
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        perform!(self, "store.task", [id], connection => operation::task::one(connection, &id))
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        perform!(self, "store.add_schedule", [], connection => operation::add_schedule::add(connection, &schedule, policy))
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        perform!(self, "store.edit_schedule", [id], connection => operation::edit_schedule::edit(connection, &id, &edit, now))
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        perform!(self, "store.remove_schedule", [id], connection => operation::remove_schedule::remove(connection, &id, jobs, now))
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        perform!(self, "store.schedule", [id], connection => operation::list_schedules::one(connection, &id))
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        perform!(self, "store.schedules", [filter], connection => operation::list_schedules::list(connection, &filter))
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        perform!(self, "store.acquire_schedules", [], connection => operation::acquire_schedules::acquire(connection, &request))
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        perform!(self, "store.release_schedules", [], connection => operation::release_schedules::release(connection, &request))
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        perform!(self, "store.add_jobs", [], connection => operation::add_jobs::add(connection, jobs, interest))
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        perform!(self, "store.cancel_job", [], connection => operation::cancel_job::cancel(connection, id, now))
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        perform!(self, "store.job_status", [], connection => operation::list_jobs::status(connection, id))
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        perform!(self, "store.jobs", [filter], connection => operation::list_jobs::list(connection, &filter))
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        perform!(self, "store.job_result", [], connection => operation::list_jobs::result(connection, id))
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        perform!(self, "store.acquire_jobs", [], connection => operation::acquire_jobs::acquire(connection, &request))
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        perform!(self, "store.extend_leases", [], connection => operation::extend_leases::extend(connection, &request))
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        perform!(self, "store.release_jobs", [], connection => operation::release_jobs::release(connection, &request))
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        perform!(self, "store.recover", [], connection => operation::recover::recover(connection, &request))
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        perform!(self, "store.cancel_requests", [scheduler_id], connection => operation::cancel_job::requests(connection, &scheduler_id))
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        perform!(self, "store.set_progress", [holder], connection => operation::set_progress::set(connection, job, &holder, &progress))
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        perform!(self, "store.next_wakeup", [], connection => operation::next_wakeup::next(connection, &query))
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        perform!(self, "store.cleanup", [], connection => operation::cleanup::clean_up(connection, now))
    }
}
