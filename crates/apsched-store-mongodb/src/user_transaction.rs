//! Adding jobs and schedules within a transaction of the user's own.

use std::fmt;

use apsched_core::event::{Event, EventInterest};
use apsched_core::store::{StoreResult, StoreTransaction};
use apsched_core::{ConflictPolicy, Job, Schedule};
use async_trait::async_trait;
use mongodb::ClientSession;

use crate::operation::taken::Keys;
use crate::operation::{add_jobs, add_schedule};
use crate::store::MongoDataStore;

/// A transaction of the user's own, in which jobs and schedules are added: committed with the user's data, or not at all.
///
/// Made by [`MongoDataStore::within`].
pub struct MongoTransaction<'s> {
    store: MongoDataStore,
    session: &'s mut ClientSession,
}

impl fmt::Debug for MongoTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoTransaction").field("store", &self.store).finish_non_exhaustive()
    }
}

impl MongoDataStore {
    /// Takes part in a transaction of the user's own, on a session of the store's client ([`from_client`](Self::from_client)).
    ///
    /// Start it as the driver does, write what belongs together, commit. As in every transaction of MongoDB, an error that
    /// [is transient](apsched_core::StoreError::is_transient) means that another was faster: abort, and do all of it again.
    ///
    /// ```no_run
    /// use apsched_core::store::StoreTransaction;
    /// use apsched_core::{Job, event::EventInterest};
    /// use apsched_store_mongodb::MongoDataStore;
    /// use mongodb::{Client, bson::doc};
    ///
    /// # async fn example(job: Job) -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::with_uri_str("mongodb://db.example/shop?replicaSet=rs0").await?;
    /// let store = MongoDataStore::from_client(client.clone())?;
    /// let orders = client.database("shop").collection("orders");
    ///
    /// let mut session = client.start_session().await?;
    /// session.start_transaction().await?;
    /// orders.insert_one(doc! {"_id": 4711}).session(&mut session).await?;
    /// let events = store.within(&mut session).add_jobs(vec![job], EventInterest::ALL).await?;
    /// session.commit_transaction().await?; // from now on `events` are true
    /// # let _ = events;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within<'s>(&self, session: &'s mut ClientSession) -> MongoTransaction<'s> {
        MongoTransaction { store: self.clone(), session }
    }
}

const OPERATION: &str = "take part in a transaction";

#[async_trait]
impl StoreTransaction for MongoTransaction<'_> {
    async fn add_jobs(&mut self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let Self { store, session } = self;
        let added = async {
            // A key that is taken would end the transaction, so it is looked first.
            add_jobs::within(&*store.connection().await?, session, jobs, Keys::MayBeTaken, interest).await
        };
        added.await.map_err(|problem| problem.into_store_error(OPERATION))
    }

    async fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let Self { store, session } = self;
        let added =
            async { add_schedule::within(&*store.connection().await?, session, schedule, policy).await };
        added.await.map_err(|problem| problem.into_store_error(OPERATION))
    }
}
