//! The data store contract, one named test for each sentence of it.

use std::sync::Arc;

use apsched_core::DataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::store::{StoreCapabilities, StoreHarness, StoredRow};
use async_trait::async_trait;
use mongodb::bson::{Uuid, doc};

use crate::database::Database;

struct MongoHarness(Database);

#[async_trait]
impl StoreHarness for MongoHarness {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(self.0.open())
    }

    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { server_time: Support::Yes, unreadable_rows: Support::Yes }
    }

    async fn spoil(&self, row: StoredRow<'_>) {
        let (collection, filter, field) = match row {
            StoredRow::Schedule(id) => ("schedules", doc! {"_id": id.as_str()}, "trigger"),
            StoredRow::Job(id) => {
                ("jobs", doc! {"_id": Uuid::from_bytes(id.as_uuid().into_bytes())}, "settings")
            }
        };
        let spoiled = self.0.collection(collection).await;
        let spoiled = spoiled.update_one(filter, doc! {"$set": {field: "no JSON"}}).await;
        assert_eq!(spoiled.expect("the document can be changed").matched_count, 1, "{row:?}");
    }

    fn missing(&self) -> Option<String> {
        Backend::Mongodb.missing()
    }
}

apsched_testkit::data_store_conformance!(MongoHarness(Database::new()));
