//! A database of its own for each test, which is dropped with it.

use std::sync::atomic::{AtomicU64, Ordering};

use apsched_core::DataStore;
use apsched_core::trigger::TriggerRegistry;
use apsched_store_mongodb::{MongoDataStore, MongoOptions};
use apsched_testkit::backend::Backend;
use mongodb::bson::Document;
use mongodb::{Client, Collection};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Needs a runtime of more than one thread, for the end.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("apsched_test_{}_{number}", std::process::id()) }
    }

    pub(crate) fn options(&self) -> MongoOptions {
        MongoOptions::new().database(&self.name)
    }

    /// A store with a client of its own, as each process has one; not yet started.
    pub(crate) fn open(&self) -> MongoDataStore {
        MongoDataStore::open_with(&Backend::Mongodb.url(), self.options()).expect("the URL of the tests")
    }

    pub(crate) async fn start(&self) -> MongoDataStore {
        let store = self.open();
        store.start(&TriggerRegistry::new()).await.expect("the store starts");
        store
    }

    /// What the store keeps under `name`, behind its back.
    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        client().await.database(&self.name).collection(&format!("apsched_{name}"))
    }
}

pub(crate) async fn client() -> Client {
    Client::with_uri_str(Backend::Mongodb.url()).await.expect("the URL of the tests")
}

impl Drop for Database {
    fn drop(&mut self) {
        if Backend::Mongodb.missing().is_some() {
            return;
        }
        let dropped = async { client().await.database(&self.name).drop().await };
        let dropped = block_in_place(|| Handle::current().block_on(dropped));
        if !std::thread::panicking() {
            dropped.expect("the database of the test is dropped");
        }
    }
}
