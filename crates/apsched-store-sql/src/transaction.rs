//! Adding jobs and schedules within a transaction of the user's own.

use std::fmt;

use apsched_core::event::{Event, EventInterest};
use apsched_core::store::{StoreResult, StoreTransaction};
use apsched_core::{ConflictPolicy, Job, Schedule, StoreError};
use async_trait::async_trait;

use crate::dialect::Dialect;
use crate::operation::{add_job, edit_schedule};
use crate::session::{Connection, Session};
use crate::store::SqlDataStore;

/// A connection of the user's own, within a transaction; made by `into()` of sqlx's own, as in `&mut *transaction`.
#[derive(Debug)]
pub struct SqlConnection<'c>(Connection<'c>);

#[cfg(feature = "sqlite")]
impl<'c> From<&'c mut sqlx::SqliteConnection> for SqlConnection<'c> {
    fn from(connection: &'c mut sqlx::SqliteConnection) -> Self {
        Self(Connection::Sqlite(connection))
    }
}

#[cfg(feature = "postgres")]
impl<'c> From<&'c mut sqlx::PgConnection> for SqlConnection<'c> {
    fn from(connection: &'c mut sqlx::PgConnection) -> Self {
        Self(Connection::Postgres(connection))
    }
}

#[cfg(feature = "mysql")]
impl<'c> From<&'c mut sqlx::MySqlConnection> for SqlConnection<'c> {
    fn from(connection: &'c mut sqlx::MySqlConnection) -> Self {
        Self(Connection::MySql(connection))
    }
}

impl SqlConnection<'_> {
    const fn dialect(&self) -> Dialect {
        match self.0 {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Connection::MySql(_) => Dialect::MySql,
        }
    }
}

/// A transaction of the user's own, in which jobs and schedules are added: committed with the user's data, or not at all.
///
/// Made by [`SqlDataStore::within`].
pub struct SqlTransaction<'c> {
    store: &'c SqlDataStore,
    session: Session<'c>,
}

impl fmt::Debug for SqlTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlTransaction").field("store", &self.store).finish_non_exhaustive()
    }
}

impl SqlDataStore {
    /// Takes part in a transaction of the user's own, on the same database as the store's.
    ///
    /// Begin it as sqlx does, hand its connection over (`&mut *transaction`), add what belongs together, commit. On SQLite the
    /// transaction holds the one lock to write until it ends, and nothing else is written meanwhile: keep it short, and let it
    /// begin with `BEGIN IMMEDIATE`.
    ///
    /// # Errors
    /// [`Misconfigured`](StoreError::Misconfigured) when the connection is one of another kind of database.
    pub fn within<'c>(&'c self, connection: impl Into<SqlConnection<'c>>) -> StoreResult<SqlTransaction<'c>> {
        let connection = connection.into();
        let (own, found) = (self.statements().dialect, connection.dialect());
        if own != found {
            let reason = format!("expected a transaction of {}, found one of {}", own.name(), found.name());
            return Err(StoreError::Misconfigured { operation: OPERATION, reason });
        }
        Ok(SqlTransaction { store: self, session: Session::new(connection.0, self.statements()) })
    }
}

const OPERATION: &str = "take part in a transaction";

#[async_trait]
impl StoreTransaction for SqlTransaction<'_> {
    async fn add_jobs(&mut self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let added = add_job::add(&mut self.session, &jobs, interest).await;
        added.map_err(|problem| self.store.error("store.add_jobs", problem))
    }

    async fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let registry = self.store.registry();
        let added = edit_schedule::add(&mut self.session, &schedule, policy, &registry).await;
        added.map_err(|problem| self.store.error("store.add_schedule", problem))
    }
}
